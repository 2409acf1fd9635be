"""Does the error rise with depth? The question of He et al. 2015 (section 4.2) at its own depths,
on digits.

    python -m helpers.studies.depths

trains plain and residual nets of 20, 32, 44, 56 and 110 layers, five seeds and five learning rates
each, on all cores (about 20 minutes on two). What is finished is kept in build/study.jsonl: stopped
and started again, it goes on from there. The table goes to data/results/depths.json, with the
machine, the date, the versions and the commit of the code.
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
from helpers.setup.machine import ROOT, cores
from helpers.studies import sweeps

RESULTS = ROOT / "data" / "results" / "depths.json"
LAYERS, ARMS, SEEDS = (20, 32, 44, 56, 110), ("none", "inside"), (0, 1, 2, 3, 4)
RATES = (
    0.001,
    0.003,
    0.01,
    0.03,
    0.1,
)  # wide enough that no arm is at its best at an end for want of a further one
SETTING = {"width": 4, "epochs": 20, "batch": 32}  # as in notebook 6, but trained for longer


def train_arm(layers, skip, learning_rate, seeds=SEEDS, width=4, epochs=20, batch=32):
    """Train the nets of one arm at one depth and one rate in lockstep; return one dict for each
    seed.

    The nets are those of the paper's section 4.2, of 6n + 2 = ``layers`` layers, with He's start
    and shortcuts of option A; SGD with momentum 0.9 and weight decay 0.0001, at one rate to the
    end, without warm-up or augmentation. Errors are fractions of images, the loss is in nats, both
    after the last epoch; None in a net that diverged.
    """
    data = datasets.standardise(datasets.digits())
    data = data._replace(
        x_train=data.x_train[:, None], x_test=data.x_test[:, None]
    )  # (images, 1 channel, 8, 8)
    many = [
        nets.convolutional(layers, skip, start="he", shortcut="A", seed=seed, width=width)
        for seed in seeds
    ]
    histories = training.train_many(
        many,
        data,
        epochs=epochs,
        learning_rates=[learning_rate] * len(many),
        seeds=list(seeds),
        batch=batch,
        optimizer=partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-4),
        measure_every=epochs,
    )
    return [_result(seed, history) for seed, history in zip(seeds, histories, strict=True)]


def _result(seed, history):
    last = {
        "training loss": "training_loss",
        "training error": "training_error",
        "test error": "test_error",
    }
    values = {
        name: None if history.diverged else getattr(history, column)[-1]
        for name, column in last.items()
    }
    return {"seed": seed, "diverged": history.diverged} | values


def grid(layers=LAYERS, seeds=SEEDS, rates=RATES, **setting):
    """Return the arguments of ``train_arm`` for each run; the longest first, so that no core waits
    for the last.
    """
    arms = itertools.product(sorted(layers, reverse=True), ARMS, rates)
    return [
        {"layers": n, "skip": skip, "learning_rate": rate, "seeds": list(seeds)} | SETTING | setting
        for n, skip, rate in arms
    ]


def run(runs=None, *, target=RESULTS, store=None, workers=None):
    """Run the study, write its table to ``target``, and return the table.

    runs: a ``grid``, by default the whole one. store: the file of what is finished. workers:
    processes, by default one for each core, 0 for none. Raises RuntimeError if a run failed, and
    KeyboardInterrupt if it is interrupted: what was finished until then is in the store.
    """
    runs = runs or grid()
    if store:
        Path(store).parent.mkdir(parents=True, exist_ok=True)
    executor = None if workers == 0 else sweeps.Processes(workers)
    try:
        finished = list(
            sweeps.iterate(train_arm, runs, executor, store)
        )  # ``sweeps.run`` would hide an interrupt
    finally:
        if executor:
            executor.shutdown()
    failed = [f"{row.arguments}: {row.error}" for row in finished if row.error]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(runs)} runs failed; the first: {failed[0]}")
    keys = ("layers", "skip", "learning_rate")
    rows = [
        {key: row.arguments[key] for key in keys} | one for row in finished for one in row.result
    ]
    rows.sort(key=lambda row: (row["layers"], row["skip"], row["learning_rate"], row["seed"]))
    table = {
        "made": circumstances(),
        "setting": {name: runs[0][name] for name in SETTING},
        "rows": rows,
    }
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(_text(table), encoding="utf-8")
    return table


def _text(table):
    """The table as JSON, one row a line, so that changes can be read."""
    head = json.dumps({key: table[key] for key in ("made", "setting")}, indent=1)
    rows = ",\n  ".join(json.dumps(row) for row in table["rows"])
    return f'{head[:-2]},\n "rows": [\n  {rows}\n ]\n}}\n'


def circumstances():
    """Return where, when and by which code a result was made."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    processor = next(
        (line.split(":")[1].strip() for line in lines if "model name" in line), platform.processor()
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor,
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy")},
        "commit": commit(),
    }


def commit():
    """Return the commit of the code, "... and changes" if files differ from it, or None outside of
    a repository.
    """
    try:
        name, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", "helpers")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{name} and changes" if changed else name


def _git(*words):
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def stored(path=RESULTS):
    """Return the table that ``run`` wrote: made (where, when, by which code), setting, and rows.

    A row is one net: layers, skip, learning_rate, seed, diverged, training loss (nats), training
    error, test error.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def errors(table, of="training error"):
    """Return {skip: errors (depths, seeds), fractions} of a table, each depth at its best learning
    rate.

    The best rate is that with the lowest median training loss over the seeds; a net that diverged
    counts as infinitely bad, and its error is NaN. ``of``: "training error" or "test error".
    """
    return {
        skip: np.array([[np.nan if row["diverged"] else row[of] for row in rows] for rows in arms])
        for skip, arms in _at_best_rates(table).items()
    }


def best_rates(table):
    """Return {skip: learning rates (depths,)} of a table: the rate at which ``errors`` takes each
    depth.
    """
    return {
        skip: [rows[0]["learning_rate"] for rows in arms]
        for skip, arms in _at_best_rates(table).items()
    }


def _at_best_rates(table):
    """For each arm and depth the rows at the best rate."""
    layers = sorted({row["layers"] for row in table["rows"]})
    return {skip: [_at_best_rate(table, n, skip) for n in layers] for skip in ARMS}


def _at_best_rate(table, layers, skip):
    groups = {}
    for row in table["rows"]:
        if (row["layers"], row["skip"]) == (layers, skip):
            groups.setdefault(row["learning_rate"], []).append(row)
    return min(
        groups.values(),
        key=lambda rows: np.median(
            [np.inf if row["diverged"] else row["training loss"] for row in rows]
        ),
    )


if __name__ == "__main__":
    try:
        run(store=ROOT / "build" / "study.jsonl")
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on from what is finished.")
    print(f"written to {RESULTS.relative_to(ROOT)}")
