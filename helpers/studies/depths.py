"""Does the error rise with depth? The question of He et al. 2015 (section 4.2), on digits.

    python -m helpers.studies.depths

trains plain and residual nets of 20, 32, 44, 56 and 110 layers, five seeds at five learning rates
each, on all cores (about 20 minutes on two). Finished runs are kept in build/study.jsonl: stop the
command, run it again, and it continues from there. The table goes to data/results/depths.json, with
the machine, the date, the versions and the commit of the code.
"""

import itertools
import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from helpers import datasets, nets, training
from helpers.files.writing import check, has_keys, write
from helpers.setup.machine import DATA, ROOT, cores
from helpers.studies import sweeps

RESULTS = DATA / "results" / "depths.json"
LAYERS, ARMS, SEEDS = (20, 32, 44, 56, 110), ("none", "inside"), (0, 1, 2, 3, 4)
RATES = (
    0.001,
    0.003,
    0.01,
    0.03,
    0.1,
)  # wide enough that every arm is at its best between the ends
SETTING = {"width": 4, "epochs": 20, "batch": 32}  # as in notebook 6, but trained for longer
is_table = has_keys("made", "setting", "rows")  # of a file: whether ``run`` wrote it
FINAL = {  # column of the table: property of a History
    "training loss": "final_loss",
    "training error": "final_training_error",
    "test error": "final_test_error",
}
SGD = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-4)


def train_arm(layers, skip, learning_rate, seeds=SEEDS, width=4, epochs=20, batch=32):
    """Train the nets of one arm at one depth and one rate together; return one dict for each seed.

    layers: 6n + 2 of them, as in the paper's section 4.2, with He's start and option A shortcuts.
    skip: "none" or "inside".
    learning_rate: one rate to the end, for SGD with momentum 0.9 and weight decay 0.0001.
    seeds: each sets the initial numbers and the order of the images; nothing is augmented.
    width: channels of the first stage.
    epochs, batch: as for ``training.train``.

    Errors are fractions of images, the loss is in nats, both after the last epoch; None in a net
    that diverged.
    """
    data = datasets.standardise(datasets.digits())
    # One channel: (images, 1, 8, 8).
    data = data._replace(x_train=data.x_train[:, None], x_test=data.x_test[:, None])
    make = partial(nets.convolutional, layers, skip, start="he", shortcut="A", width=width)
    found = training.fair(
        lambda seed: make(seed=seed), data, rates=[learning_rate], seeds=seeds, epochs=epochs,
        batch=batch, optimizer=SGD, measure_every=epochs,
    )  # fmt: skip
    return [
        {"seed": seed, "diverged": history.diverged}
        | {of: None if history.diverged else getattr(history, name) for of, name in FINAL.items()}
        for seed, history in zip(seeds, found[learning_rate], strict=True)
    ]


def grid(layers=LAYERS, seeds=SEEDS, rates=RATES, **setting):
    """Return the arguments of ``train_arm`` for each run; the longest runs come first."""
    arms = itertools.product(sorted(layers, reverse=True), ARMS, rates)
    return [
        {"layers": n, "skip": skip, "learning_rate": rate, "seeds": list(seeds)} | SETTING | setting
        for n, skip, rate in arms
    ]


def run(runs=None, *, target=RESULTS, store=None, workers=None):
    """Run the study, write its table to ``target``, and return the table.

    runs: a ``grid``, by default the whole one.
    store: the file of finished runs.
    workers: how many processes, by default one for each core; 0 for none.

    Raises OSError, before the first run, if the table cannot be written or something else is in its
    place; RuntimeError if a run failed; and KeyboardInterrupt if it is interrupted: the runs that
    were finished by then are in the store.
    """
    check(target, is_table)
    runs = runs or grid()
    finished = _finish(runs, store, workers)
    names = ("layers", "skip", "learning_rate")
    rows = [
        {name: row.arguments[name] for name in names} | net
        for row in finished
        for net in row.result
    ]
    rows.sort(key=lambda row: [row[name] for name in (*names, "seed")])
    setting = {name: runs[0][name] for name in SETTING}
    table = {"made": circumstances(), "setting": setting, "rows": rows}
    write(target, _text(table), is_table)
    return table


def _finish(runs, store, workers):
    if store:
        Path(store).parent.mkdir(parents=True, exist_ok=True)
    executor = None if workers == 0 else sweeps.Processes(workers)
    # ``sweeps.run`` would hide an interrupt.
    finished = list(sweeps.iterate(train_arm, runs, executor, store))
    if failed := [f"{row.arguments}: {row.error}" for row in finished if row.error]:
        raise RuntimeError(f"{len(failed)} of {len(runs)} runs failed; the first: {failed[0]}")
    return finished


def _text(table):
    """Return the table as JSON, a row a line, so that changes can be read."""
    head = json.dumps({key: table[key] for key in ("made", "setting")}, indent=1)
    rows = ",\n  ".join(json.dumps(row) for row in table["rows"])
    return f'{head[:-2]},\n "rows": [\n  {rows}\n ]\n}}\n'


def circumstances():
    """Return where, when and by which code a result was made.

    The commit ends in "and changes" if files of helpers differ from it; it is None outside of a
    repository.
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    try:
        commit = _git("rev-parse", "HEAD")
        commit += " and changes" * bool(_git("status", "--porcelain", "--", "helpers"))
    except (OSError, subprocess.CalledProcessError):
        commit = None
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": models[0] if models else platform.processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "commit": commit,
    }


def _git(*words):
    command = ["git", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def stored(path=RESULTS):
    """Return the table that ``run`` wrote: made (where, when, by which code), setting, and rows.

    A row is one net: layers, skip, learning_rate, seed, diverged, training loss (nats), training
    error and test error (fractions).
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def errors(table, of="training error"):
    """Return {skip: errors (depths, seeds), fractions}, each depth at its best learning rate.

    The best rate has the lowest median training loss over the seeds; a net that diverged counts as
    infinitely bad, and its error is NaN.
    table: as ``stored`` returns it. of: "training error" or "test error".
    """
    return {
        skip: np.array([[getattr(one, FINAL[of]) for one in at[rate]] for rate, at in depths])
        for skip, depths in _compared(table).items()
    }


def best_rates(table):
    """Return {skip: learning rates (depths,)}: the rate at which ``errors`` takes each depth."""
    return {skip: [rate for rate, _ in depths] for skip, depths in _compared(table).items()}


def _compared(table):
    """Return, for each arm, a list of (best rate, {rate: Histories}) with one entry a depth."""
    found = {skip: {} for skip in ARMS}
    for row in sorted(table["rows"], key=lambda row: row["layers"]):
        last = (None, row["training loss"], row["training error"], row.get("test error"))
        rates = found[row["skip"]].setdefault(row["layers"], {})
        history = training.History([last], diverged=row["diverged"])
        rates.setdefault(row["learning_rate"], []).append(history)
    return {
        skip: [(training.best(rates), rates) for rates in depths.values()]
        for skip, depths in found.items()
    }


if __name__ == "__main__":
    try:
        run(store=ROOT / "build" / "study.jsonl")
    except KeyboardInterrupt:
        sys.exit("Stopped. Run the same command again to continue.")
    except OSError as error:
        sys.exit(str(error))
    print(f"written to {RESULTS.relative_to(ROOT)}")
