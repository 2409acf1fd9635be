"""Training in lockstep against the loop a user would write, and its cost against depth and number
of nets.

Our way is a sweep over worker processes, one for each core, each of which trains its share of the
nets in lockstep. The workers have started and trained before the clock starts, as in a notebook
after its first sweep. "One call" is the same training in lockstep without workers, in the process
of the notebook. Times are medians of five rounds in which the contestants take turns. All of them
build their nets first. A run of ours includes its measurements before and after the training; the
loop measures nothing but its own losses. The machine's rate is that of a product of two float32
matrices of 2048 x 2048 on all cores, measured in the same rounds.

``python training.py`` measures all parts, and ``python training.py convolutional depth`` those
whose names start so; the parts that are not measured keep what is in the file of results.
"""

import json
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
from torch.utils.data import DataLoader, TensorDataset

from helpers import datasets, nets, training
from helpers.studies import sweeps

ARMS = ("none", "inside")
ROUNDS, RATES, WIDTHS = 5, (3e-4, 1e-3, 3e-3, 1e-2), (4, 8, 16)
CORES = torch.get_num_threads()
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def users_loop(structure, seeds, epochs, **options):
    """One net after another, as in PyTorch's tutorials."""
    x, y, *_ = digits(structure == "convolutional")
    for seed in seeds:
        net, rate = getattr(nets, structure)(seed=seed, **options), RATES[seed % len(RATES)]
        loader = DataLoader(TensorDataset(x, y), batch_size=128, shuffle=True)
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        for _ in range(epochs):
            total = 0.0
            for images, labels in loader:
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(net(images), labels)
                loss.backward()
                optimizer.step()
                total += loss.item()


def lockstep(structure, seeds, epochs, **options):
    """All nets in one call; return their losses after the training."""
    many, rates = (
        [getattr(nets, structure)(seed=seed, **options) for seed in seeds],
        [RATES[s % len(RATES)] for s in seeds],
    )
    data, settings = (
        digits(structure == "convolutional"),
        {"epochs": epochs, "measure_every": epochs},
    )
    histories = training.train_many(many, data, learning_rates=rates, seeds=seeds, **settings)
    return [history.training_loss[-1] for history in histories]


def in_processes(workers, structure, seeds, epochs, **options):
    """A share of the nets for each worker."""
    shares = [seeds[core::CORES] for core in range(CORES) if seeds[core::CORES]]
    grid = [
        {"structure": structure, "seeds": share, "epochs": epochs, **options} for share in shares
    ]
    assert not any(row.error for row in sweeps.run(lockstep, grid, workers, progress=False))


@cache
def digits(channel=False):
    data = datasets.standardise(datasets.digits())
    x_train, x_test = (
        torch.tensor(x)[:, None] if channel else torch.tensor(x)
        for x in (data.x_train, data.x_test)
    )
    return x_train.float(), torch.tensor(data.y_train), x_test.float(), torch.tensor(data.y_test)


def seconds(run, *arguments, **settings):
    start = time.perf_counter()
    run(*arguments, **settings)
    return time.perf_counter() - start


def products_per_second():
    """The machine's rate in floating-point operations per second."""
    a = torch.rand(2048, 2048)
    torch.mm(a, a)
    return 2 * 2048**3 / statistics.median(seconds(torch.mm, a, a) for _ in range(3))


def with_threads(threads, run, *arguments, **settings):
    torch.set_num_threads(threads)
    try:
        return run(*arguments, **settings)
    finally:
        torch.set_num_threads(CORES)


