"""The course as slides: a deck of one file for each notebook, which needs no network.

    python -m helpers.press.slides build/slides [NOTEBOOK...]

Nothing is run; the slides show what is stored in the notebooks. Where a slide begins stands in the
metadata of the
cells, ``slideshow``: slide, subslide, fragment, skip, notes. JupyterLab sets it in its property
inspector. A heading begins a slide as well. Of a panel, its picture and its sentence are shown. A
question (a cell with the tag quiz) has a slide of its own, with its choices and without the answer.
What does not fit on a slide goes on to the next one: that is measured in the browser, by
helpers/press/pages/slides.js, before reveal.js takes over.
"""

import base64
import io
import re
import sys
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
from jinja2 import Environment, FileSystemLoader
from PIL import Image

from helpers.press import book
from helpers.setup.machine import ROOT

PAGES = Path(__file__).resolve().parent / "pages"
HEADING = r"^(?=## )"
NEIGHBOURS = r"^(Before|Next): \[(.|\n)*?(\n\n|\Z)"  # the links to the notebooks before and after
SHORT = 12  # lines of code that a slide shows; of a longer cell, it shows what came out
AT_ONCE, WIDE = (
    16,
    88,
)  # lines of printed text on one slide; from so many letters in a line on, they are smaller
ROOM = 1160, 560  # for a picture on a slide of 1280 x 720, in pixels
WITH_A_SENTENCE = 1160, 470  # the same, where a sentence stands below it
GAP, MUCH = (
    40,
    1.5,
)  # a tall picture is shown in two halves with a gap, if that makes it so many times as large


def build(target, sources=None):
    """Write the decks of ``sources`` (notebooks; default: the course); return their paths."""
    sources = [Path(source) for source in sources or sorted((ROOT / "notebooks").glob("*.ipynb"))]
    links = {source.name: f"{source.stem}.html" for source in sources}
    files = ("reveal.css", "slides.css", "reveal.js", "slides.js")
    page = {name.replace(".", "_"): (PAGES / name).read_text(encoding="utf-8") for name in files}
    page["font"] = base64.b64encode((PAGES / "math.woff").read_bytes()).decode("ascii")
    template = Environment(loader=FileSystemLoader(PAGES), autoescape=True).get_template(
        "slides.html.j2"
    )
    Path(target).mkdir(parents=True, exist_ok=True)
    written = []
    for source in sources:
        cells = nbformat.read(source, as_version=4).cells
        title = re.search(r"^# (.+)$", cells[0].source, re.MULTILINE)[1]
        written.append(Path(target, links[source.name]))
        html = template.render(page, title=title, columns=arranged(pieces(cells, links)))
        written[-1].write_text(html, encoding="utf-8")
    return written


def arranged(pieces):
    """Return columns of slides, [[slide]], of (kind, part). A slide has steps, which appear one by
    one, and notes.
    """
    columns = []
    for kind, part in pieces:
        if not columns or kind == "slide":
            columns.append([])
        if not columns[-1] or kind in ("slide", "subslide"):
            columns[-1].append({"steps": [], "notes": []})
        slide = columns[-1][-1]
        if kind == "notes":
            slide["notes"].append(part)
            continue
        if kind == "fragment" or not slide["steps"]:
            slide["steps"].append({"fragment": kind == "fragment", "parts": []})
        slide["steps"][-1]["parts"].append(part)
    return columns


def pieces(cells, links):
    """Yield (kind, part) of what is shown of each cell; a Markdown cell is cut at its headings."""
    renderer = book.Prose(links)
    for cell in cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "-")
        if kind == "skip":
            continue
        if book.is_question(cell):
            yield from (("subslide" if kind == "-" else kind, asked) for asked in questions(cell))
            continue
        if cell.cell_type == "code":
            part = {
                "code": book.part(cell, renderer, {})["code"] if is_short(cell) else "",
                "outputs": outputs(cell),
            }
            if part["code"] or part["outputs"]:
                yield kind, part
            continue
        whole = re.sub(NEIGHBOURS, "", cell.source, flags=re.MULTILINE)
        for source in filter(str.strip, re.split(HEADING, whole, flags=re.MULTILINE)):
            begins = source.startswith("## ") and kind != "notes"
            piece = nbformat.v4.new_markdown_cell(source)
            yield "slide" if begins else kind, book.part(piece, renderer, {})
            kind = "-" if kind in ("slide", "subslide", "fragment") else kind


def questions(cell):
    """Yield the question of a cell and its choices, as it is stored for where no kernel runs."""
    for output in cell.outputs:
        if html := output.get("data", {}).get("text/html"):
            (ask,), choices = (
                re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("b", "li")
            )
            yield {"ask": unescape(ask), "choices": [unescape(choice) for choice in choices]}


def is_short(cell):
    """Whether a slide shows the code of a cell: a few lines, and no picture comes of them."""
    pictures = any("image/png" in output.get("data", {}) for output in cell.outputs)
    return not pictures and len(cell.source.splitlines()) <= SHORT


def outputs(cell):
    """Return what the template needs to know of each output of a cell."""
    live = [output for output in cell.outputs if book.VIEW in output.get("data", {})]
    shown = []
    for output in cell.outputs:
        if "image/png" in output.get("data", {}):
            shown.append(picture(book.shown(output, {}), has_sentence=bool(live)))
        elif not live:  # of a panel, only its picture: the sentence is that of the picture
            found = book.shown(output, {})
            shown += text(found["text"]) if "text" in found else [found]
    return shown


def picture(found, has_sentence):
    """Return a picture, as large as the slide allows, and its sentence, if it is that of a panel.

    A tall picture stands there in two halves, side by side, if that makes it much larger.
    """
    width, height = WITH_A_SENTENCE if has_sentence else ROOM
    scale = min(width / found["width"], height / found["height"])
    sizes = {"width": round(scale * found["width"]), "height": round(scale * found["height"])}
    of_halves = min((width - GAP) / 2 / found["width"], height / (0.55 * found["height"]))
    if of_halves > MUCH * scale:
        whole, above = round(of_halves * found["height"]), emptiest_row(found["png"])
        sizes = {
            "width": round(of_halves * found["width"]),
            "halves": [round(above * whole), round((1 - above) * whole)],
        }
    return found | sizes | {"sentence": found["alt"] if has_sentence else ""}


def emptiest_row(png):
    """Return where near its middle a picture is cut best, as a fraction of its height: where there
    is least ink.
    """
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("L")
    pixels = np.asarray(image, dtype=int)
    first, last = (
        len(pixels) * 45 // 100,
        len(pixels) * 55 // 100,
    )  # no half is higher than 0.55 of it
    ink = (pixels.max() - pixels[first:last]).sum(axis=1)
    rows = np.flatnonzero(ink == ink.min())  # the one nearest to the middle
    return (first + rows[np.abs(rows - (last - first) / 2).argmin()]) / len(pixels)


def text(whole):
    """Return printed text in parts of at most AT_ONCE lines."""
    lines = whole.split("\n")
    parts = ["\n".join(lines[at : at + AT_ONCE]) for at in range(0, len(lines), AT_ONCE) if whole]
    return [{"text": part, "wide": max(map(len, lines)) > WIDE} for part in parts]


if __name__ == "__main__":
    for path in build(*sys.argv[1:2] or ["build/slides"], sys.argv[2:]):
        print(f"{path.stat().st_size / 1e6:5.2f} MB  {path}")
