"""One residual block in NumPy, in the lecture's notation: forward, backward, weight decay.

Examples are columns: ``a`` has shape (units, examples), and a layer is ``W @ a + b`` with ``b`` a
column (units, 1).
"""

from typing import NamedTuple

import numpy as np

from helpers.inputs import parts
from helpers.inputs.numbers import as_array, check_not_negative, check_seed, check_whole

SKIPS = ("none", "inside", "outside")


def relu(z):
    return np.maximum(z, 0.0)


def tanh(z):
    return np.tanh(z)


def sigmoid(z):
    return 0.5 * (1.0 + np.tanh(np.divide(z, 2)))  # 1 / (1 + exp(-z)), without overflow


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
    that is no function of arrays.
    """
    check_known("skip", skip, SKIPS)
    a, W1, b1, W2, b2, Ws = parts.fitting(a, W1, b1, W2, b2, skip, Ws)
    parts.check_g(g)
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
    check_known("skip", skip, SKIPS)
    a, W1, b1, W2, b2, _ = parts.fitting(a, W1, b1, W2, b2, skip)
    slope = _slope(g)
    z1 = W1 @ a + b1
    a1 = g(z1)
    z2 = W2 @ a1 + b2
    upstream = parts.as_shaped("upstream", upstream, z2)
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
    parameters: (W1, b1, W2, b2), as ``random_block`` returns them; they are not changed.
    learning_rate, steps: the size of the steps, and their number.
    skip, g: as for ``block_gradients``.
    strength, decay_b: weight decay minimises the loss plus strength / 2 * (sum(W1**2) +
        sum(W2**2)), with ``decay_b`` the squares of b1 and b2 too. The reported loss is without it.
    The loss is sum((a[l+2] - target)**2) / (2 * examples).
    Raises ValueError, at once and not at the first step, where ``block_gradients`` does, for a
    ``target`` that has not the shape of a[l+2], and for a negative ``strength`` or
    ``learning_rate``.
    """
    strength, learning_rate = check_not_negative(strength=strength, learning_rate=learning_rate)
    check_whole(0, steps=steps)
    _slope(g)
    a, parameters = as_array("a[l]", a), parts.of_block(parameters)
    penalties = (strength, strength * decay_b) * 2
    output = block(a, *parameters, skip=skip, g=g)
    target = parts.as_shaped("target", target, output)
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
    strength, learning_rate = check_not_negative(strength=strength, learning_rate=learning_rate)
    check_whole(0, steps=steps)
    if learning_rate * strength > 2:
        raise ValueError(
            f"learning_rate * strength = {learning_rate * strength:g} is above 2, where each step "
            "makes W larger; lower one of the two"
        )
    W = as_array("W", W, "biuf").astype(float)
    norms = [np.linalg.norm(W)]
    for _ in range(steps):
        W = W - learning_rate * strength * W
        norms.append(np.linalg.norm(W))
    return np.array(norms), W


def random_block(units, seed, scale=1.0):
    """Return random (W1, b1, W2, b2) of a block with ``units`` units in each layer.

    Entries of W are normal with standard deviation scale * sqrt(2 / units), those of b a tenth as
    large. A ``scale`` of 1 is the start of He et al. 2015 (arXiv 1502.01852, equation 10).
    Raises ValueError for ``units`` and a ``seed`` that are no whole numbers from 1 and 0 on, and
    for a negative ``scale``.
    """
    check_whole(units=units)
    (scale,) = check_not_negative(scale=scale)
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


def _slope(g):
    if g not in list(SLOPES):
        known = "relu, tanh, sigmoid or linear of helpers.block"
        raise ValueError(f"the slope of g = {g!r} is not known; use {known}")
    return SLOPES[g]
