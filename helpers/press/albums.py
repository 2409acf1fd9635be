"""What decks take from a book: the pictures of one control of each panel."""

import hashlib
import json

from helpers.files.writing import has_keys, write
from helpers.panels.ahead import as_key
from helpers.press.cells import find_view
from helpers.press.stills import list_moves, list_places


def keep_albums(path, cells, albums):
    """Write the albums of a page for decks, as far as one control at a time moves.

    cells, albums: what the book's run_cells returns.
    """
    kept = {
        cell.id: thin(albums[view])
        for cell in cells
        for view in map(find_view, cell.get("outputs", []))
        if len(albums.get(view, {}).get("frames", [])) > 1
    }
    if kept:
        content = json.dumps({"code": digest(cells), "albums": kept})
        write(path, content, has_keys("code", "albums"))


def find_albums(path, cells):
    """Return {id of a cell: album}; {} if the book is missing, or was made of other code."""
    if not path.is_file():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return kept["albums"] if kept["code"] == digest(cells) else {}


def digest(cells):
    """Return a number for the code of a notebook, as text."""
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def thin(album):
    """Return an album without the places at which two controls have moved."""
    return select(album, list_moves(album["controls"]))


def narrow(album, label=None):
    """Return an album in which one control moves, the first or that with this label.

    Raises KeyError if there is no such control.
    """
    controls = album["controls"]
    movable = {c["label"]: n for n, c in enumerate(controls) if len(c["texts"]) > 1}
    one = movable[label or next(iter(movable))]
    fixed = [[c["label"], c["texts"][c["initial"]]] for c in controls if c is not controls[one]]
    small = select(album, list_places(controls, one))
    frames = {str(at): frame for at, frame in enumerate(small["frames"].values())}
    moving = {"controls": [controls[one]], "fixed": album["fixed"] + fixed, "frames": frames}
    return small | moving | {"one_at_a_time": False}


def select(album, places):
    """Return an album with these places only, and without the pictures for paper."""
    covers, frames = {}, {}
    for place in map(as_key, places):
        number, sentence = album["frames"][place]
        frames[place] = [covers.setdefault(album["covers"][number], len(covers)), sentence]
    return album | {"covers": list(covers), "frames": frames, "positions": []}
