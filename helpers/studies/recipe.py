"""Train the nets of He et al. 2015 (arXiv 1512.03385, section 4.2) on CIFAR-10, by the recipe of
the paper.

    python -m helpers.studies.recipe --layers 110 --skip inside --data cifar-10-binary.tar.gz

Each finished hundred of steps is a line of JSON. The recipe itself, step by step, is in
``helpers/studies/paper.py``.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from helpers import nets
from helpers.studies import paper
from helpers.studies.cifar10 import cifar10

# What makes another training of the same net and seed. The name of its files leaves out what is as
# here.
USUAL = {
    "images": None,
    "iterations": 64_000,
    "batch": 128,
    "fast": False,
    "window": 100,
    "measure_every": 1000,
}


def run(
    layers,
    skip="inside",
    seed=0,
    *,
    data=None,
    download=False,
    images=None,
    out="build/recipe",
    **options,
):
    """Train one net of the paper on CIFAR-10, go on where an earlier call was stopped, and return
    the last row.

    layers: 20, 32, 44, 56 or 110 in the paper; any 6n + 2 will do. skip: "none" (plain) or
    "inside"; also "outside". Shortcuts are of option A, the start is He's, and nets of 110 layers
    or more are warmed up. data: the archive cifar-10-binary.tar.gz or its folder, else the cache of
    ``cifar10``, whose arguments ``download`` and ``images`` are. ``out``: the folder of NAME.pt,
    the checkpoint, and NAME.jsonl, the rows, where NAME is LAYERS-SKIP-SEED and, if some of the
    settings in ``USUAL`` are others, eight characters that tell which: runs of a grid write to
    files of their own. Options and errors are those of ``paper.train``, ``cifar10`` and
    ``nets.convolutional``.
    """
    net = nets.convolutional(layers, skip, start="he", shortcut="A", seed=seed, channels=3)
    if data is not None and Path(data).is_dir():
        data = Path(data) / "cifar-10-binary.tar.gz"
    mark = _mark({"images": images} | options)
    name = Path(out) / f"{layers}-{skip}-{seed}{mark}"
    name.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = name.with_name(f"{name.name}.pt")
    pixels = cifar10(data, download=download, images=images)
    rows = paper.train(
        net, pixels, seed=seed, warm_up=layers >= 110, checkpoint=checkpoint, **options
    )
    del pixels  # the training has its own, less the mean: on the CPU that halves the memory
    with name.with_name(f"{name.name}.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            line = json.dumps({"layers": layers, "skip": skip, "seed": seed} | row)
            print(line, flush=True)
            file.write(line + "\n")
            file.flush()
    return row


def _mark(settings):
    """A short text for the settings that are not the usual ones, empty if there are none."""
    other = sorted(
        (name, int(settings[name] or 0))
        for name in USUAL
        if settings.get(name, USUAL[name]) != USUAL[name]
    )
    return f"-{hashlib.sha256(json.dumps(other).encode()).hexdigest()[:8]}" if other else ""


def speed(layers, skip="inside", *, steps=30, batch=128, **options):
    """Return the seconds per step of the paper's net of ``layers`` layers on this machine, without
    CIFAR-10.

    The images are random numbers of the shape of CIFAR-10's. The first ``steps`` steps are not
    counted, the next ``steps`` are. Options are those of ``paper.train``.
    """
    random = np.random.default_rng(0)
    x, y = (
        random.random((2 * batch, 3, 32, 32), dtype=np.float32),
        random.integers(0, 10, 2 * batch),
    )
    net = nets.convolutional(layers, skip, channels=3)
    options = {"iterations": 2 * steps, "window": steps, "batch": batch} | options
    return list(paper.train(net, (x, y, x[:1], y[:1]), **options))[-1]["seconds per step"]


def main(arguments=None):
    """Read the command line, and run the command."""
    parser = argparse.ArgumentParser(
        "python -m helpers.studies.recipe", description=run.__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--layers", type=int, required=True, help="20, 32, 44, 56, 110: 6n + 2 weight layers"
    )
    parser.add_argument(
        "--skip", default="inside", help="none (plain), inside or outside; default: inside"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="initial numbers, order, crops and flips; default: 0"
    )
    parser.add_argument(
        "--data", help="cifar-10-binary.tar.gz or its folder; default: the course's cache"
    )
    parser.add_argument(
        "--download",
        action="store_true",
        help="fetch the archive into the cache: 170 MB, slow host",
    )
    parser.add_argument(
        "--images", type=int, help="only the first so many training images; default: all 50,000"
    )
    parser.add_argument(
        "--iterations",
        type=int,
        default=64_000,
        help="steps; the rate falls at 1/2 and 3/4 of them",
    )
    parser.add_argument(
        "--out", default="build/recipe", help="folder of checkpoint and rows; default: build/recipe"
    )
    parser.add_argument("--device", help="cpu or cuda; default: cuda where there is one")
    parser.add_argument(
        "--fast", action="store_true", help="channels last and bfloat16 products: meant for cuda"
    )
    parser.add_argument(
        "--speed", type=int, metavar="STEPS", help="only measure seconds per step, on random images"
    )
    given = vars(parser.parse_args(arguments))
    try:
        steps = given.pop("speed")
        if steps is not None:
            asked = {name: given[name] for name in ("layers", "skip", "device", "fast")}
            print(json.dumps(asked | {"seconds per step": speed(**asked, steps=steps)}))
        else:
            run(**given)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. The same command goes on from the last checkpoint.")


if __name__ == "__main__":
    main()
