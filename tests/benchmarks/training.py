"""Many nets together against two loops over single nets, and the cost by depth and number of nets.

The first loop is the one of tutorials, with a DataLoader. The second is careful: the data are
tensors, the optimiser is fused, nothing is measured before the end (``training.train``). Both take
one net after another; ours is one call of ``training.train_many``. All run on one core with one
thread, and take turns; times are medians of the rounds. Every contestant builds its nets, and ours
and the careful loop measure them before and after the training.

``python training.py`` measures all parts, ``python training.py contest`` those whose names start
so; the parts that are not measured keep what is in the file of results.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path

import machine
import nbformat
import numpy as np
import torch
from nbclient import NotebookClient
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from helpers import datasets, nets, training

ROUNDS = 3
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SGD = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-4)
# The nets of notebooks 4 and 6: how they are built, how many at once, and how they are trained.
SIZES = {
    "fully connected": (
        lambda seed, skip: nets.fully_connected(20, skip, seed=seed, width=32),
        15,
        {"epochs": 10, "batch": 128, "optimizer": training.adam},
    ),
    "convolutional": (
        lambda seed, skip: nets.convolutional(20, skip, seed=seed, width=4),
        10,
        {"epochs": 3, "batch": 32, "optimizer": SGD},
    ),
}


def tutorial_loop(build, seeds, data, epochs, batch, optimizer):
    """One net after another, with a DataLoader, as tutorials do it."""
    for seed in seeds:
        net = build(seed)
        loader = DataLoader(TensorDataset(*data[:2]), batch_size=batch, shuffle=True)
        learner = optimizer(net.parameters(), lr=1e-3)
        for _ in range(epochs):
            total = 0.0
            for images, labels in loader:
                learner.zero_grad()
                loss = cross_entropy(net(images), labels)
                loss.backward()
                learner.step()
                total += loss.item()


def careful_loop(build, seeds, data, epochs, **options):
    """One net after another, with nothing that could be left out."""
    options |= {"epochs": epochs, "measure_every": epochs, "learning_rate": 1e-3}
    for seed in seeds:
        training.train(build(seed), data, seed=seed, **options)


def together(build, seeds, data, epochs, **options):
    """All nets in one call."""
    options |= {"epochs": epochs, "measure_every": epochs, "learning_rates": [1e-3] * len(seeds)}
    training.train_many([build(seed) for seed in seeds], data, seeds=seeds, **options)


def contest(size, skip):
    """Median seconds of the three on one core, for the nets of a notebook."""
    build, count, options = SIZES[size]
    task = partial(build, skip=skip), range(count), digits(size == "convolutional")
    contestants = {"tutorial loop": tutorial_loop, "careful loop": careful_loop, "ours": together}
    for run in contestants.values():  # what is imported and allocated at first
        run(*task, **options | {"epochs": 1})
    rounds = [
        {name: seconds(run, *task, **options) for name, run in contestants.items()}
        for _ in range(ROUNDS)
    ]
    medians = {name: statistics.median(one[name] for one in rounds) for name in contestants}
    faster = {name: round(medians[name] / medians["ours"], 2) for name in list(medians)[:2]}
    took = {name: round(value, 2) for name, value in medians.items()}
    return {"nets": count, "epochs": options["epochs"], "seconds": took, "times faster": faster}


@cache
def digits(channel=False):
    data = datasets.standardise(datasets.digits())
    tensors = [torch.tensor(part) for part in data]
    return [part[:, None] if channel and part.ndim == 3 else part for part in tensors]


def seconds(run, *arguments, **settings):
    start = time.perf_counter()
    run(*arguments, **settings)
    return time.perf_counter() - start


def at_depth(layers):
    """Seconds per epoch and peak MB of two residual nets, in this process alone."""

    def build(seed):
        return nets.fully_connected(layers, start="identity", seed=seed)

    two = partial(together, build, range(2), digits(), 1)
    two()
    took = statistics.median(seconds(two) for _ in range(3))
    print(json.dumps({"layers": layers, "seconds per epoch": took, "peak MB": machine.peak()}))


def fresh_process(layers):
    done = subprocess.run(
        [sys.executable, __file__, str(layers)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def depths():
    """Time and memory from 20 to 1,000 layers; the exponent is the slope on log scales."""
    rows = [fresh_process(layers) for layers in (20, 50, 100, 200, 500, 1000)]
    layers, took, memory = (np.array([row[key] for row in rows]) for key in rows[0])
    for row in rows:
        print(row)
    fit = {
        "exponent of time": round(np.polyfit(np.log(layers), np.log(took), 1)[0], 2),
        "MB per layer and net": round(np.polyfit(layers, memory, 1)[0] / 2, 3),
    }
    print(fit)
    return {"nets": 2, "rows": rows} | fit


def numbers_of_nets():
    """Seconds per epoch and net of 20 layers of 32 units, for 1 to 50 nets in one call."""
    build = partial(nets.fully_connected, 20, width=32)
    took = {}
    for _ in range(ROUNDS):
        for count in (1, 2, 5, 10, 20, 50):
            run = partial(together, lambda seed: build(seed=seed), range(count), digits(), 5)
            took.setdefault(count, []).append(seconds(run) / 5 / count)
    return {"seconds": {count: round(statistics.median(of), 4) for count, of in took.items()}}


def whole_notebooks():
    """Seconds of notebooks 4 and 6 from their first cell to their last, in a kernel."""
    return {
        name: round(seconds(run_notebook, name), 1)
        for name in ("04_plain_vs_residual", "06_resnets_on_images")
    }


def run_notebook(name):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()


PARTS = {
    f"contest, {size}, {skip}": partial(contest, size, skip)
    for size in SIZES
    for skip in ("none", "inside")
}
PARTS |= {
    "whole notebooks": whole_notebooks,
    "depth": depths,
    "seconds per epoch and net by number of nets": numbers_of_nets,
}


if __name__ == "__main__":
    words = sys.argv[1:]
    if words and words[0].isdecimal():
        at_depth(int(words[0]))
        sys.exit()
    for part, measure in PARTS.items():
        if words and not part.startswith(tuple(words)):
            continue
        everything = os.sched_getaffinity(0)
        if part != "whole notebooks":
            os.sched_setaffinity(0, {min(everything)})
            torch.set_num_threads(1)
        result = measure()
        os.sched_setaffinity(0, everything)
        print(part, json.dumps(result), flush=True)
        machine.store("training", {part: {"machine": machine.facts()} | result}, keep=True)
