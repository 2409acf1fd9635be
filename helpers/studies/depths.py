"""Does the error rise with depth? The question of He et al. 2015 (section 4.2), on any images.

    python -m helpers.studies.depths

trains plain and residual nets of 20, 32, 44, 56 and 110 layers on the digits, five seeds at five
learning rates each, on all cores (about 20 minutes on two). Finished runs are kept in
build/study.jsonl: stop the command, run it again, and it continues from there. The table goes to
data/results/depths.json, with the machine, the date, the versions and the commit of the code.

    python -m helpers.studies.depths --data FOLDER --layers 20 56 --epochs 5 --images 10000

asks it of photographs, and ``--help`` lists what else can be chosen. The paper's widths on a GPU:

    python -m helpers.studies.depths --data FOLDER --layers 20 56 --width 16 --batch 128 \\
        --epochs 8 --rates 0.03 0.1 --seeds 0 1 2 3 4 --device cuda --bfloat16 --augment
"""

import argparse
import itertools
import json
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch

from helpers import nets, training
from helpers.block import check_known
from helpers.files.writing import check, has_keys, write
from helpers.inputs.checks import as_lists
from helpers.inputs.data import tensors
from helpers.inputs.numbers import check_above_zero, check_seed, check_whole
from helpers.lockstep.stack import Stack
from helpers.setup.machine import DATA, ROOT, cores
from helpers.studies import paper, photographs, sweeps
from helpers.studies.circumstances import circumstances

RESULTS = DATA / "results" / "depths.json"
LAYERS, ARMS, SEEDS = (20, 32, 44, 56, 110), ("none", "inside"), (0, 1, 2, 3, 4)
# Wide enough that every arm is at its best between the ends.
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
SETTING = {"width": 4, "epochs": 20, "batch": 32}  # as in notebook 6, but trained for longer
is_table = has_keys("made", "setting", "rows")  # of a file: whether ``run`` wrote it
FINAL = {  # column of the table: property of a History
    "training loss": "final_loss",
    "training error": "final_training_error",
    "test error": "final_test_error",
}
ARM = ("layers", "skip", "learning_rate")  # what tells the nets of a table apart, with the seed
SGD = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-4)


class _Augmented(Stack):
    """A Stack whose nets see their images cropped and flipped at random, on their own device."""

    steps = 0

    def images(self, chosen):
        x = super().images(chosen)
        self.steps += 1
        return paper.augmented(x.flatten(0, 1), 0, self.steps).unflatten(0, x.shape[:2])


def train_arm(
    layers, skip, learning_rate, seeds=SEEDS, width=4, epochs=20, batch=32, data=None, images=None,
    device="cpu", augment=False, bfloat16=False,
):  # fmt: skip
    """Train the nets of one arm at one depth and one rate together; return one dict for each seed.

    layers: 6n + 2 of them, as in the paper's section 4.2, with He's start and option A shortcuts.
    skip: "none" or "inside".
    learning_rate: one rate to the end, for SGD with momentum 0.9 and weight decay 0.0001.
    seeds: each sets the initial numbers and the order of the images.
    width: channels of the first stage.
    epochs, batch: how often each image is seen, and images in a step.
    data, images: the path of images, and how many of them, as for ``photographs.read``.
    device: "cpu" or "cuda".
    augment: whether images are cropped and flipped as in the paper.
    bfloat16: whether products are taken in that type while training, as GPUs like it.

    Errors are fractions of images as they are, the loss is in nats, both after the last epoch; None
    in a net that diverged.
    """
    found = tensors(photographs.read(data, images), device, torch.float32)
    sizes = {"channels": found[0].shape[1], "classes": int(found[1].max()) + 1, "width": width}
    many = [nets.convolutional(layers, skip, seed=seed, **sizes).to(device) for seed in seeds]
    kind = _Augmented if augment else Stack
    stack = kind(many, found, [learning_rate] * len(many), seeds, SGD, bfloat16)
    for _ in range(epochs):
        stack.learn(batch)
    return [_as_row(*pair) for pair in zip(seeds, stack.measure(), strict=True)]


