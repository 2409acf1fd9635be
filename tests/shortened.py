"""The notebooks without what their panels do not need: nbval runs all of them."""

from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# Cells to leave out, by their names.
LEFT_OUT = {
    "03_two_more_layers": [
        "final-losses",
        "block-alone",
        "learn-to-copy",
        "copy-picture",
        "copy-claims",
        "dead-outputs",
        "ten-blocks",
    ],
    "04_plain_vs_residual": [
        "claims-pytorch",
        "claims-he",
        "claims-identity",
        "one-rate-further",
        "claims-further",
        "train-then-test",
        "train-them",
        "at-the-start",
        "near-the-identity",
        "table-near",
        "claims-near",
        "claims-decay",
        "train-otherwise",
        "claims-otherwise",
        "draw-faces",
        "faces",
        "claims-faces",
    ],
    "05_matching_dimensions": [
        "train-A-B-C",
        "published-A-B-C",
        "picture-A-B-C",
        "claims-A-B-C",
        "two-instruments",
        "examine",
        "picture-examine",
        "claims-examine",
        "the-reasons",
        "test-the-reasons",
        "pairs-of-C",
    ],
    "06_resnets_on_images": [
        "claims-study",
        "rounding",
        "picture-rounding",
        "claims-rounding",
        "gradients",
        "picture-gradients",
        "claims-gradients",
        "alike-claims",
        "contributions",
        "picture-contributions",
        "claims-contributions",
    ],
    "07_why_it_works": [
        "one-step",
        "keep-the-promise",
        "wiggle-claims",
        "verdicts",
        "who-is-wrong",
        "verdicts-claims",
        "other-choices",
        "adam",
        "eleventh-kind",
        "train-witnesses",
        "witnesses",
        "kept-lengths",
        "shares-of-the-gradient",
        "paths-picture",
        "lesion-claims",
        "cut-into-steps",
        "train-forms",
        "decay-race",
        "decay-picture",
        "decay-claims",
        "who-stayed",
        "larger-steps",
        "count-sums",
        "first-rows",
        "last-rows",
        "five-answers",
        "five-more-answers",
    ],
}
# Shorter trainings: cell, its long text, its short text.
SHORTER = {
    "04_plain_vs_residual": ("the-study", "range(SEED, SEED + 5), 10\n", "range(1), 2\n"),
    "06_resnets_on_images": ("study", "range(SEED, SEED + 5), 2\n", "range(SEED, SEED + 5), 1\n"),
}


def shortened(name):
    """Return the notebook ``name``, shortened; LookupError if a cell named above has changed."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    for id_ in LEFT_OUT.get(name, ()):
        if id_ not in cells:
            raise LookupError(f"{name} has no cell {id_!r}: see LEFT_OUT in tests/shortened.py")
        del cells[id_]
    if name in SHORTER:
        id_, long, short = SHORTER[name]
        if id_ not in cells or cells[id_].source.count(long) != 1:
            raise LookupError(
                f"{name} has no cell {id_!r} with {long!r} once: see SHORTER in tests/shortened.py"
            )
        cells[id_].source = cells[id_].source.replace(long, short)
    notebook.cells = list(cells.values())
    return notebook
