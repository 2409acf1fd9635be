"""Notebooks as files: is it one, was it edited, and to which exercise does a cell belong?"""

import hashlib
import json
import re

from helpers.files.texts import read_text

MERGE = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)  # git's marks around what nobody has decided


def parse(path):
    """Return the JSON of a notebook as it is. Raises ValueError, one sentence, if it is none."""
    text = read_text(path)
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        if merge := MERGE.search(text):
            line = text.count("\n", 0, merge.start()) + 1
            mend = "decide which half to keep, or fetch it again"
            raise ValueError(f"{path} is half merged, see its line {line}: {mend}") from None
        raise ValueError(f"{path} is no notebook: {error}") from None
    if not isinstance(notebook, dict) or not {"nbformat", "metadata"} <= notebook.keys():
        raise ValueError(f"{path} is no notebook: it is JSON of another kind")
    return notebook


def parse_cells(path):
    """Return ``parse(path)``, each cell with metadata.

    Raises ValueError also for a damaged notebook, and for one of an old format.
    """
    notebook = parse(path)
    try:
        for cell in notebook["cells"]:
            cell["metadata"] = cell.get("metadata") or {}
            list_exercises(cell), "".join(cell["source"]), cell["cell_type"].strip()
    except (LookupError, TypeError, AttributeError):
        mend = "fetch it again, or save it in JupyterLab"
        raise ValueError(f"{path} is a damaged notebook, or of an old format: {mend}") from None
    return notebook


def digest(notebook):
    """Return a hash of what people write in a notebook; running it again does not change that."""
    written = [
        [cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {})]
        for cell in notebook["cells"]
    ]
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def list_exercises(cell):
    """Return the names of the exercises that a cell belongs to, none or one."""
    tags = cell["metadata"].get("tags") or []
    return [tag[9:] for tag in tags if tag.startswith("exercise:")]


def name_exercise(cell):
    """Return the name of the exercise that a cell of the course belongs to, "" if to none.

    Raises ValueError for a cell of several, and for a stub of none.
    """
    names = list_exercises(cell)
    if len(names) > 1 or (not names and "stub" in (cell["metadata"].get("tags") or [])):
        source = "".join(cell["source"])
        raise ValueError(f"the cell {source!r:.60} needs one tag  exercise:NAME, not {len(names)}")
    return names[0] if names else ""