def _as_row(seed, measured):
    """What the table says of one net: (loss, training error, test error), if it has a loss."""
    diverged = not math.isfinite(measured[0])
    numbers = (None, None, None) if diverged else measured
    return {"seed": seed, "diverged": diverged} | dict(zip(FINAL, numbers, strict=True))


def grid(layers=LAYERS, seeds=SEEDS, rates=RATES, **setting):
    """Return the arguments of ``train_arm`` for each run; the longest runs come first.

    Raises ValueError for what cannot be trained: hours before a run would find it.
    """
    layers, seeds, rates = as_lists(layers=layers, seeds=seeds, rates=rates)
    check_above_zero(**{f"rates[{place}]": rate for place, rate in enumerate(rates)})
    check_whole(**{name: value for name, value in setting.items() if name in SETTING})
    for seed in seeds:
        check_seed(seed)
    for n in set(layers):
        nets.convolutional(n, width=1)
    _check_device(setting.get("device", "cpu"))
    arms = itertools.product(sorted(layers, reverse=True), ARMS, rates)
    return [
        {"layers": n, "skip": skip, "learning_rate": rate, "seeds": list(seeds)} | SETTING | setting
        for n, skip, rate in arms
    ]


def _check_device(device):
    try:
        torch.zeros(1, device=device).item()
    except Exception as error:  # of many types
        raise ValueError(f"PyTorch finds no device {device!r} here; use cpu, or cuda") from error


def run(runs=None, *, target=RESULTS, store=None, workers=None, name=None):
    """Run the study, write its table to ``target``, and return the table.

    runs: a ``grid``, by default the whole one.
    target: nets of a table that is there and has the same setting are kept, unless they are run
        again.
    store: the file of finished runs.
    workers: how many processes, by default one for each core; 0 for none.
    name: what to call the images of a ``data``, in place of their path.

    Raises OSError or ValueError, before the first run, if the images cannot be read, the table
    cannot be written, or something else is in its place; RuntimeError if a run failed; and
    KeyboardInterrupt if it is interrupted: the runs that were finished by then are in the store.
    """
    check(target, is_table)
    if workers is not None:
        check_whole(0, workers=workers)
    runs = runs or grid()
    photographs.read(runs[0].get("data"), runs[0].get("images"))
    rows = [net for row in _finish(runs, store, workers) for net in _nets(row)]
    setting = {key: value for key, value in runs[0].items() if key not in (*ARM, "seeds")}
    setting |= {"data": name or Path(setting["data"]).name} if "data" in setting else {}
    table = {"made": circumstances(runs[0].get("device")), "setting": setting, "rows": rows}
    _extend(table, target)
    table["rows"].sort(key=_key)
    write(target, _text(table), is_table)
    return table


def _nets(row):
    """The nets of a finished run, as the table has them."""
    arm = {name: row.arguments[name] for name in ARM}
    seconds = round(row.seconds / len(row.result), 1)
    return [arm | net | {"seconds": seconds} for net in row.result]


def _key(row):
    return [row[name] for name in (*ARM, "seed")]


def _extend(table, target):
    """Add the nets that the table at ``target`` has of the same setting, and how they were made."""
    before = stored(target) if Path(target).exists() else {"setting": None}
    if before["setting"] == table["setting"]:
        known = list(map(_key, table["rows"]))
        kept = [row for row in before["rows"] if _key(row) not in known]
        table["rows"] += kept
        if kept:
            table["earlier"] = [before["made"], *before.get("earlier", ())]


