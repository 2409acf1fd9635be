"""The course as lectures: a deck of one file for each notebook, which needs no network.

    python -m helpers.press.slides [build/slides [NOTEBOOK...]]

What a deck says is in the folder slides/ next to the notebooks, in a Markdown file with the name of
the notebook. Each heading begins a slide: it is the claim of the slide. Quoted lines are for the
speaker. A line of one of these kinds names cells of the notebook by their ids:

    `picture: shrink-W`                  a picture; a panel, if the book has recorded it
    `picture: early-panel; block`        the same, and of its controls this one moves, not the first
    `question: quiz-round-two`           a question for a vote; the next key shows the answer
    `numbers: copy-claims, closed-form`  where the numbers of the slide come from; for the speaker

Nothing is run. Pictures are those stored in the notebook; a panel moves if a book is next to the
decks, as build/book is next to build/slides.
"""

import re
from pathlib import Path

from helpers.files.texts import read_text
from helpers.files.writing import write
from helpers.press.albums import find_albums, narrow
from helpers.press.cells import Prose, convert_output, find_view, is_page, list_outputs, render
from helpers.press.command import main, weigh
from helpers.press.reading import list_sources, read_notebook
from helpers.quizzes.texts import find_question, read_beside
from helpers.setup.machine import ROOT

NAMES = r"^`(picture|question|numbers): ([\w, -]+)(?:; (.+))?`$"  # a line that names cells
DECK_BYTES = 6_000_000


def build(target, sources=None):
    """Write the decks of ``sources`` (notebooks; default: those of the course that have a text).

    Return {path of a deck: how many of its panels stand still}. Raises ValueError if a text names
    a cell that is not there, or if a deck is larger than DECK_BYTES; OSError if there is no text,
    if a deck cannot be written, or if something else is in its place.
    """
    folder = ROOT / "notebooks"
    texts = sorted((folder / "slides").glob("[!.]*.md"))
    sources = list_sources(sources or [folder / f"{text.stem}.ipynb" for text in texts])
    return dict(build_deck(Path(target), source) for source in sources)


def build_deck(target, source):
    """Write the deck of one notebook; return its path, and how many panels stand still."""
    notebook, text = read_notebook(source), source.parent / "slides" / f"{source.stem}.md"
    albums = find_albums(target.parent / "book" / f"{source.stem}.json", notebook.cells)
    slides, questions = read_slides(text), read_beside(source)
    try:
        shown = [fill(slide, notebook, questions, albums) for slide in slides]
    except KeyError as error:
        raise ValueError(f"{text} names {error}, which {source.name} does not have") from None
    path = target / f"{source.stem}.html"
    html = render("slides.html.j2", title=slides[0]["title"], slides=shown)
    if (size := len(html.encode())) > DECK_BYTES:
        raise ValueError(f"{path.name} has {size / 1e6:.1f} MB, more than {DECK_BYTES / 1e6:.0f}")
    write(path, html, is_page)
    return path, sum(part.get("still", False) for slide in shown for part in slide["parts"])


def read_slides(path):
    """Return the slides of a text: [{"title", "folder", "parts", "moves", "notes"}].

    parts: in their order, ("text", Markdown) and, by kind, ("picture", ids of cells).
    moves: {id: the label of the control that moves, or None}.
    """
    slides = []
    for whole in re.split(r"^(?=## )", read_text(path), flags=re.MULTILINE):
        notes = "\n".join(re.findall(r"^>(?: (.*))?$", whole, re.MULTILINE))
        text = re.sub(r"^>(?: .*)?$\n?", "", whole, flags=re.MULTILINE)
        first, *rest = re.split(NAMES, text, flags=re.MULTILINE)
        parts, moves = [("text", first)], {}
        for kind, names, label, after in zip(*(rest[n::4] for n in range(4)), strict=True):
            parts += [(kind, names.split(", ")), ("text", after)]
            moves |= dict.fromkeys(names.split(", "), label)
        title = whole.split("\n")[0].lstrip("# ")
        slides.append({"title": title, "folder": path.parent, "parts": parts, "moves": moves})
        slides[-1]["notes"] = notes
    return slides


def fill(slide, notebook, questions, albums):
    """Return what the template shows of a slide: {"parts", "notes"}.

    Raises KeyError for a cell, a picture or a question that is not there.
    """
    prose, cells = Prose({}, slide["folder"]), {cell.id: cell for cell in notebook.cells}
    parts, named = [], []
    for kind, what in slide["parts"]:
        if kind == "text":
            parts += [{"prose": prose.convert(what)}] if what.strip() else []
            continue
        named += what
        for name in what:
            cell = cells[name]
            if kind == "picture":
                moving = name in albums and narrow(albums[name], slide["moves"][name])
                parts.append(moving or find_picture(cell))
            elif kind == "question":
                parts.append({"question": find_question(questions, cell.source)})
    return {"parts": parts, "notes": prose.convert(slide["notes"]), "cells": named}


def find_picture(cell):
    """Return the stored picture of a cell; below that of a panel goes its sentence."""
    for output in list_outputs(cell):
        if "image/png" in output.get("data", {}):
            return convert_output(output) | {"still": any(map(find_view, cell.outputs))}
    raise KeyError(f"a picture of {cell.id}")


def list_lines(target, sources):
    """Write the decks; yield a line for each."""
    for path, still in build(target, sources).items():
        yield weigh(path) + (f"; panels that are still until  make book: {still}" if still else "")


if __name__ == "__main__":
    main(list_lines, "build/slides")
