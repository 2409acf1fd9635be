"""The course as slides: a deck of one file for each notebook, which needs no network.

    python -m helpers.press.slides [build/slides [NOTEBOOK...]]

Nothing is run; the slides show what is stored in the notebooks. A slide begins at each heading of
level 2 and where the metadata of a cell says so: ``slideshow`` is slide, subslide, fragment, skip
or notes, and JupyterLab sets it in its property inspector. A panel appears as its picture and its
sentence. A question (a cell with the tag quiz) has a slide to itself, with its choices and without
the answer. What does not fit on a slide goes on to the next one: the browser measures that before
reveal.js takes over (helpers/press/pages/slides.js).
"""

import base64
import re
import sys
from html import unescape
from pathlib import Path

import numpy as np

from helpers.files.writing import write
from helpers.press.cells import (
    Prose,
    convert_code,
    convert_output,
    find_view,
    is_page,
    is_question,
    list_outputs,
    render,
)
from helpers.press.pictures import read_pixels
from helpers.press.reading import read_notebook, read_title
from helpers.setup.machine import ROOT

NEIGHBOURS = r"^(Before|Next): \[(.|\n)*?(\n\n|\Z)"  # the links to the notebooks before and after
CODE_LINES = 12  # of a cell with more code, a slide shows only the outputs
TEXT_LINES = 16  # of printed text on one slide
TEXT_COLUMNS = 88  # the letters of printed text with longer lines are smaller
# The most that a picture takes of a slide of 1280 x 720, in pixels: alone, and above a sentence.
PICTURE_SIZE, PANEL_SIZE = (1160, 560), (1160, 470)
# A tall picture is cut into two halves with a gap, in pixels, if that makes it so much larger.
HALVES_GAP, HALVES_GAIN = 40, 1.5


def build(target, sources=None):
    """Write the decks of ``sources`` (notebooks; default: the course); return their paths.

    Raises OSError if a deck cannot be written, or if something else is in its place.
    """
    sources = [*map(Path, sources or sorted((ROOT / "notebooks").glob("*.ipynb")))]
    links = {source.name: f"{source.stem}.html" for source in sources}
    written = []
    for source in sources:
        cells = read_notebook(source).cells
        title = read_title(cells, source)
        columns = arrange(cut(cells, Prose(links)))
        html = render("slides.html.j2", title=title, columns=columns)
        written.append(Path(target, links[source.name]))
        write(written[-1], html, is_page)
    return written


def arrange(parts):
    """Return columns of slides, [[slide]], from (mark, part).

    A slide has steps, which appear one by one, and notes.
    """
    columns = []
    for mark, part in parts:
        if not columns or mark == "slide":
            columns.append([])
        if not columns[-1] or mark in ("slide", "subslide"):
            columns[-1].append({"steps": [], "notes": []})
        slide = columns[-1][-1]
        if mark == "notes":
            slide["notes"].append(part)
            continue
        if mark == "fragment" or not slide["steps"]:
            slide["steps"].append({"fragment": mark == "fragment", "parts": []})
        slide["steps"][-1]["parts"].append(part)
    return columns


def cut(cells, prose):
    """Yield (mark, part): the slide type of a cell and what the template shows of the cell.

    A Markdown cell is cut at its headings of level 2.
    """
    for cell in cells:
        mark = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if mark == "skip":
            continue
        if is_question(cell):
            own_slide = "subslide" if mark == "-" else mark
            yield from ((own_slide, question) for question in read_questions(cell))
        elif cell.cell_type == "code":
            code = convert_code(cell.source) if is_short(cell) else ""
            outputs = convert_outputs(cell)
            if code or outputs:
                yield mark, {"code": code, "outputs": outputs}
        else:
            whole = re.sub(NEIGHBOURS, "", cell.source, flags=re.MULTILINE)
            for text in filter(str.strip, re.split(r"^(?=## )", whole, flags=re.MULTILINE)):
                begins = text.startswith("## ") and mark != "notes"
                yield "slide" if begins else mark, {"prose": prose.convert(text)}
                mark = "notes" if mark == "notes" else "-"


def read_questions(cell):
    """Yield the questions of a cell with their choices, as stored for pages without a kernel."""
    for output in cell.outputs:
        if html := output.get("data", {}).get("text/html"):
            asked, *choices = re.findall(r"<(?:b|li)>(.*?)</(?:b|li)>", html, re.DOTALL)
            yield {"ask": unescape(asked), "choices": [unescape(choice) for choice in choices]}


def is_short(cell):
    """Return whether a slide shows the code of a cell: a few lines that draw no picture."""
    pictures = any("image/png" in output.get("data", {}) for output in cell.outputs)
    return not pictures and len(cell.source.splitlines()) <= CODE_LINES


def convert_outputs(cell):
    """Return what the template shows of the outputs of a cell."""
    has_panel = any(map(find_view, cell.outputs))
    shown = []
    for output in list_outputs(cell):
        if "image/png" in output.get("data", {}):
            shown.append(fit_picture(convert_output(output), has_panel))
        elif not has_panel:  # the texts of a panel repeat the sentence of its picture
            part = convert_output(output)
            shown += split_text(part["text"]) if "text" in part else [part]
    return shown


def fit_picture(part, has_sentence):
    """Return a picture as large as a slide allows, with the sentence of a panel below it."""
    width, height = PANEL_SIZE if has_sentence else PICTURE_SIZE
    scale = min(width / part["width"], height / part["height"])
    size = {"width": round(scale * part["width"]), "height": round(scale * part["height"])}
    # No half is higher than 0.55 of the picture: see find_emptiest_row.
    halved = min((width - HALVES_GAP) / 2 / part["width"], height / (0.55 * part["height"]))
    if halved > HALVES_GAIN * scale:
        whole, upper = round(halved * part["height"]), find_emptiest_row(part["png"])
        halves = [round(upper * whole), round((1 - upper) * whole)]
        size = {"width": round(halved * part["width"]), "halves": halves}
    return part | size | {"sentence": part["alt"] if has_sentence else ""}


def find_emptiest_row(png):
    """Return where to cut a picture: at the row with the least ink, between 0.45 and 0.55 of it.

    png: base64. Of several such rows, the one nearest to the middle.
    """
    pixels = read_pixels(base64.b64decode(png))
    first, last = len(pixels) * 45 // 100, len(pixels) * 55 // 100
    ink = (pixels.max() - pixels[first:last]).sum(axis=(1, 2))
    rows = np.flatnonzero(ink == ink.min())
    return (first + rows[np.abs(rows - (last - first) / 2).argmin()]) / len(pixels)


def split_text(text):
    """Return printed text in parts of at most TEXT_LINES lines."""
    lines = text.split("\n") if text else []
    wide = max(map(len, lines), default=0) > TEXT_COLUMNS
    chunks = [lines[at : at + TEXT_LINES] for at in range(0, len(lines), TEXT_LINES)]
    return [{"text": "\n".join(chunk), "wide": wide} for chunk in chunks]


if __name__ == "__main__":
    try:
        for path in build(*sys.argv[1:2] or ["build/slides"], sys.argv[2:]):
            print(f"{path.stat().st_size / 1e6:5.2f} MB  {path}")
    except OSError as error:
        sys.exit(str(error))