def _finish(runs, store, workers):
    if store:
        Path(store).parent.mkdir(parents=True, exist_ok=True)
    executor = None if workers == 0 else sweeps.Processes(workers)
    finished = []
    # ``sweeps.run`` would hide an interrupt.
    for row in sweeps.iterate(train_arm, runs, executor, store, progress=False):
        finished.append(row)
        at_once = cores() if workers is None else max(workers, 1)
        print(_progress(runs, finished, at_once), flush=True)
    if failed := [f"{row.arguments}: {row.error}" for row in finished if row.error]:
        raise RuntimeError(f"{len(failed)} of {len(runs)} runs failed; the first: {failed[0]}")
    return finished


def _progress(runs, finished, workers):
    """Say how many runs are done, and how long the others take: as long for each layer."""
    whole, done = (
        sum(run["layers"] * len(run["seeds"]) for run in some)
        for some in (runs, [row.arguments for row in finished])
    )
    left = sum(row.seconds or 0 for row in finished) * (whole - done) / done / workers / 60
    return f"{len(finished)} of {len(runs)} runs are done, about {left:.0f} minutes left"


def _text(table):
    """Return the table as JSON, a row a line, so that changes can be read."""
    head = json.dumps({key: table[key] for key in table if key != "rows"}, indent=1)
    rows = ",\n  ".join(json.dumps(row) for row in table["rows"])
    return f'{head[:-2]},\n "rows": [\n  {rows}\n ]\n}}\n'


def stored(path=RESULTS):
    """Return the table that ``run`` wrote: made (where, when, by which code), setting, and rows.

    A row is one net: layers, skip, learning_rate, seed, diverged, training loss (nats), training
    error and test error (fractions), and its share of the seconds that its run took.
    """
    return json.loads(Path(path).read_text(encoding="utf-8"))


def errors(table, of="training error"):
    """Return {skip: errors (depths, seeds), fractions}, each depth at its best learning rate.

    The best rate has the lowest median training loss over the seeds; a net that diverged counts as
    infinitely bad, and its error is NaN.
    table: as ``stored`` returns it. of: "training error" or "test error".
    """
    check_known("of", of, FINAL)
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


def _parser():
    parser = argparse.ArgumentParser(
        "python -m helpers.studies.depths", description=__doc__.splitlines()[0]
    )
    number, several = {"type": int}, {"nargs": "+"}
    for name, settings, text in (
        ("data", {}, "CIFAR-10, or a folder of pictures; default: the digits"),
        ("name", {}, "what the table calls them; default: the last part of that path"),
        ("images", number, "how many training images to use; default: all"),
        ("layers", number | several | {"default": LAYERS}, "depths, 6n + 2 each"),
        ("rates", {"type": float, "default": RATES} | several, "learning rates"),
        ("seeds", number | several | {"default": SEEDS}, "initial numbers and order of images"),
        ("width", number, "channels of the first stage; default: 4"),
        ("epochs", number, "how often each image is seen; default: 20"),
        ("batch", number, "images in a step; default: 32"),
        ("device", {}, "cpu or cuda; default: cpu"),
        ("augment", {"action": "store_const", "const": True}, "random crops and flips"),
        ("bfloat16", {"action": "store_const", "const": True}, "products in it: meant for cuda"),
        ("workers", number, "processes; default: one for each core, on cuda none"),
        ("target", {}, "the table; default: build/study.json, of digits data/results/depths.json"),
    ):
        parser.add_argument(f"--{name}", help=text, **settings)
    return parser


def main(words=None):
    """Read the command line, run the study, and say where its table is."""
    given = vars(_parser().parse_args(words)).items()
    given = {key: value for key, value in given if value is not None}
    own = ROOT / "build" / "study.json" if "data" in given else RESULTS
    where = {"target": given.pop("target", own), "name": given.pop("name", None)}
    where["workers"] = given.pop("workers", 0 if given.get("device") == "cuda" else None)
    try:
        run(grid(**given), store=ROOT / "build" / "study.jsonl", **where)
    except KeyboardInterrupt:
        sys.exit("Stopped. Run the same command again to continue.")
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(str(error))
    print(f"written to {where['target']}")


if __name__ == "__main__":
    main()
