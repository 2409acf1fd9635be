"""The images of a study: the digits of the course, CIFAR-10, or any folder of pictures."""

from functools import cache
from pathlib import Path

import numpy as np

from helpers import datasets
from helpers.inputs.numbers import check_whole
from helpers.studies.cifar10 import cifar10


@cache  # the runs of one process share them
def read(path=None, images=None):
    """Return standardised Images (n, channels, height, width) with their labels (n,).

    path: what ``cifar10`` or ``datasets.folder`` reads, which raise if they cannot; or a folder
        with two of those that the latter reads, train and test. None for the digits.
    images: how many training images to keep, and a fifth as many test images, spread evenly over
        all; None for all. Pictures of a folder come class by class, so that all classes stay.
    """
    if images is not None:
        check_whole(images=images)
    found = datasets.digits() if path is None else _photographs(Path(path).expanduser())
    if found.x_train.ndim == 3:
        found = found._replace(x_train=found.x_train[:, None], x_test=found.x_test[:, None])
    if images is not None:
        train = _spread(found.x_train, found.y_train, images)
        found = datasets.Images(*train, *_spread(found.x_test, found.y_test, max(images // 5, 1)))
    return datasets.standardise(found)


def _photographs(path):
    train, test = path / "train", path / "test"
    if train.is_dir() and test.is_dir():
        return _split_already(datasets.folder(train), datasets.folder(test))
    try:
        return cifar10(path)
    except FileNotFoundError:
        return datasets.folder(path).images


def _split_already(train, test):
    """The Images of two Folders, one to train and one to test."""
    if train.classes != test.classes:
        raise ValueError(
            f"train has the classes {', '.join(train.classes)}, and test has "
            f"{', '.join(test.classes)}; both need the same"
        )
    parts = (folder.images for folder in (train, test))
    return datasets.Images(*(np.concatenate(pair) for p in parts for pair in (p[::2], p[1::2])))


def _spread(x, y, count):
    if count > len(x):
        raise ValueError(f"there are {len(x)} images, fewer than the {count} that were asked for")
    chosen = np.linspace(0, len(x) - 1, count).round().astype(int)
    return x[chosen], y[chosen]
