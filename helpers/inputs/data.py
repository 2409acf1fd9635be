"""Data that people hand in become four tensors, or one sentence says what to write instead."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from helpers.inputs.numbers import UNEVEN, as_array, is_number

NAMES = ("x_train", "y_train", "x_test", "y_test")
NAMED = f"({', '.join(NAMES)})"
FROM_TEXT = (
    "names, y_train = np.unique(y_train, return_inverse=True) and "
    "y_test = np.searchsorted(names, y_test)"
)
FROM_SETS = "(*zip(*train_set), *zip(*test_set))"
FROM_LOADERS = "(*map(torch.cat, zip(*train_loader)), *map(torch.cat, zip(*test_loader)))"
OF_DICTS = "for rows in (train_set, test_set) for name in {names}]"
FROM_DICTS = f"[[row[name] for row in rows] {OF_DICTS}"
FROM_LOADED_DICTS = f"[torch.cat([batch[name] for batch in rows]) {OF_DICTS}"
FROM_TWO = "test = np.arange(len(y)) % 5 == 0 and (x[~test], y[~test], x[test], y[test])"


def tensors(data, device, dtype):
    """Return (x_train, y_train, x_test, y_test) as tensors on ``device``, the images in ``dtype``.

    data: the four, in this order, or a tuple that begins with them, as ``datasets.Folder`` does.
        Each is what NumPy or PyTorch can make an array of numbers of.
    Raises ValueError for anything else, for images that are not finite, and for labels that are no
    classes.
    """
    found = [as_tensor(*pair) for pair in zip(NAMES, _four(data), strict=True)]
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
    for part in (data, *parts):
        if isinstance(part, DataLoader):
            return _from_rows("DataLoaders", part, FROM_LOADERS, FROM_LOADED_DICTS)
        if isinstance(part, Dataset):
            return _from_rows("Datasets", part, FROM_SETS, FROM_DICTS)
        if isinstance(part, list) and len(part) > 3 and all(map(_is_row, part)):
            return f": of lists of pairs (image, label), write {FROM_SETS}"
    if all(isinstance(part, tuple | list) and len(part) == 2 for part in parts):
        return ": of pairs of images and labels, write (*train, *test)"
    if len(parts) == 2 and all(isinstance(p, tuple | list) or hasattr(p, "shape") for p in parts):
        return f": to keep every fifth image for the test, write {FROM_TWO}"
    if isinstance(data, Mapping):
        return f", and not the names {', '.join(map(repr, list(data)[:6]))} with their arrays"
    if isinstance(data, str):
        return ": datasets.folder(path) reads a folder of pictures"
    if callable(data):
        return ": call it, as datasets.digits() does"
    return ""


def _is_row(value):
    return isinstance(value, tuple) and len(value) == 2


def _from_rows(kind, rows, form, of_dicts):
    """Say how to make four of rows (image, label), or of rows that are dicts."""
    with suppress(Exception):  # rows of somebody else's may raise anything
        if isinstance(first := next(iter(rows)), Mapping):
            kind, form = f"{kind} of dicts", of_dicts.format(names=tuple(first))
    return f": of {kind}, write {form}"


def as_tensor(name, part):
    """Return an array, a tensor, or a list of either, as a tensor of numbers, without a warning."""
    if isinstance(part, list | tuple) and part and all(isinstance(p, torch.Tensor) for p in part):
        if len({p.shape for p in part}) > 1:
            raise ValueError(_uneven(name, part))
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
        array = as_array(name, part, kinds=None)
    except ValueError as error:
        if not str(error).endswith(UNEVEN):
            raise
        raise ValueError(_uneven(name, part)) from None
    if array.dtype.kind in "UST" and array.size:
        raise ValueError(_text(name, array.astype(str)))
    if array.dtype.kind not in "biufc":
        holds = f"is of type {type(part).__name__}"
        if array.ndim:
            odd = next((p for p in array.flat if not is_number(p)), array.flat[0])
            holds = f"holds a {type(odd).__name__}"
        raise ValueError(
            f"{name} {holds}, but must be an array of numbers (or a list of arrays of one shape)"
        )
    # PyTorch takes no other order of bytes, no negative strides and no long doubles, and warns of
    # an array that is read-only.
    kind = np.float64 if array.dtype.itemsize > 8 and array.dtype.kind == "f" else array.dtype
    return np.require(array, np.dtype(kind).newbyteorder("="), ["C", "W"])


def _text(name, array):
    """Say how to make numbers of texts: of names, of numbers, of the paths of pictures."""
    kind = int if name.startswith("y") else float
    mend = f": write {name} = np.array({name}, {kind.__name__})"
    try:
        for example in array.flat:
            kind(example)
    except ValueError:
        of_files = ": datasets.folder(path) reads pictures" if Path(example).suffix else ""
        mend = f": write {FROM_TEXT}" if kind is int else of_files
    return f"{name} is text, such as {str(example)!r}, but must be numbers{mend}"


def _uneven(name, rows):
    """Say which two rows differ in shape."""
    try:
        one, other = sorted({tuple(np.shape(row)) for row in rows})[:2]
    except ValueError:  # the rows themselves are lists that differ, or hold something else
        return f"{name} {UNEVEN}"
    mend = "" if name.startswith("y") else ", as datasets.folder(path, size) makes them"
    return f"{name} holds rows of shape {one} and of shape {other}; all must have one shape{mend}"


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
