"""Which code the stored outputs are from: ``make notebooks`` writes it into ran.json.

`make test` does not run cells with the tag ``slow``. Whoever changes the code of a notebook with
such cells must make its outputs anew; test_notebooks.py tells them.
"""

import hashlib
import json
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
RAN = Path(__file__).with_suffix(".json")


def digests():
    """Return {notebook: SHA-256 of the code of its cells}, of each notebook with a slow cell."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        if any("slow" in cell.metadata.get("tags", ()) for cell in cells):
            code = [cell.source for cell in cells if cell.cell_type == "code"]
            found[path.stem] = hashlib.sha256(json.dumps(code).encode()).hexdigest()
    return found


def recorded():
    """Return {notebook: digest of the code that made its stored outputs}."""
    return json.loads(RAN.read_text(encoding="utf-8"))


if __name__ == "__main__":
    now, before = {Path(name).stem for name in sys.argv[1:]}, recorded()
    found = {name: new if name in now else before.get(name) for name, new in digests().items()}
    RAN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
