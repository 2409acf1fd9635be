"""One residual block in NumPy, in the lecture's notation: forward, backward, weight decay.

Examples are columns: ``a`` has shape (units, examples), and a layer is ``W @ a + b`` with ``b`` a
column (units, 1).
"""

from typing import NamedTuple

import numpy as np

from helpers.inputs.numbers import check_seed, check_whole, is_number

SKIPS = ("none", "inside", "outside")


def relu(z):
    return np.maximum(z, 0.0)


def tanh(z):
    return np.tanh(z)


def sigmoid(z):
    return 0.5 * (1.0 + np.tanh(0.5 * z))  # 1 / (1 + exp(-z)), without overflow


def linear(z):
    return z


# The derivative of each g, as a function of z. At z = 0, ReLU's slope is 0, as in PyTorch.
SLOPES = {
    relu: lambda z: np.where(z > 0, 1.0, 0.0),
    tanh: lambda z: 1.0 - np.tanh(z) ** 2,
    sigmoid: lambda z: sigmoid(z) * (1.0 - sigmoid(z)),
    linear: np.ones_like,
}


class Gradients(NamedTuple):
    """Derivatives of the loss; each has the shape of its variable."""

    a: np.ndarray
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray


def block(a, W1, b1, W2, b2, skip="inside", g=relu, Ws=None):
    """Return a[l+2] (out, examples): two layers, and a shortcut past both of them.

    a: a[l], (units, examples).
    W1, b1, W2, b2: (hidden, units), (hidden, 1), (out, hidden), (out, 1).
    skip: "none" (a plain net), "inside" (the sum, then g: He et al. 2015, arXiv 1512.03385,
        equation 1) or "outside" (g, then the sum: He et al. 2016, arXiv 1603.05027, figure 4c).
    Ws: (out, units), multiplies a[l] on the shortcut (He et al. 2015, equation 2); None adds a[l].
    Raises ValueError if two shapes do not fit together, for an unknown ``skip``, and for a ``g``
    that is no function.
    """
    a, W1, b1, W2, b2 = _checked(a, W1, b1, W2, b2, skip, Ws)
    if not callable(g):
        raise ValueError(f"g = {g!r}, but it must be a function, such as relu of helpers.block")
    a1 = g(W1 @ a + b1)
    z2 = W2 @ a1 + b2
    shortcut = a if Ws is None else Ws @ a
    match skip:
        case "none":
            return g(z2)
        case "inside":
            return g(z2 + shortcut)
        case "outside":
            return g(z2) + shortcut


def block_gradients(a, W1, b1, W2, b2, upstream, skip="inside", g=relu):
    """Return the Gradients of a loss: the chain rule, written out.

    upstream: the derivative of the loss with respect to a[l+2], (out, examples).
    g: relu, tanh, sigmoid or linear. The rest is as for ``block``, without Ws.
    Raises ValueError for shapes that do not fit, and for an unknown ``skip`` or ``g``.
    """
    a, W1, b1, W2, b2 = _checked(a, W1, b1, W2, b2, skip)
    slope = _slope(g)
    z1 = W1 @ a + b1
    a1 = g(z1)
    z2 = W2 @ a1 + b2
    _check_shape("upstream", upstream, z2)
    d2 = upstream * slope(z2 + a if skip == "inside" else z2)
    d1 = (W2.T @ d2) * slope(z1)
    through_the_shortcut = {"none": 0.0, "inside": d2, "outside": upstream}[skip]
    of_b1, of_b2 = d1.sum(axis=1, keepdims=True), d2.sum(axis=1, keepdims=True)
    return Gradients(W1.T @ d1 + through_the_shortcut, d1 @ a.T, of_b1, d2 @ a1.T, of_b2)


def descend(
    a, target, parameters, *, learning_rate, steps, skip="inside", g=relu, strength=0.0,
    decay_b=False,
):  # fmt: skip
    """Fit a block by gradient descent; return a generator of (loss, parameters) after each step.

    a, target: (units, examples) and (out, examples).
    parameters: (W1, b1, W2, b2); they are not changed.
    learning_rate, steps: the size of the steps, and their number.
    skip, g: as for ``block_gradients``.
    strength, decay_b: weight decay minimises the loss plus strength / 2 * (sum(W1**2) +
        sum(W2**2)), with ``decay_b`` the squares of b1 and b2 too. The reported loss is without it.
    The loss is sum((a[l+2] - target)**2) / (2 * examples).
    Raises ValueError, at once and not at the first step, where ``block_gradients`` does, for a
    ``target`` that has not the shape of a[l+2], and for a negative ``strength`` or
    ``learning_rate``.
    """
    _check_decay(strength, learning_rate)
    check_whole(0, steps=steps)
    _slope(g)
    penalties = (strength, strength * decay_b) * 2
    output = block(a, *parameters, skip=skip, g=g)
    _check_shape("target", target, output)
    error, form = output - target, {"skip": skip, "g": g}
    return _steps(a, target, parameters, error, learning_rate, steps, penalties, form)


