"""Notebooks as files: is it one, and has somebody written into it since the course made it?"""

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


def digest(notebook):
    """Return a hash of what people write in a notebook; running it again does not change that."""
    written = [
        [cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {})]
        for cell in notebook["cells"]
    ]
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()
