"""The table of ``depths``, read: each arm and depth at its best learning rate."""

import json
import math
from itertools import zip_longest
from pathlib import Path

import numpy as np

from helpers import training
from helpers.block import SKIPS, check_known
from helpers.files.writing import has_keys
from helpers.setup.machine import DATA

RESULTS = DATA / "results" / "depths.json"
is_table = has_keys("made", "setting", "rows")  # of a file: whether ``depths.run`` wrote it
FINAL = {  # column of the table: property of a History
    "training loss": "final_loss",
    "training error": "final_training_error",
    "test error": "final_test_error",
}


def stored(path=RESULTS):
    """Return the table that ``depths.run`` wrote: made (where, when, by which code), setting, rows.

    A row is one net: layers, skip, learning_rate, seed, diverged, training loss (nats), training
    error and test error (fractions), and its share of the seconds that its run took.
    """
    return json.loads(Path(path).expanduser().read_text(encoding="utf-8"))


def errors(table, of="training error"):
    """Return {skip: errors (depths, seeds), fractions}, each depth at its best learning rate.

    The best rate has the lowest median training loss over the seeds; a net that diverged counts as
    infinitely bad, and its error is NaN, as are those that a depth with fewer seeds lacks.
    table: as ``stored`` returns it. of: "training error" or "test error".
    """
    check_known("of", of, FINAL)
    found = {}
    for skip, depths in _compared(table).items():
        each = [[getattr(one, FINAL[of]) for one in nets] for _, nets in depths.values()]
        found[skip] = np.array(list(zip_longest(*each, fillvalue=math.nan))).T
    return found


def best_rates(table):
    """Return {skip: learning rates (depths,)}: the rate at which ``errors`` takes each depth."""
    return {
        skip: [rate for rate, _ in depths.values()] for skip, depths in _compared(table).items()
    }


def answer(table):
    """Return what a table says of the study's question, in a line for each arm."""
    lines = ["wrong training images, median of the seeds, each depth at its best rate:"]
    for skip, depths in _compared(table).items():
        each = (
            f"{layers} layers {_median(nets)} at {rate:g}"
            for layers, (rate, nets) in depths.items()
        )
        lines.append(f"  skip = {skip}: {', '.join(each)}")
    return "\n".join(lines)


def _median(nets):
    found = np.median([math.inf if net.failed else net.final_training_error for net in nets])
    return f"{found:.1%}" if math.isfinite(found) else "diverged"


def _compared(table):
    """Return {skip: {layers: (best rate, Histories at it)}}, in the order of SKIPS and depths."""
    found = {}
    for row in sorted(table["rows"], key=lambda row: (SKIPS.index(row["skip"]), row["layers"])):
        last = (None, row["training loss"], row["training error"], row.get("test error"))
        rates = found.setdefault(row["skip"], {}).setdefault(row["layers"], {})
        history = training.History([last], diverged=row["diverged"])
        rates.setdefault(row["learning_rate"], []).append(history)
    return {
        skip: {n: (rate := training.best(rates), rates[rate]) for n, rates in depths.items()}
        for skip, depths in found.items()
    }
