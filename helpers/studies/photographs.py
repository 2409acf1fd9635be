"""The images of a study: the digits of the course, CIFAR-10, or any folder of pictures."""

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers import datasets
from helpers.inputs.numbers import check_whole
from helpers.studies.cifar10 import FILES, cifar10

TESTS = ("test", "val", "valid", "validation")  # what people call the images beside "train"
ARCHIVES = (".gz", ".tgz", ".tar")


class Photographs(NamedTuple):
    """What was read: standardised Images (n, channels, height, width), and how many classes.

    summary: what the reader should know of it: counts, pixels, and files that were skipped.
    checksum: twelve characters that change with any pixel and any label.
    """

    images: datasets.Images
    classes: int
    summary: str
    checksum: str


@cache  # the runs of one process share them
def read(path=None, images=None):
    """Return Photographs.

    path: what ``cifar10`` or ``datasets.folder`` reads, which raise if they cannot; or a folder
        with two of those that the latter reads, train and test (or val). None for the digits.
        Pictures of a folder become 32 x 32 pixels large, as CIFAR-10's are.
    images: how many training images to keep, and at most a fifth as many test images, spread evenly
        over all; None for all.

    Raises ValueError also if there are fewer images, or a class has none of them to train.
    """
    found = _digits() if path is None else _photographs(Path(path).expanduser())
    if images is not None:
        kept = _fewer(found.images, **check_whole(images=images))
        _check_classes(kept.y_train, found.classes)
        found = found._replace(images=kept)
    height, width = found.images.x_train.shape[-2:]
    digest = hashlib.sha256()
    for part in found.images:
        digest.update(np.ascontiguousarray(part))
    return Photographs(
        datasets.standardise(found.images),
        len(found.classes),
        f"{found.summary()} They have {height} x {width} pixels.",
        digest.hexdigest()[:12],
    )


def _digits():
    x_train, y_train, x_test, y_test = datasets.digits()
    images = datasets.Images(x_train[:, None], y_train, x_test[:, None], y_test)
    return datasets.Folder(images, list("0123456789"), {})


def _photographs(path):
    """The images of a path, as a Folder."""
    for test in TESTS:
        if (path / "train").is_dir() and (path / test).is_dir():
            return _split_already(*(datasets.folder(path / part) for part in ("train", test)), test)
    if path.is_file() and path.name not in FILES and path.suffix not in ARCHIVES:
        raise ValueError(
            f"{path} is a file, but must be CIFAR-10's archive, or a folder that has a sub-folder "
            "of pictures for each class"
        )
    try:
        return datasets.Folder(cifar10(path), list("0123456789"), {})
    except FileNotFoundError:
        return datasets.folder(path)


def _split_already(train, test, name="test"):
    """The Folder of two of them, one to train and one to test."""
    if odd := sorted(set(train.classes) ^ set(test.classes)):
        raise ValueError(
            f"train and {name} need the same classes, but {', '.join(odd[:5])}"
            f"{', ...' * (len(odd) > 5)} {'is' if len(odd) == 1 else 'are'} in one of them alone"
        )
    parts = (folder.images for folder in (train, test))
    images = datasets.Images(*(np.concatenate(pair) for p in parts for pair in (p[::2], p[1::2])))
    halves = (("train", train), (name, test))
    skipped = {f"{half}/{path}": why for half, of in halves for path, why in of.skipped.items()}
    return datasets.Folder(images, train.classes, skipped)


def _fewer(found, images):
    train = _spread(found.x_train, found.y_train, images)
    tests = min(max(images // 5, 1), len(found.x_test))  # a folder that is split already has fewer
    return datasets.Images(*train, *_spread(found.x_test, found.y_test, tests))


def _spread(x, y, count):
    if count > len(x):
        raise ValueError(f"there are {len(x)} images, fewer than the {count} that were asked for")
    chosen = np.linspace(0, len(x) - 1, count).round().astype(int)
    return x[chosen], y[chosen]


def _check_classes(labels, classes):
    kept = set(labels.tolist())
    if lost := [name for label, name in enumerate(classes) if label not in kept]:
        raise ValueError(
            f"{len(labels)} images, spread evenly, leave {len(lost)} of {len(classes)} classes "
            f"without any, such as {lost[0]}: ask for more"
        )
