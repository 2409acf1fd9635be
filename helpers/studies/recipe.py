"""Train the nets of He et al. 2015 (arXiv 1512.03385, section 4.2) on CIFAR-10, by its recipe.

    python -m helpers.studies.recipe --layers 110 --skip inside --data cifar-10-binary.tar.gz

Every hundred steps give one line of JSON. The recipe itself, step by step, is in
``helpers/studies/paper.py``.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from helpers import nets
from helpers.files.writing import check, write
from helpers.studies import paper
from helpers.studies.cifar10 import cifar10

# Any other value makes another training of the same net and seed; a file's name leaves these out.
USUAL = dict(images=None, iterations=64_000, batch=128, fast=False, window=100, measure_every=1000)


def run(
    layers, skip="inside", seed=0, *, data=None, download=False, images=None, out="build/recipe",
    **options,
):  # fmt: skip
    """Train one net of the paper on CIFAR-10, or resume it where it stopped; return the last row.

    layers: 20, 32, 44, 56 or 110 in the paper; any 6n + 2 will do. Nets of 110 and more are warmed
        up. The start is He's, and shortcuts are of option A.
    skip: "none" (plain), "inside", or "outside".
    seed: sets the initial numbers, the order of the images, crops and flips.
    data: the path for ``cifar10``; by default its cache.
    download, images: as for ``cifar10``.
    out: the folder of NAME.pt, the checkpoint, and NAME.jsonl, the rows. NAME is LAYERS-SKIP-SEED
        and, where a setting in ``USUAL`` differs, eight characters that tell which.
    options: the other arguments of ``paper.train``.

    Raises what ``paper.train``, ``cifar10`` and ``nets.convolutional`` raise.
    """
    net = nets.convolutional(layers, skip, start="he", shortcut="A", seed=seed, channels=3)
    name = f"{layers}-{skip}-{seed}{_mark({'images': images} | options)}"
    path = Path(out) / f"{name}.jsonl"
    check(path, _has_rows)
    options |= {"warm_up": layers >= 110, "checkpoint": path.with_suffix(".pt")}
    pixels = cifar10(data, download=download, images=images)
    rows = paper.train(net, pixels, seed=seed, **options)
    del pixels  # the training has a copy, minus the mean: on the CPU this halves the memory
    asked = {"layers": layers, "skip": skip, "seed": seed}
    return _write(path, asked, rows)


def _write(path, asked, rows):
    """Write and print each row as it comes, after what was asked for; return the last row."""
    text = ""
    for row in rows:
        line = json.dumps(asked | row)
        print(line, flush=True)
        text += line + "\n"
        write(path, text, _has_rows)
    return row


def _has_rows(path):
    """Whether a file was written by ``run``."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return all({"layers", "skip", "seed", "iteration"} <= row.keys() for row in rows)


def _mark(settings):
    """Return a short text for the settings that are not the usual ones; empty if all are."""
    changed = [name for name in USUAL if settings.get(name, USUAL[name]) != USUAL[name]]
    other = sorted((name, int(settings[name] or 0)) for name in changed)
    return f"-{hashlib.sha256(json.dumps(other).encode()).hexdigest()[:8]}" if other else ""


def speed(layers, skip="inside", *, steps=30, batch=128, **options):
    """Return the seconds per step of the paper's net on this machine, without CIFAR-10.

    The images are random numbers of the shape of CIFAR-10's. The first ``steps`` steps are not
    counted, the next ``steps`` are. options: the other arguments of ``paper.train``.
    """
    random = np.random.default_rng(0)
    x = random.random((2 * batch, 3, 32, 32), dtype=np.float32)
    y = random.integers(0, 10, 2 * batch)
    net = nets.convolutional(layers, skip, channels=3)
    options = {"iterations": 2 * steps, "window": steps, "batch": batch} | options
    return list(paper.train(net, (x, y, x[:1], y[:1]), **options))[-1]["seconds per step"]


def _parser():
    parser = argparse.ArgumentParser(
        "python -m helpers.studies.recipe", description=run.__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--layers", type=int, required=True, help="20, 32, 44, 56, 110: 6n + 2 weight layers")
    add("--skip", default="inside", help="none (plain), inside or outside; default: inside")
    add("--seed", type=int, default=0, help="initial numbers, order, crops, flips; default: 0")
    add("--data", help="cifar-10-binary.tar.gz or its folder; default: the course's cache")
    add("--download", action="store_true", help="fetch the archive: 170 MB from a slow host")
    add("--images", type=int, help="how many training images to use; default: all 50,000")
    add("--iterations", type=int, default=64_000, help="the rate falls at 1/2 and 3/4 of them")
    add("--out", default="build/recipe", help="folder for checkpoint and rows")
    add("--device", help="cpu or cuda; default: cuda where there is one")
    add("--fast", action="store_true", help="channels last and bfloat16 products: meant for cuda")
    add("--speed", type=int, metavar="STEPS", help="only measure seconds per step")
    return parser


def main(arguments=None):
    """Read the command line, and do what it says."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    steps = given.pop("speed")
    try:
        if steps is None:
            run(**given)
        else:
            asked = {name: given[name] for name in ("layers", "skip", "device", "fast")}
            print(json.dumps(asked | {"seconds per step": speed(**asked, steps=steps)}))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        go_on = "Run the same command again to continue from the last checkpoint."
        sys.exit("Stopped." if steps else f"Stopped. {go_on}")


if __name__ == "__main__":
    main()