def _steps(a, target, parameters, error, learning_rate, steps, penalties, form):
    """The steps of ``descend``; ``error`` is a[l+2] - target at the start."""
    examples = error.shape[1]
    for _ in range(steps):
        gradients = block_gradients(a, *parameters, error / examples, **form)[1:]
        parameters = tuple(
            p - learning_rate * (gradient + penalty * p)
            for p, gradient, penalty in zip(parameters, gradients, penalties, strict=True)
        )
        error = block(a, *parameters, **form) - target
        yield float((error**2).sum() / (2 * examples)), parameters


def decay(W, strength, learning_rate, steps):
    """Let weight decay alone act on ``W`` (any shape); return norms (steps + 1,) and the last W.

    Each step is gradient descent on the penalty strength / 2 * sum(W**2), whose gradient is
    strength * W: after t steps ||W|| is |1 - learning_rate * strength|**t of its first value.
    Raises ValueError for a negative ``strength``, ``learning_rate`` or ``steps``, and where
    learning_rate * strength > 2: there every step makes W larger.
    """
    _check_decay(strength, learning_rate)
    check_whole(0, steps=steps)
    if learning_rate * strength > 2:
        raise ValueError(
            f"learning_rate * strength = {learning_rate * strength:g} is above 2, where each step "
            "makes W larger; lower one of the two"
        )
    W = np.array(W, dtype=float)
    norms = [np.linalg.norm(W)]
    for _ in range(steps):
        W = W - learning_rate * strength * W
        norms.append(np.linalg.norm(W))
    return np.array(norms), W


def random_block(units, seed, scale=1.0):
    """Return random (W1, b1, W2, b2) of a block with ``units`` units in each layer.

    Entries of W are normal with standard deviation scale * sqrt(2 / units), those of b a tenth as
    large. A ``scale`` of 1 is the start of He et al. 2015 (arXiv 1502.01852, equation 10).
    Raises ValueError for ``units`` and a ``seed`` that are no whole numbers from 1 and 0 on.
    """
    check_whole(units=units)
    rng = np.random.default_rng(check_seed(seed))
    deviation = scale * np.sqrt(2.0 / units)
    shapes = [(units, units), (units, 1), (units, units), (units, 1)]
    return tuple(
        rng.normal(0.0, deviation * size, shape)
        for shape, size in zip(shapes, (1, 0.1, 1, 0.1), strict=True)
    )


def check_known(name, value, choices):
    """Return ``value``; raise ValueError if it is not one of the ``choices``."""
    if value not in choices:
        raise ValueError(
            f"{name} = {value!r} is not known; use one of {', '.join(map(repr, choices))}"
        )
    return value


def _checked(a, W1, b1, W2, b2, skip, Ws=None):
    """Return the five as arrays; raise ValueError, with symbols and shapes, if they do not fit."""
    check_known("skip", skip, SKIPS)
    a, W1, b1, W2, b2 = map(np.asarray, (a, W1, b1, W2, b2))
    for name, array in {"a[l]": a, "W1": W1, "b1": b1, "W2": W2, "b2": b2}.items():
        if array.dtype.kind not in "biufc":
            raise ValueError(f"{name} is of type {array.dtype}, but must hold numbers")
        if array.ndim != 2:
            vector = "a vector is a column (units, 1)"
            raise ValueError(f"{name} has shape {array.shape}, but must have two axes; {vector}")
    _check_product("W1", W1, "a[l]", a.shape, f"{W1.shape} and {a.shape}")
    _check_column("b1", b1, "W1", W1)
    _check_product("W2", W2, "a[l+1]", W1.shape, f"{W2.shape} and {W1.shape} of W1")
    _check_column("b2", b2, "W2", W2)
    fitting = (len(W2), len(a))
    if Ws is None and skip != "none" and len(W2) != len(a):
        raise ValueError(
            f"z[l+2] has {len(W2)} rows (W2 has shape {W2.shape}), but a[l] has {len(a)} "
            f"(shape {a.shape}); the shortcut can add only equal shapes, or needs a Ws of shape "
            f"{fitting}"
        )
    if Ws is not None and np.shape(Ws) != fitting:
        raise ValueError(
            f"Ws has shape {np.shape(Ws)}, but must be {fitting}: rows of z[l+2], rows of a[l]"
        )
    return a, W1, b1, W2, b2


def _check_product(name, W, other, shape, shapes):
    if W.shape[1] != shape[0]:
        raise ValueError(
            f"{name} has {W.shape[1]} columns, but {other} has {shape[0]} rows (shapes {shapes})"
        )


def _check_column(name, b, of, W):
    if b.shape != (len(W), 1):
        raise ValueError(
            f"{name} has shape {b.shape}, but {of} has {len(W)} rows: use ({len(W)}, 1)"
        )


def _check_shape(name, array, output):
    if np.shape(array) != output.shape:
        raise ValueError(f"{name} has shape {np.shape(array)}, but a[l+2] has shape {output.shape}")


def _slope(g):
    if g not in SLOPES:
        known = "relu, tanh, sigmoid or linear of helpers.block"
        raise ValueError(f"the slope of g = {g!r} is not known; use {known}")
    return SLOPES[g]


def _check_decay(strength, learning_rate):
    for name, value in {"strength": strength, "learning_rate": learning_rate}.items():
        if not (is_number(value) and value >= 0):
            raise ValueError(f"{name} = {value!r}, but it must be a number, 0 or more")
