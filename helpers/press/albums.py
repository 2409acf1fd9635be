"""What decks take from a book: the first control of each panel, in a file next to each page."""

import hashlib
import json

from helpers.files.writing import has_keys, write
from helpers.press.cells import find_view
from helpers.press.stills import find_first


def keep_albums(path, cells, albums):
    """Write the albums of a page for decks.

    cells, albums: what the book's run_cells returns.
    """
    views = {cell.id: map(find_view, cell.get("outputs", [])) for cell in cells}
    kept = {
        name: narrow(albums[view])
        for name, of_cell in views.items()
        for view in of_cell
        if "frames" in albums.get(view, {})
    }
    if kept:
        write(path, json.dumps({"code": digest(cells), "albums": kept}), has_keys("code", "albums"))


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


def narrow(album):
    """Return an album in which only the first slider moves; the other controls keep their places.

    Without a slider, the first control with several positions moves. Pictures for paper go.
    """
    controls = album["controls"]
    first = find_first(controls) or 0
    fixed = [[c["label"], c["texts"][c["initial"]]] for c in controls if c is not controls[first]]
    place = [control["initial"] for control in controls]
    covers, frames = {}, {}
    for at in range(len(controls[first]["texts"])):
        place[first] = at
        number, sentence = album["frames"][",".join(map(str, place))]
        frames[str(at)] = [covers.setdefault(album["covers"][number], len(covers)), sentence]
    moving = {"controls": [controls[first]], "fixed": album["fixed"] + fixed}
    moving |= {"one_at_a_time": False, "positions": []}
    return album | moving | {"covers": list(covers), "frames": frames}
