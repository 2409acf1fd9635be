"""The notebooks without what their panels do not need: nbval runs all of it, tests of panels need
not.
"""

from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# Cells to leave out, by their names.
LEFT_OUT = {
    "03_two_more_layers": [
        "larger-steps",
        "learn-to-copy",
        "copy-picture",
        "copy-claims",
        "skip-or-start",
    ],
    "04_plain_vs_residual": [
        "claims-pytorch",
        "claims-he",
        "claims-zero",
        "claims-best",
        "patience",
    ],
    "05_matching_dimensions": ["train-A-B-C", "published-A-B-C", "picture-A-B-C", "claims-A-B-C"],
    "06_resnets_on_images": [
        "claims-study",
        "read-out",
        "read-out-claims",
        "contributions",
        "picture-contributions",
        "claims-contributions",
    ],
}
# Shorter trainings: cell, what stands there, what shall stand there.
SHORTER = {
    "04_plain_vs_residual": ("the-study", "range(5), 10\n", "range(1), 2\n"),
    "06_resnets_on_images": ("study", "range(5), 3\n", "range(5), 1\n"),
}


def shortened(name):
    """Return the notebook ``name``, shortened."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    left_out = LEFT_OUT.get(name, [])
    assert set(left_out) <= {cell.id for cell in notebook.cells}
    notebook.cells = [cell for cell in notebook.cells if cell.id not in left_out]
    for cell in notebook.cells:
        chosen, long, short = SHORTER.get(name, (None, "", ""))
        if cell.id == chosen:
            assert cell.source.count(long) == 1
            cell.source = cell.source.replace(long, short)
    return notebook
