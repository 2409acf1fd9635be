"""Readers: a path in, arrays out. Nothing is unpickled, and nothing is fetched."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.files import pictures
from helpers.files.verified import verified
from helpers.inputs.numbers import as_array, check_alike, is_whole
from helpers.setup.machine import DATA

DIGITS_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"


class Images(NamedTuple):
    """Training and test images, float32 (n, height, width) or, in colour, (n, 3, height, width).

    The labels are int64 (n,).
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


class Folder(NamedTuple):
    """What was read: Images, class names in the order of their labels, {path: why skipped}."""

    images: Images
    classes: list
    skipped: dict

    def summary(self):
        """Return two sentences: how much was read, and which files were skipped and why."""
        train, test = len(self.images.y_train), len(self.images.y_test)
        counts = f"{train + test} images in {len(self.classes)} classes"
        skipped = pictures.describe_skipped(self.skipped)
        return f"{counts}: {train} to train, {test} to test. Files skipped: {skipped}."

    __repr__ = summary  # so that a cell which ends in a Folder shows what was read


def digits(path=DATA / "digits.npz"):
    """Return Images of handwritten digits: 1,437 to train and 360 to test, labels 0 to 9.

    They have 8 x 8 pixels in [0, 1]. Every fifth image is a test image; nothing is shuffled, so the
    split is the same on every machine.
    Source: UCI "Optical Recognition of Handwritten Digits" (CC BY 4.0), see data/README.md.
    Raises FileNotFoundError if the file is missing, and ValueError if it was changed (SHA-256).
    """
    mend = "restore it with 'git checkout -- data', or fetch the course again"
    with verified(path, DIGITS_SHA256, mend) as content, np.load(content) as file:
        images = (file["images"] / np.float32(16)).astype(np.float32)
        labels = file["labels"].astype(np.int64)
    return _split(images, labels, np.arange(len(images)) % 5 == 0)


def folder(root, size=(32, 32), colour=True):
    """Return the pictures of the files root/CLASS/* as a Folder: PNG, JPEG, WebP, GIF and BMP.

    root: the folder whose sub-folders are the classes.
    size: (height, width) in pixels. A picture is turned the way its EXIF data say, laid on white
        where it is transparent, cropped about its centre to the shape of ``size``, and resized. Of
        a moving one, the first picture is taken.
    colour: images (n, 3, height, width) in [0, 1]; else (n, height, width).
    Classes and pictures are sorted by name, and every fifth picture of a class is a test image.
    What cannot be read is skipped, and the result says why. One picture under two names is not
    noticed. Raises FileNotFoundError if there is no such folder, and ValueError for fewer than two
    classes, for a class of fewer than two readable pictures, for another ``size``, and for one
    with which the pictures take more than 16 GB of memory.
    """
    whole = isinstance(size, tuple | list) and all(is_whole(n) and n > 0 for n in size)
    if not whole or len(size) != 2:
        raise ValueError(
            f"size = {size!r}, but it must be (height, width), two whole numbers above 0"
        )
    classes, skipped = pictures.list_class_folders(Path(root).expanduser())
    pictures.check_memory(classes, size, colour)
    parts = [pictures.read_class(path, size, colour, skipped) for path in classes]
    labels = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])
    test = np.concatenate([np.arange(len(part)) % 5 == 0 for part in parts])
    images = _split(np.concatenate(parts) / np.float32(255), labels, test)
    return Folder(images, [path.name for path in classes], skipped)


def published(**where):
    """Return the published figures whose columns equal ``where``: published(net="plain").

    A figure is a dict: source, arxiv, place, data, net, layers (int, or None where it has no
    meaning), variant, measure, unit, value (float). Its source is the paper that it names; see
    data/README.md. Raises ValueError for an unknown column, and if no figure matches.
    """
    with (DATA / "published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["layers"] = int(row["layers"]) if row["layers"] else None
        row["value"] = float(row["value"])
    if unknown := where.keys() - rows[0].keys():
        raise ValueError(
            f"no column is named {', '.join(sorted(unknown))}; use {', '.join(rows[0])}"
        )
    found = [row for row in rows if all(row[column] == value for column, value in where.items())]
    if not found:
        wanted = ", ".join(f"{column} = {value!r}" for column, value in where.items())
        raise ValueError(f"no published figure has {wanted}; data/published.csv shows them all")
    return found


def standardise(images):
    """Return the same Images, or Folder, with mean 0 and standard deviation 1 over all training
    pixels.

    Both are measured on the training images alone; test images are shifted and scaled alike. What
    is not in floating point, or in half precision, becomes float32. Raises ValueError if training
    pixels have no standard deviation, above all if all are equal, and for anything but four arrays
    in this order: (x_train, y_train, x_test, y_test).
    """
    if isinstance(images, Folder):
        return images._replace(images=standardise(images.images))
    if not isinstance(images, tuple | list) or len(images) != 4:
        raise ValueError(
            f"images is of type {type(images).__name__}, but must be Images or a Folder, or "
            "(x_train, y_train, x_test, y_test)"
        )
    x_train, y_train, x_test, y_test = images
    x_train, x_test = _floating("x_train", x_train), _floating("x_test", x_test)
    check_alike(x_train, x_test)
    if (x_train == x_train.flat[0]).all():
        raise ValueError("all training pixels are equal, so they have no standard deviation")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = x_train.mean(), x_train.std()
    if not 0 < deviation < np.inf:
        raise ValueError(
            f"the standard deviation of the training pixels, in {x_train.dtype}, is {deviation}: "
            "some are no numbers, or too large or too small"
        )
    return Images((x_train - mean) / deviation, y_train, (x_test - mean) / deviation, y_test)


def _floating(name, images):
    images = as_array(name, images, "biuf")
    precise = images.dtype.kind == "f" and images.dtype.itemsize >= 4
    return images if precise else images.astype(np.float32)


def _split(images, labels, test):
    return Images(images[~test], labels[~test], images[test], labels[test])
