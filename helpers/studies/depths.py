"""Does the error rise with depth? The question of He et al. 2015 (section 4.2), on any images.

    python -m helpers.studies.depths

trains plain and residual nets of 20, 32, 44, 56 and 110 layers on the digits, five seeds at five
learning rates each, on all cores (about 20 minutes on two). Finished runs are kept in
build/study.jsonl: stop the command, run it again, and it continues from there. The table goes to
data/results/depths.json, with the machine, the date, the versions and the commit of the code. With
``--target TABLE`` it goes there, and finished runs to TABLE.runs.

    python -m helpers.studies.depths --data FOLDER --layers 20 56 --epochs 5 --images 10000

asks it of photographs, and ``--help`` lists what else can be chosen; that table goes to
build/study.json. The paper's widths on a GPU:

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

import torch

from helpers import nets
from helpers.files.writing import check, write
from helpers.inputs.data import tensors
from helpers.inputs.numbers import check_above_zero, check_seed, check_whole
from helpers.lockstep.stack import Stack
from helpers.setup.machine import ROOT, cores
from helpers.studies import paper, photographs, sweeps
from helpers.studies.circumstances import circumstances
from helpers.studies.compared import FINAL, RESULTS, answer, best_rates, errors, is_table, stored
from helpers.studies.store import code_version

__all__ = ["RESULTS", "best_rates", "errors", "grid", "run", "stored", "train_arm"]
LAYERS, ARMS, SEEDS = (20, 32, 44, 56, 110), ("none", "inside"), (0, 1, 2, 3, 4)
# Wide enough that every arm is at its best between the ends.
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
SETTING = {"width": 4, "epochs": 20, "batch": 32}  # as in notebook 6, but trained for longer
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
    read = photographs.read(data, images)
    found = tensors(read.images, device, torch.float32)
    sizes = {"channels": found[0].shape[1], "classes": read.classes, "width": width}
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


def grid(layers=LAYERS, seeds=SEEDS, rates=RATES, arms=ARMS, **setting):
    """Return the arguments of ``train_arm`` for each run; the longest runs come first."""
    layers, seeds, rates, arms = map(list, map(dict.fromkeys, (layers, seeds, rates, arms)))
    runs = itertools.product(sorted(layers, reverse=True), arms, rates)
    return [
        {"layers": n, "skip": skip, "learning_rate": rate, "seeds": seeds} | SETTING | setting
        for n, skip, rate in runs
    ]


def run(runs=None, *, target=RESULTS, store=None, workers=None, name=None):
    """Run the study, write its table to ``target``, and return the table.

    runs: a ``grid``, by default the whole one.
    target: nets of a table that is there and has the same setting are kept, unless they are run
        again.
    store: the file of finished runs.
    workers: how many processes, by default one for each core; 0 for none.
    name: what to call the images of a ``data``, in place of their path.

    Raises OSError or ValueError, before the first run, for arguments that no net can be trained
    with, if the images cannot be read, the table cannot be written, or something else is in its
    place; RuntimeError if a run failed; and KeyboardInterrupt if it is interrupted: the runs that
    were finished by then are in the store.
    """
    check(target, is_table)
    runs = runs or grid()
    _check(runs, workers)
    checksum = _look(runs[0], workers)
    finished = _finish(runs, store, workers, f"{code_version(train_arm)} {checksum}")
    table = {
        "made": circumstances(runs[0].get("device", "cpu")),
        "setting": _setting(runs[0], name),
        "checksum": checksum,
        "rows": [net for row in finished for net in _nets(row)],
    }
    _extend(table, target)
    table["rows"].sort(key=_key)
    write(target, _text(table), is_table)
    return table


def _check(runs, workers):
    """Raise ValueError for what would fail in a training, perhaps after hours of others."""
    if workers is not None:
        check_whole(0, workers=workers)
    for run in runs:
        check_above_zero(learning_rate=run["learning_rate"])
        check_whole(**{name: run[name] for name in SETTING})
        paper.known_device(run.get("device", "cpu"))
        for seed in run["seeds"]:
            check_seed(seed)
    for layers, skip in {(run["layers"], run["skip"]) for run in runs}:
        with torch.device("meta"):  # without its numbers
            nets.convolutional(layers, skip)


def _look(run, workers):
    """Read the images once, say what they are, and return their checksum."""
    read = photographs.read(run.get("data"), run.get("images"))
    print(read.summary, flush=True)
    if workers != 0:  # these have copies of their own
        photographs.read.cache_clear()
    return read.checksum


def _setting(run, name=None):
    """What all nets of a table have in common; their images by the name of the folder, or this."""
    setting = {key: value for key, value in run.items() if key not in (*ARM, "seeds")}
    if "data" in setting:
        setting["data"] = name or Path(setting["data"]).expanduser().resolve().name
    return setting


def _nets(row):
    """The nets of a finished run, as the table has them."""
    arm = {name: row.arguments[name] for name in ARM}
    seconds = round(row.seconds / len(row.result), 1)
    return [arm | net | {"seconds": seconds} for net in row.result]


def _key(row):
    return [row[name] for name in (*ARM, "seed")]


def _extend(table, target):
    """Add the nets that the table at ``target`` has of the same setting and images, and how they
    were made.
    """
    before = stored(target) if Path(target).expanduser().exists() else {"setting": None}
    same = table["checksum"] == before.get("checksum", table["checksum"])
    if same and before["setting"] == table["setting"]:
        known = list(map(_key, table["rows"]))
        kept = [row for row in before["rows"] if _key(row) not in known]
        table["rows"] += kept
        if kept:
            table["earlier"] = [before["made"], *before.get("earlier", ())]


def _finish(runs, store, workers, version):
    if store:
        Path(store).expanduser().parent.mkdir(parents=True, exist_ok=True)
    executor = None if workers == 0 else sweeps.Processes(workers)
    finished = []
    # ``sweeps.run`` would hide an interrupt.
    rows = sweeps.iterate(train_arm, runs, executor, store, version=version, progress=False)
    for row in rows:
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


def _parser():
    about = {"description": __doc__.splitlines()[0], "argument_default": argparse.SUPPRESS}
    parser = argparse.ArgumentParser("python -m helpers.studies.depths", **about)
    add = parser.add_argument
    add("--data", help="CIFAR-10, or a folder of pictures, made 32 x 32; default: the digits")
    add("--name", help="what the table calls them; default: the last part of that path")
    add("--images", type=int, help="how many training images to use; default: all")
    add("--layers", type=int, nargs="+", help="depths, 6n + 2 each")
    add("--arms", nargs="+", help="none, inside, outside; default: the first two")
    add("--rates", type=float, nargs="+", help="learning rates")
    add("--seeds", type=int, nargs="+", help="initial numbers and order of images")
    add("--width", type=int, help="channels of the first stage; default: 4")
    add("--epochs", type=int, help="how often each image is seen; default: 20")
    add("--batch", type=int, help="images in a step; default: 32")
    add("--device", help="cpu or cuda; default: cpu")
    add("--augment", action="store_true", help="random crops and flips")
    add("--bfloat16", action="store_true", help="products in it: meant for cuda")
    add("--workers", type=int, help="processes; default: one for each core, on cuda none")
    add("--target", help="the table; default: build/study.json, or the course's if all is as there")
    return parser


def main(words=None):
    """Read the command line, run the study, and say where its table is."""
    given = vars(_parser().parse_args(words))
    target, name = given.pop("target", None), given.pop("name", None)
    workers = given.pop("workers", 0 if given.get("device", "cpu") != "cpu" else None)
    runs, build = grid(**given), ROOT / "build"
    store = f"{target}.runs"  # beside it: the folder of the course may be read-only
    if target is None:  # the notebooks read the course's own table
        target = RESULTS if runs == grid() else build / "study.json"
        store = build / "study.jsonl"
    try:
        table = run(runs, target=target, store=store, workers=workers, name=name)
    except KeyboardInterrupt:
        sys.exit("Stopped. Run the same command again to continue.")
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(str(error))
    print(answer(table), f"written to {target}", sep="\n")


if __name__ == "__main__":
    main()
