"""Readers: a path in, arrays out. Nothing is downloaded, nothing is written, nothing is unpickled."""

import hashlib
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data"
DIGITS_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"


class Images(NamedTuple):
    """Training and test images (n, height, width) as float32, with their labels (n,) as int64."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits(path=DATA / "digits.npz"):
    """Return 1,437 training and 360 test images of handwritten digits, 8 x 8 pixels in [0, 1], labels 0 to 9.

    Every fifth image is a test image; nothing is shuffled, so the split is the same on every machine.
    Source: UCI "Optical Recognition of Handwritten Digits" (CC BY 4.0), see data/README.md.
    Raises FileNotFoundError if the file is missing, and ValueError if its SHA-256 is not the published one.
    """
    with np.load(io.BytesIO(_verified(Path(path), DIGITS_SHA256)), allow_pickle=False) as file:
        images, labels = (file["images"] / np.float32(16)).astype(np.float32), file["labels"].astype(np.int64)
    test = np.arange(len(images)) % 5 == 0
    return Images(images[~test], labels[~test], images[test], labels[test])


def standardise(images):
    """Return the same Images with mean 0 and standard deviation 1 over all training pixels.

    Training and test images are shifted and scaled by the same two numbers, measured on the training images alone.
    Raises ValueError if all training pixels are equal.
    """
    mean, deviation = images.x_train.mean(), images.x_train.std()
    if not deviation > 0:
        raise ValueError("all training pixels are equal (or not numbers), so they cannot be scaled to deviation 1")
    return images._replace(x_train=(images.x_train - mean) / deviation, x_test=(images.x_test - mean) / deviation)


def _verified(path, sha256):
    """Return the bytes of the file, once they are known to be the right ones."""
    mend = "restore it with 'git checkout -- data', or fetch the course again"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"the data file {path} is missing; {mend}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is damaged or was changed: {len(content)} bytes with SHA-256 {found[:12]}..., "
            f"expected {sha256[:12]}...; {mend}"
        )
    return content
