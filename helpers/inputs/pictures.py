"""What people hand in to be drawn: sizes, names, curves and tables of numbers."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import matplotlib
import numpy as np

from helpers.inputs.numbers import as_array, is_number


def check_size(size):
    """Raise ValueError for a size of a figure that is not two numbers above 0."""
    pair = isinstance(size, tuple | list) and len(size) == 2
    if not pair or not all(is_number(inches) and inches > 0 for inches in size):
        raise ValueError(f"size = {size!r}, but it must be (width, height) in inches")


def as_names(names, known):
    """Return {skip: name} of such a dict, or of a list of skips, with the names in ``known``."""
    is_one = isinstance(names, str) or not isinstance(names, Iterable)
    if is_one or any(skip not in known for skip in names):
        skips = ", ".join(map(repr, known))
        raise ValueError(f"names = {names!r}, but it must be {{skip: name}}, of skips {skips}")
    return dict(names) if isinstance(names, Mapping) else {skip: known[skip] for skip in names}


def as_curve(x, values, skip):
    """Return x and the values of a skip as arrays of one length."""
    x, y = np.ravel(as_array("x", x)), np.ravel(_of(values, skip))
    if len(x) != len(y):
        raise ValueError(f"there are {len(y)} values of {skip!r}, but {len(x)} of x")
    return x, y


def against(errors, skip, depths):
    """Return the errors of a skip, (depths, seeds)."""
    found = _of(errors, skip)
    if found.ndim != 2 or len(found) != depths:
        raise ValueError(
            f"the errors of {skip!r} have shape {found.shape}, but must be ({depths}, seeds): a "
            "row for each depth"
        )
    return found


def _of(values, skip):
    if not isinstance(values, Mapping) or skip not in values:
        raise ValueError(f"values must be a dict with an entry for each curve, also for {skip!r}")
    found = values[skip]
    if isinstance(found, list | tuple):
        with suppress(ValueError, TypeError):
            found = np.array(found, dtype=float)  # None becomes NaN
    return as_array(f"values[{skip!r}]", found, "biuf").astype(float)


def as_picture(values):
    """Return numbers to be drawn as rectangles, (rows, columns)."""
    found = as_array("values", values, "biuf")
    if found.ndim != 2:
        raise ValueError(
            f"values has shape {found.shape}, but must be (rows, columns): one image, one channel"
        )
    return found


def check_cmap(cmap):
    """Raise ValueError for what is no name of a colour map."""
    if not isinstance(cmap, str) or cmap not in matplotlib.colormaps:
        raise ValueError(
            f"cmap = {cmap!r}, but it must be the name of a colour map, such as 'gray'"
        )


def as_rows(name, rows, length):
    """Return a list of tuples of one length."""
    kind = {2: "pairs (text, group)", 3: "triples (first, last, dotted)"}[length]
    try:
        found = [() if isinstance(row, str) else tuple(row) for row in rows]
    except TypeError:
        found = [()]
    if any(len(row) != length for row in found):
        raise ValueError(f"{name} must be {kind}, but is {rows!r:.60}")
    return found
