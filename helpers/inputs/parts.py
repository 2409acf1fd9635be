"""The parts of a block that people hand in: arrays that fit together, a g, layers."""

from collections.abc import Sized

import numpy as np

from helpers.inputs.numbers import as_array


def fitting(a, W1, b1, W2, b2, skip, Ws=None):
    """Return the five and Ws as arrays.

    Raises ValueError, with symbols and shapes, if they do not fit together.
    """
    given = {"a[l]": a, "W1": W1, "b1": b1, "W2": W2, "b2": b2}
    arrays = {name: _wide(as_array(name, value)) for name, value in given.items()}
    for name, array in arrays.items():
        if array.ndim != 2:
            vector = "a vector is a column (units, 1)"
            raise ValueError(f"{name} has shape {array.shape}, but must have two axes; {vector}")
    a, W1, b1, W2, b2 = arrays.values()
    layers = (1, W1, b1, "a[l]", a, ""), (2, W2, b2, "a[l+1]", W1, " of W1")
    for n, W, b, name, into, of in layers:
        if W.shape[1] != len(into):
            shapes = f"{W.shape} and {into.shape}{of}"
            raise ValueError(
                f"W{n} has {W.shape[1]} columns, but {name} has {len(into)} rows (shapes {shapes})"
            )
        if b.shape != (len(W), 1):
            raise ValueError(
                f"b{n} has shape {b.shape}, but W{n} has {len(W)} rows: use ({len(W)}, 1)"
            )
    return a, W1, b1, W2, b2, _on_shortcut(Ws, a, W2, skip)


def _wide(array):
    """Whole numbers with room: products of pixels, 0 to 255 in 8 bits, would begin again at 0."""
    return array.astype(np.int64) if array.dtype.kind in "biu" else array


def _on_shortcut(Ws, a, W2, skip):
    fits = (len(W2), len(a))
    if Ws is None and skip != "none" and len(W2) != len(a):
        raise ValueError(
            f"z[l+2] has {len(W2)} rows (W2 has shape {W2.shape}), but a[l] has {len(a)} "
            f"(shape {a.shape}); the shortcut can add only equal shapes, or needs a Ws of shape "
            f"{fits}"
        )
    if Ws is None:
        return None
    Ws = _wide(as_array("Ws", Ws))
    if Ws.shape != fits:
        raise ValueError(
            f"Ws has shape {Ws.shape}, but must be {fits}: rows of z[l+2], rows of a[l]"
        )
    return Ws


def check_g(g):
    """Raise ValueError for a g that does not make an array of an array, number by number."""
    form = "it must be a function of NumPy's arrays, such as relu of helpers.block"
    try:
        fits = np.shape(g(np.ones((2, 3)))) == (2, 3)
    except Exception as error:  # a function of something else may raise anything
        raise ValueError(f"g = {g!r}, but {form}") from error
    if not fits:
        raise ValueError(f"g = {g!r} does not keep the shape of what it is given, but {form}")


def of_block(parameters):
    """Return (W1, b1, W2, b2) as arrays. Raises ValueError for anything else."""
    try:
        W1, b1, W2, b2 = parameters
    except (TypeError, ValueError) as error:
        raise ValueError(
            "parameters must be (W1, b1, W2, b2), as random_block returns them"
        ) from error
    named = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    return tuple(as_array(name, value) for name, value in named.items())


def as_shaped(name, value, output):
    """Return a value as an array. Raises ValueError if it has not the shape of a[l+2]."""
    array = as_array(name, value)
    if array.shape != output.shape:
        raise ValueError(f"{name} has shape {array.shape}, but a[l+2] has shape {output.shape}")
    return array


def check_layers(layers, Ws):
    """Raise ValueError if ``layers`` are not two modules, or ``Ws`` is none."""
    given = [*(layers if isinstance(layers, Sized) else [layers]), Ws]
    if len(given) != 3 or not all(callable(part) and not isinstance(part, type) for part in given):
        raise ValueError(
            "a block needs two layers and at most one Ws, all modules: "
            "Block(4, layers=(nets.linear(4, 4), nets.linear(4, 4)))"
        )
