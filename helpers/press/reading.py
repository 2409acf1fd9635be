"""Notebooks as people have them: saved by Colab, Kaggle, VS Code, an old Jupyter; half merged."""

import json
import re
from pathlib import Path

import nbformat

from helpers.files.notebooks import parse

ID = re.compile(r"[\w-]{1,64}", re.ASCII)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read_notebook(path):
    """Return a notebook for this Python: its cells have ids, and no widgets are stored with it.

    An id that Colab has moved into the metadata comes back. Raises ValueError, with one sentence,
    if the file is no notebook.
    """
    notebook = parse(path)
    try:
        if notebook["nbformat"] == 4:
            seen = set()
            for number, cell in enumerate(notebook["cells"]):
                _complete(cell, number, seen)
            notebook["nbformat_minor"] = 5
        notebook = nbformat.reads(json.dumps(notebook), as_version=4)
        notebook.metadata.pop("widgets", None)  # Colab stores them without what nbconvert needs
        notebook.metadata["kernelspec"] = KERNEL  # elsewhere a kernel may have any name
        return notebook
    except Exception as error:  # what is missing may break it anywhere
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise ValueError(f"{path} is a damaged notebook ({reason}): fetch it again") from error


def list_sources(sources, *taken):
    """Return the paths of notebooks and texts, each of which becomes a file of its own name.

    taken: names of other pages. Raises ValueError if two files would have one name.
    """
    paths, seen = [*map(Path, sources)], {name: f"the page {name}" for name in taken}
    for path in paths:
        name = path.stem.casefold()  # as macOS and Windows compare them
        if name in seen:
            raise ValueError(f"{seen[name]} and {path} would become one file: rename one of them")
        seen[name] = path
    return paths


def read_title(cells, path):
    """Return the title of a notebook or a text: the heading of its first cell.

    Raises ValueError if there is none.
    """
    found = re.search(r"^# (.+)$", cells[0].source, re.MULTILINE) if cells else None
    if found is None:
        raise ValueError(f"{path} has no title: its first cell needs a line  # Title")
    return found[1]


def _complete(cell, number, seen):
    """Give a cell what newer notebooks have, in place; ``seen`` are the ids of those before it."""
    metadata = cell["metadata"] = cell.get("metadata") or {}
    ids = [cell.get("id"), metadata.pop("id", None), f"cell-{number}", f"cell-{number}-{len(seen)}"]
    ids = (str(id_ or "") for id_ in ids)
    cell["id"] = next(id_ for id_ in ids if ID.fullmatch(id_) and id_ not in seen)
    seen.add(cell["id"])
    if cell["cell_type"] == "code":
        cell.setdefault("outputs", [])
        cell.setdefault("execution_count", None)
