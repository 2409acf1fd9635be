"""Pictures for the tests: drawn, saved, and read again."""

import numpy as np
from PIL import Image

from helpers import datasets


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, dtype=np.uint8)).save(path, **options)


def grey(level, shape=(8, 8)):
    return np.full((*shape, 3), level)


def two_classes(root):
    """Two classes of two readable pictures each, to which a test adds what it is about."""
    for name, level in (("cat/a.png", 10), ("cat/b.png", 20), ("dog/a.png", 30), ("dog/b.png", 40)):
        save(root / name, grey(level))
    return root


def read_one(root, size=(8, 8), colour=True):
    """The picture cat/0.* of a folder that has it: the first by name, so the first test image."""
    return datasets.folder(two_classes(root), size, colour).images.x_test[0]
