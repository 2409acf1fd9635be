"""Numbers that people hand in: each is what it has to be, or one sentence says what it must be."""

import math
import operator

import numpy as np

UNEVEN = "is no array of numbers: its rows differ in shape"
BOUND = 2**63  # of seeds: PyTorch's generators take no more


def is_whole(value):
    """Return whether a value is a whole number of Python, NumPy or PyTorch: not True, not 8.0."""
    try:
        operator.index(value)
    except TypeError:
        return False
    return not _is_truth(value)


def _is_truth(value):
    """Return whether a value is True or False, of whichever library."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")


def check_whole(least=1, **values):
    """Return the values as ints, by name.

    Raises ValueError for one that is not a whole number from ``least`` (0 or 1) on.
    """
    for name, value in values.items():
        if not is_whole(value) or value < least:
            bound = "above 0" if least else "from 0 on"
            raise ValueError(f"{name} = {value!r}, but it must be a whole number {bound}")
    return {name: int(value) for name, value in values.items()}


def check_seed(seed):
    """Return a seed as an int. Raises ValueError if it is not a whole number from 0 on."""
    check_whole(0, seed=seed)
    if int(seed) >= BOUND:
        raise ValueError(f"seed = {seed!r}, but it must be below 2**63")
    return int(seed)


def check_not_negative(**values):
    """Return the values as floats. Raises ValueError for one that is no finite number from 0 on."""
    for name, value in values.items():
        if not (is_number(value) and value >= 0):
            raise ValueError(f"{name} = {value!r}, but it must be a number, 0 or more")
    return tuple(map(float, values.values()))


def check_above_zero(**values):
    """Raise ValueError for a value that is not a finite number above 0."""
    for name, value in values.items():
        if not (is_number(value) and value > 0):
            raise ValueError(f"{name} = {value!r}, but it must be a number above 0")


def is_number(value):
    """Return whether a value is one finite number: not True, no text, no list."""
    try:
        return not _is_truth(value) and math.isfinite(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # as text, NumPy and PyTorch do
        return False


def check_alike(x_train, x_test):
    """Raise ValueError for images to train with that have no pixels, or those of another shape to
    test with.
    """
    train, test = tuple(x_train.shape), tuple(x_test.shape)
    if 0 in train:
        raise ValueError(f"x_train has shape {train}: it has no pixels")
    if train[1:] != test[1:]:
        raise ValueError(
            f"training images have shape {train[1:]}, but test images {test[1:]}; the order is "
            "(x_train, y_train, x_test, y_test)"
        )


def as_array(name, value, kinds="biufc"):
    """Return an array, a list or a tensor of PyTorch as an array of numbers.

    kinds: NumPy's letters of the types that are allowed; a "c" for complex numbers. None: any.
    Raises ValueError for anything else.
    """
    if np.ma.is_masked(value):  # what is hidden is no number
        value = value.astype(float).filled(np.nan)
    try:
        found = np.asarray(value.detach().cpu().to_dense() if hasattr(value, "detach") else value)
        if found.dtype == object:  # as tables have them
            found = np.array(found.tolist())
    except (ValueError, TypeError, RuntimeError) as error:
        is_uneven = "inhomogeneous" in str(error)
        reason = UNEVEN if is_uneven else f"cannot become an array of NumPy ({error})"
        raise ValueError(f"{name} {reason}") from error
    if kinds and found.dtype.kind not in kinds:
        raise ValueError(f"{name} is of type {found.dtype}, but must hold numbers")
    return found
