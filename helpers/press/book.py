"""The course as a book: an HTML file for each notebook, whose sliders move without a kernel.

    python -m helpers.press.book [build/book [NOTEBOOK...]]

Every notebook is run, and right after each cell its panels are asked for their pictures
(helpers/press/stills.py). The pages need no server and no network; how they look and how a panel
moves is in helpers/press/pages. A file next to each page keeps what decks need of it
(helpers/press/albums.py).
"""

import itertools
import json
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.files.texts import read_text
from helpers.files.writing import check, write
from helpers.press import stills
from helpers.press.albums import keep_albums
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
from helpers.press.command import main, weigh
from helpers.press.folds import name_fold
from helpers.press.reading import list_sources, read_notebook, read_title
from helpers.press.running import naming
from helpers.setup.machine import ROOT

BOOK = "Why ResNets work"
PAGE_BYTES = 6_000_000
# For the pictures of all panels of a page. As base64 they take a third more.
PICTURE_BYTES = 4_050_000
# One panel may take MAX_PANEL_BYTES, if MIN_PANEL_BYTES are left for each panel after it.
MIN_PANEL_BYTES, MAX_PANEL_BYTES = 450_000, 2_000_000


def build(target, sources=None, readme=ROOT / "README.md"):
    """Write index.html and the pages of ``sources``; return their paths.

    sources: notebooks and Markdown files; by default, the course. readme: its section "The course"
    becomes the map on the index page. Raises ValueError if a cell or a position of a panel fails,
    if two pages would have one name, and if one is larger than PAGE_BYTES; OSError if a page cannot
    be written, or if something else is in its place.
    """
    course = (sorted((ROOT / "notebooks").glob(f"[!.]*.{suffix}")) for suffix in ("ipynb", "md"))
    sources = list_sources(sources or itertools.chain(*course), "index")
    links = {source.name: f"{source.stem}.html" for source in sources}
    pages = [{"file": "index.html", "title": BOOK, "folder": readme.parent}]
    for source in sources:
        title = read_title(read_cells(source), source)
        pages.append({"file": links[source.name], "title": title, "folder": source.parent})
    for before, after in itertools.pairwise(pages):
        before["after"], after["before"] = after, before
    for page in pages:
        check(Path(target, page["file"]), is_page)
    front = [nbformat.v4.new_markdown_cell(compose_front(readme))]
    written = [write_page(target, pages[0], front, {}, links)]
    for page, source in zip(pages[1:], sources, strict=True):
        cells, albums = run_cells(source)
        written.append(write_page(target, page, cells, albums, links))
        keep_albums(written[-1].with_suffix(".json"), cells, albums)
    return written


def read_cells(source):
    """Return the cells of a notebook; a Markdown file is one cell."""
    if source.suffix == ".ipynb":
        return read_notebook(source).cells
    return [nbformat.v4.new_markdown_cell(read_text(source))]


def compose_front(readme):
    """Return the Markdown text of the index page."""
    text = read_text(readme)
    course = re.search(r"^## The course\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    return render("front.md", book=BOOK, course=course)


def run_cells(source):
    """Run a notebook; return its cells with outputs, and {model id of a widget: its album}.

    The albums share PICTURE_BYTES; questions need none.
    """
    if source.suffix != ".ipynb":
        return read_cells(source), {}
    notebook = read_notebook(source)
    cells, albums, room = list(notebook.cells), {}, PICTURE_BYTES
    to_come = sum(len(find_views(cell)) for cell in cells if not is_question(cell))  # as stored
    notebook.cells.append(nbformat.v4.new_code_cell())  # for ask_kernel
    options = {"timeout": 1200, "extra_arguments": ["--log-level=CRITICAL"]}
    options["resources"] = {"metadata": {"path": str(source.parent)}}
    client = NotebookClient(notebook, **options)
    with client.setup_kernel():
        ask_kernel(client, f"%load_ext {stills.__name__}")
        for number, cell in enumerate(cells):
            with naming(source, cells, number):
                client.execute_cell(cell, number)
            for view in find_views(cell):
                to_come -= not is_question(cell)
                share = max(MIN_PANEL_BYTES, min(MAX_PANEL_BYTES, room - MIN_PANEL_BYTES * to_come))
                with naming(source, cells, number):
                    album = ask_kernel(client, f"%album {view} {share}")
                if album:
                    albums[view] = album
                    room -= len(json.dumps(album)) * 3 // 4
    return cells, albums


def ask_kernel(client, line):
    """Run a line in the kernel, not in the notebook; return the JSON that it displays, or None."""
    cells = client.nb.cells
    cells[-1] = nbformat.v4.new_code_cell(line)
    client.execute_cell(cells[-1], len(cells) - 1, store_history=False)
    shown = [output.get("data", {}).get("application/json") for output in cells[-1].outputs]
    return next(filter(None, shown), None)


def find_views(cell):
    """Return the model ids of the widgets that a cell shows."""
    return list(filter(None, map(find_view, cell.get("outputs", []))))


def write_page(target, page, cells, albums, links):
    """Write one page and return its path.

    page: {"file", "title", "folder", "before", "after"}: the folder of its source; the last two are
    pages, too. cells, albums: what run_cells returns. links: {name of a source: its page}. Raises
    ValueError if the page is larger than PAGE_BYTES.
    """
    prose = Prose(links, page["folder"])
    parts = [convert_cell(cell, prose, albums) for cell in cells]
    values = {"page": page, "book": BOOK, "cells": parts, "headings": prose.headings}
    values["moves"] = bool(albums)
    path = Path(target, page["file"])
    html = render("page.html.j2", **values)
    if (size := len(html.encode())) > PAGE_BYTES:
        limit = f"a page has at most {PAGE_BYTES / 1e6:.0f}"
        raise ValueError(f"{path.name} has {size / 1e6:.1f} MB; {limit}")
    write(path, html, is_page)
    return path


def convert_cell(cell, prose, albums):
    """Return what the template shows of a cell: {"prose"}, or {"code", "outputs"}."""
    if cell.cell_type != "code":
        return {"prose": prose.convert(cell.source, cell.get("attachments"))}
    outputs, rest = [], iter(list_outputs(cell))
    for output in rest:
        album = albums.get(find_view(output))
        shown = album or convert_output(output)
        outputs.append(spare_covers(shown) if "covers" in shown else shown)
        if album:  # what it stores for where no kernel runs: choices, or a picture and a sentence
            list(itertools.islice(rest, 1 if "quiz" in album else 2))
    panel = any("frames" in output for output in outputs)
    fold = name_fold(cell.source, panel)
    return {"code": convert_code(cell.source), "fold": fold, "outputs": outputs}


def spare_covers(album):
    """Return an album without the covers of pictures that it has as a whole: None is there."""
    whole = {position["cover"] for position in album["positions"]}
    covers = [
        None if number in whole and cover else cover for number, cover in enumerate(album["covers"])
    ]
    return album | {"covers": covers}


if __name__ == "__main__":
    main(lambda *words: map(weigh, build(*words)), "build/book")