def contest(structure, count, epochs, **options):
    """Medians of the loop, of ours in one call and in a process for each core, and of the machine's
    rate.
    """
    nets_to_train = {
        "structure": structure,
        "seeds": list(range(count)),
        "epochs": epochs,
        **options,
    }
    with sweeps.Processes(CORES) as workers:
        contestants = {
            "loop, one thread": lambda: with_threads(1, seconds, users_loop, **nets_to_train),
            "loop, all threads": lambda: seconds(users_loop, **nets_to_train),
            "ours, one call": lambda: seconds(lockstep, **nets_to_train),
            "ours": lambda: seconds(in_processes, workers, **nets_to_train),
            "rate": products_per_second,
        }
        for once in (
            lockstep,
            partial(in_processes, workers),
        ):  # what is imported and allocated at first
            once(**nets_to_train | {"epochs": 1})
        rounds = [{name: measure() for name, measure in contestants.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(one[name] for one in rounds) for name in contestants}
    rate = medians.pop("rate")
    loop = min(medians["loop, one thread"], medians["loop, all threads"])
    operations = (
        count
        * epochs
        * operations_of(getattr(nets, structure)(**options), digits("conv" in structure)[0])
    )
    return {
        "epochs": epochs,
        "seconds per epoch": {name: round(took / epochs, 4) for name, took in medians.items()},
        "times faster": round(loop / medians["ours"], 2),
        "times faster in one call": round(loop / medians["ours, one call"], 2),
        "machine, GFLOP/s": round(rate / 1e9, 1),
        "ours, GFLOP/s": round(operations / medians["ours"] / 1e9, 1),
        "share of the rate": round(operations / medians["ours"] / rate, 3),
    }


@torch.no_grad()
def operations_of(net, x):
    """Floating-point operations of products in one epoch: 2 forward and 4 backward for each weight
    and place.
    """
    counts = []

    def count(layer, _, out):
        counts.append(layer.weight.numel() * out[0, 0].numel())

    for layer in net.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            layer.register_forward_hook(count)
    net(x[:2])
    return 6 * len(x) * sum(counts)


def fully_connected(skip):
    return contest("fully_connected", 20, 10, layers=20, skip=skip)


def convolutional(width):
    return contest("convolutional", 8, 5, layers=32, width=width)


def at_depth(layers):
    """Seconds per epoch and peak MB of two residual nets, in this process alone."""
    two = partial(lockstep, "fully_connected", range(2), 1, layers=layers, start="zero")
    two()
    took = statistics.median(seconds(two) for _ in range(3))
    print(json.dumps({"layers": layers, "seconds per epoch": took, "peak MB": machine.peak()}))


def fresh_process(layers):
    done = subprocess.run(
        [sys.executable, __file__, str(layers)], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def depths():
    """Time and memory from 20 to 1,000 layers; the exponent is the slope of a line through their
    logarithms.
    """
    rows = [fresh_process(layers) for layers in (20, 50, 100, 200, 500, 1000)]
    layers, took, memory = (np.array([row[key] for row in rows]) for key in rows[0])
    for row in rows:
        print(
            "{layers:5d} layers {seconds per epoch:7.3f} s per epoch {peak MB:7.0f} MB".format(
                **row
            )
        )
    fit = {
        "exponent of time": round(np.polyfit(np.log(layers), np.log(took), 1)[0], 2),
        "MB per layer and net": round(np.polyfit(layers, memory, 1)[0] / 2, 3),
    }
    print(fit)
    return {"nets": 2, "rows": rows} | fit


def numbers_of_nets():
    """Seconds per epoch of 20 layers of 64 units for 1 to 50 nets."""
    table = {}
    for _ in range(ROUNDS):
        for count in (1, 2, 5, 10, 20, 50):
            took = seconds(lockstep, "fully_connected", range(count), 5, layers=20)
            table.setdefault(count, []).append(took / 5)
    medians = {count: round(statistics.median(times), 4) for count, times in table.items()}
    for count, took in medians.items():
        print(f"{count:3d} nets {took:6.3f} s per epoch, {took / count:6.4f} s per net")
    return {"seconds": medians}


# Each study, from its cells to its last curve; in notebook 4 with 20 epochs, which its panel
# offers.
STUDIES = {
    "04_plain_vs_residual": (
        "study-panel",
        'whole = study_panel("pytorch")\nwhole.controls["epochs"].value = 20\nwhole.play()',
        "sum(map(len, tables[20].values()))",
    ),
    "06_resnets_on_images": ("study-panel", None, "sum(len(nets) for nets, _ in trained.values())"),
}


def studies():
    """Seconds for the studies of notebooks 4 and 6, drawn live in their kernels, and how many nets
    they train.
    """
    return {name: study(name, *STUDIES[name]) for name in STUDIES}


def study(name, last, call, count):
    """Run the cells up to the one named ``last``; time ``call`` after it, or that cell itself."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = cells[: 1 + [cell.id for cell in cells].index(last)]
    if call:
        notebook.cells.append(nbformat.v4.new_code_cell(call))
    *before, timed = notebook.cells
    asked = nbformat.v4.new_code_cell(f"print({count})")
    notebook.cells.append(asked)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOKS)}})
    with client.setup_kernel():
        for index, cell in enumerate(before):
            client.execute_cell(cell, index)
        took = seconds(client.execute_cell, timed, len(before))
        client.execute_cell(asked, len(before) + 1)
    return {"nets": int(asked.outputs[0]["text"]), "seconds": round(took, 1)}


def sentences(results):
    """What the README says of the results."""
    stacked = results["fully connected, 20 layers of 64, 20 nets, none"]
    made, found = stacked["machine"], results["studies"]
    whole, images = (found[name] for name in STUDIES)
    maps = [
        results[f"convolutional, 32 layers, 8 nets, width {width}"]["times faster"]
        for width in WIDTHS
    ]
    deep, deepest = results["depth"], results["depth"]["rows"][-1]
    return (
        f"On {made['date']}, on {made['cores']} shared cores ({made['processor']}), 20 plain nets "
        f"of 20 layers of 64 units trained {stacked['times faster']:.1f} times as fast in two "
        "worker processes as in a loop that takes one after another, and "
        f"{stacked['times faster in one call']:.1f} times in one call, without workers; the "
        f"products alone ran at {stacked['share of the rate']:.0%} of the rate of a large matrix "
        f"product. 8 convolutional nets of 32 layers trained {maps[0]:.1f}, {maps[1]:.1f} and "
        f"{maps[2]:.1f} times as fast, with {WIDTHS[0]}, {WIDTHS[1]} and {WIDTHS[2]} channels in "
        f"their first stage. Two residual nets of {deepest['layers']:,} layers of 64 units take "
        f"{deepest['seconds per epoch']:.1f} seconds an epoch and {deepest['peak MB']:.0f} MB; "
        f"from {deep['rows'][0]['layers']} layers on, time grows as their number to the power of "
        f"{deep['exponent of time']}, memory by {deep['MB per layer and net']:.2f} MB a layer and "
        f"net. The study of notebook 4, {whole['nets']} nets for 20 epochs, takes "
        f"{whole['seconds']:.0f} seconds with its live curves, and that of notebook 6, "
        f"{images['nets']} convolutional nets, {images['seconds']:.0f} seconds."
    )


PARTS = {
    **{
        f"fully connected, 20 layers of 64, 20 nets, {skip}": partial(fully_connected, skip)
        for skip in ARMS
    },
    **{
        f"convolutional, 32 layers, 8 nets, width {width}": partial(convolutional, width)
        for width in WIDTHS
    },
    "studies": studies,
    "depth": depths,
    "seconds per epoch by number of nets": numbers_of_nets,
}


if __name__ == "__main__":
    words = sys.argv[1:]
    if words and words[0].isdecimal():
        at_depth(int(words[0]))
    else:
        chosen = [
            part for part in PARTS if not words or any(part.startswith(word) for word in words)
        ]
        for part in chosen:
            result = PARTS[part]()
            print(part, json.dumps(result), flush=True)
            machine.store("training", {part: {"machine": machine.facts()} | result}, keep=True)
