"""The notebooks without what their panels do not need, for a browser."""

from pathlib import Path

import nbformat

from helpers.press.cells import VIEW

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# Shorter trainings: cell, its long text, its short text.
SHORTER = {
    "04_plain_vs_residual": ("the-study", "range(SEED, SEED + 5), 10\n", "range(1), 2\n"),
    "06_resnets_on_images": ("study", "range(SEED, SEED + 5), 2\n", "range(SEED, SEED + 5), 1\n"),
}
# What `make test` runs, and what is true of the long training only.
CLAIMS = ("claims-pytorch",)


def is_left_out(cell):
    """Is this a long training, or what needs one, and no panel?"""
    slow = cell.id in CLAIMS or "slow" in cell.metadata.get("tags", ())
    return slow and not any(VIEW in output.get("data", ()) for output in cell.get("outputs", ()))


def shortened(name):
    """Return the notebook ``name``, shortened; LookupError if a cell named above has changed."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not is_left_out(cell)]
    if name in SHORTER:
        id_, long, short = SHORTER[name]
        cell = next((cell for cell in notebook.cells if cell.id == id_), None)
        if cell is None or cell.source.count(long) != 1:
            raise LookupError(
                f"{name} has no cell {id_!r} with {long!r} once: see SHORTER in tests/shortened.py"
            )
        cell.source = cell.source.replace(long, short)
    return notebook
