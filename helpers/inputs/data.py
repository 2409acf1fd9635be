"""Data that people hand in become four tensors, or one sentence says what to write instead."""

from collections.abc import Mapping
from itertools import permutations

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

NAMES = ("x_train", "y_train", "x_test", "y_test")
NAMED = f"({', '.join(NAMES)})"
FROM_TEXT = (
    "names, y_train = np.unique(y_train, return_inverse=True) and "
    "y_test = np.searchsorted(names, y_test)"
)
FROM_SETS = "(*zip(*train_set), *zip(*test_set))"
FROM_LOADERS = "(*map(torch.cat, zip(*train_loader)), *map(torch.cat, zip(*test_loader)))"
FROM_TWO = "test = np.arange(len(y)) % 5 == 0 and (x[~test], y[~test], x[test], y[test])"


def tensors(data, device, dtype):
    """Return (x_train, y_train, x_test, y_test) as tensors on ``device``, the images in ``dtype``.

    data: the four, in this order, or a tuple that begins with them, as ``datasets.Folder`` does.
        Each is what NumPy or PyTorch can make an array of numbers of.
    Raises ValueError for anything else, for images that are not finite, and for labels that are no
    classes.
    """
    found = [_as_tensor(*pair) for pair in zip(NAMES, _four(data), strict=True)]
    _check_order(found)
    for name, x, y in (("training", *found[:2]), ("test", *found[2:])):
        _check_images(name, x, dtype)
        _check_labels(name, x, y)
    # In this order: Apple's GPUs have no float64, so that is rounded before it gets there.
    kinds = (dtype, torch.long) * 2
    return tuple(part.to(kind).to(device) for part, kind in zip(found, kinds, strict=True))


def _four(data):
    if isinstance(data, tuple | list):
        if data and isinstance(data[0], tuple) and len(data[0]) == 4:
            return data[0]
        if len(data) == 4:
            return data
        said = f"has {len(data)} part{'s' * (len(data) != 1)}"
    else:
        said = f"is of type {type(data).__name__}"
    raise ValueError(f"data {said}, but must be {NAMED}{_other_form(data)}")


def _other_form(data):
    """Say what to write in place of data of a form that is well known."""
    parts = data if isinstance(data, tuple | list) else [data]
    if any(isinstance(part, DataLoader) for part in parts):
        return f": of DataLoaders, write {FROM_LOADERS}"
    if any(isinstance(part, Dataset) for part in parts):
        return f": of Datasets, write {FROM_SETS}"
    if len(parts) == 2 and all(isinstance(part, tuple | list) and len(part) == 2 for part in parts):
        return ": of two pairs, write (*train, *test)"
    if len(parts) == 2:
        return f": to keep every fifth image for the test, write {FROM_TWO}"
    if isinstance(data, Mapping):
        return f", and not the names {', '.join(map(repr, list(data)[:6]))} with their arrays"
    if isinstance(data, str):
        return ": datasets.folder(path) reads a folder of pictures"
    if callable(data):
        return ": call it, as datasets.digits() does"
    return ""


def _as_tensor(name, part):
    """Return an array, a tensor, or a list of either, as a tensor of numbers, without a warning."""
    if isinstance(part, list | tuple) and part and all(isinstance(p, torch.Tensor) for p in part):
        shapes = sorted({tuple(p.shape) for p in part})
        if len(shapes) > 1:
            raise ValueError(_uneven(name, *shapes[:2]))
        part = torch.stack(list(part))
    if isinstance(part, torch.Tensor):
        if part.is_meta:
            raise ValueError(f"{name} is on the device meta, which keeps no numbers")
        found = part.detach().to_dense() if part.layout != torch.strided else part.detach()
    else:
        found = torch.as_tensor(_as_array(name, part), device="cpu")
    if found.ndim == 0 or found.is_complex():
        what = "complex numbers" if found.is_complex() else f"the single number {found.item():g}"
        raise ValueError(
            f"{name} is {what}, but must be an array of real numbers, one row an image"
        )
    return found


def _as_array(name, part):
    try:
        array = np.asarray(part)
        if array.dtype == object:  # as tables have them
            array = np.array(array.tolist())
    except ValueError:  # NumPy: "inhomogeneous shape"
        shapes = sorted({np.shape(p) for p in part})
        raise ValueError(_uneven(name, *shapes[:2])) from None
    if array.dtype.kind in "UST" and array.size:
        raise ValueError(_text(name, str(array.flat[0])))
    if array.dtype.kind not in "biufc":
        raise ValueError(
            f"{name} is of type {type(part).__name__}, but must be an array of numbers (or a list "
            "of arrays of one shape)"
        )
    # PyTorch takes no other order of bytes, no negative strides and no long doubles, and warns of
    # an array that is read-only.
    kind = np.float64 if array.dtype.itemsize > 8 and array.dtype.kind == "f" else array.dtype
    return np.require(array, np.dtype(kind).newbyteorder("="), ["C", "W"])


def _text(name, example):
    mend = f"{name} = np.array({name}, float)"
    if name.startswith("y"):
        mend = f"{name} = np.array({name}, int)" if example.isdigit() else FROM_TEXT
    return f"{name} is text, such as {example!r}, but must be numbers: write {mend}"


def _uneven(name, one, other):
    return (
        f"{name} holds images of shape {one} and of shape {other}; all must have one shape, as "
        "datasets.folder(path, size) makes them"
    )


def _check_order(found):
    """Say so if the four fit each other in another order only, such as scikit-learn's."""

    def fit(x_train, y_train, x_test, y_test):
        pairs = (x_train, y_train), (x_test, y_test)
        return x_train.ndim == x_test.ndim > 1 and all(
            y.ndim == 1 and len(x) == len(y) for x, y in pairs
        )

    for order in permutations(range(4)):
        if fit(*(found[place] for place in order)):
            if order != (0, 1, 2, 3):
                shapes = ", ".join(str(tuple(part.shape)) for part in found)
                raise ValueError(
                    f"data has the shapes {shapes}, but the order is {NAMED}: write "
                    f"[data[i] for i in {order}]"
                )
            return


def _check_images(name, x, dtype):
    if len(x) == 0:
        raise ValueError(f"there are no {name} images")
    if bad := int((~x.to(dtype).isfinite()).sum()):
        kind = str(dtype).removeprefix("torch.")
        raise ValueError(
            f"the {name} images hold {bad} values that are infinite or not a number in {kind}; "
            "mend them first"
        )


def _check_labels(name, x, y):
    variable = "y_train" if name == "training" else "y_test"
    if len(x) != len(y):
        raise ValueError(
            f"there are {len(x)} {name} images and {len(y)} labels; each image needs one label"
        )
    if y.ndim != 1:
        mend = ""
        if y[0].numel() == 1:
            mend = f": write {variable}.reshape(-1)"
        elif y.ndim == 2 and bool(((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all()):
            mend = f": they are one-hot, so write {variable}.argmax(1)"
        raise ValueError(
            f"the {name} labels have shape {tuple(y.shape)}, but must be ({len(x)},), one class "
            f"an image{mend}"
        )
    if y.is_floating_point():
        whole = bool((y == y.round()).all())
        mend = f": write {variable} = np.array({variable}, int)" if whole else ""
        raise ValueError(
            f"the {name} labels are of type {y.dtype}, but classes are whole numbers from 0 on"
            f"{mend}"
        )
