"""One residual block in NumPy, in the lecture's notation: forward, backward, weight decay.

Examples are columns: ``a`` has shape (units, examples), and a layer is ``W @ a + b`` with ``b`` a
column (units, 1).
"""

from typing import NamedTuple

import numpy as np

SKIPS = ("none", "inside", "outside")


def relu(z):
    return np.maximum(z, 0.0)


def tanh(z):
    return np.tanh(z)


def sigmoid(z):
    return 0.5 * (
        1.0 + np.tanh(0.5 * z)
    )  # the same function as 1 / (1 + exp(-z)), without overflow


def linear(z):
    return z


# The derivative of each g, as a function of z. At z = 0 ReLU's slope is taken as 0, as PyTorch
# does.
SLOPES = {
    relu: lambda z: np.where(z > 0, 1.0, 0.0),
    tanh: lambda z: 1.0 - np.tanh(z) ** 2,
    sigmoid: lambda z: sigmoid(z) * (1.0 - sigmoid(z)),
    linear: np.ones_like,
}


class Gradients(NamedTuple):
    """Derivatives of the loss, each of the shape of what it belongs to."""

    a: np.ndarray
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray


def block(a, W1, b1, W2, b2, skip="inside", g=relu, Ws=None):
    """Return a[l+2] for a[l] = ``a``: two layers, and a shortcut past both of them.

    Shapes: a (units, examples); W1 (hidden, units); b1 (hidden, 1); W2 (out, hidden); b2 (out, 1).
    The result is (out, examples). The shortcut adds a[l] as it is, where out = units, or ``Ws`` @
    a[l] with Ws (out, units) (He et al. 2015, equation 2). ``skip`` is one of
    "none" (a plain net), "inside" (He et al. 2015, arXiv 1512.03385, equation 1 and figure 2: the
    sum, then g) and "outside" (He et al. 2016, arXiv 1603.05027, figure 4c: g, then the sum).
    Raises ValueError if two shapes do not fit together, or for an unknown ``skip``.
    """
    a, W1, b1, W2, b2 = _checked(a, W1, b1, W2, b2, skip, Ws)
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
    """Return the Gradients of a loss whose derivative with respect to a[l+2] is ``upstream`` (out,
    examples).

    The chain rule, written out; shapes and ``skip`` as for ``block``, and no Ws. ``g`` is one of
    the four functions of this module, whose slopes are known. Raises ValueError for shapes that do
    not fit, an unknown ``skip`` or ``g``.
    """
    a, W1, b1, W2, b2 = _checked(a, W1, b1, W2, b2, skip)
    slope = _slope(g)
    z1 = W1 @ a + b1
    a1 = g(z1)
    z2 = W2 @ a1 + b2
    if np.shape(upstream) != z2.shape:
        raise ValueError(
            f"upstream has shape {np.shape(upstream)}, but a[l+2] has shape {z2.shape}"
        )
    d2 = upstream * slope(z2 + a if skip == "inside" else z2)
    d1 = (W2.T @ d2) * slope(z1)
    through_the_shortcut = {"none": 0.0, "inside": d2, "outside": upstream}[skip]
    return Gradients(
        a=W1.T @ d1 + through_the_shortcut,
        W1=d1 @ a.T,
        b1=d1.sum(axis=1, keepdims=True),
        W2=d2 @ a1.T,
        b2=d2.sum(axis=1, keepdims=True),
    )


def descend(
    a,
    target,
    parameters,
    *,
    learning_rate,
    steps,
    skip="inside",
    g=relu,
    strength=0.0,
    decay_b=False,
):
    """Fit one block to ``target`` by gradient descent; return a generator of (loss, parameters)
    after each step.

    The loss is the squared error, summed over units and averaged over examples, halved:
    L = sum((a[l+2] - target)**2) / (2 * examples). Weight decay adds ``strength`` / 2 * (sum(W1**2)
    + sum(W2**2)) to what is minimised, with ``decay_b`` the squares of b1 and b2 too, and nothing
    to the loss that is reported. ``parameters`` is (W1, b1, W2, b2); they are not changed in place.
    Raises ValueError, at once and not at the first step, as ``block`` does, for a ``target`` of
    another shape than a[l+2], for a ``g`` whose slope is not known, and for a negative ``strength``
    or ``learning_rate``.
    """
    _check_decay(strength, learning_rate)
    _slope(g)
    penalties = (strength, strength * decay_b, strength, strength * decay_b)
    output = block(a, *parameters, skip=skip, g=g)
    if np.shape(target) != output.shape:
        raise ValueError(
            f"target has shape {np.shape(target)}, but a[l+2] has shape {output.shape}"
        )
    return _steps(
        a, target, parameters, output - target, learning_rate, steps, penalties, skip=skip, g=g
    )


def _steps(a, target, parameters, error, learning_rate, steps, penalties, **kind):
    """The steps of ``descend``; ``error`` is a[l+2] - target at the start."""
    examples = error.shape[1]
    for _ in range(steps):
        gradients = block_gradients(a, *parameters, error / examples, **kind)[1:]
        parameters = tuple(
            p - learning_rate * (gradient + penalty * p)
            for p, gradient, penalty in zip(parameters, gradients, penalties, strict=True)
        )
        error = block(a, *parameters, **kind) - target
        yield float((error**2).sum() / (2 * examples)), parameters


def decay(W, strength, learning_rate, steps):
    """Let weight decay alone act on ``W`` (any shape); return its norms before and after each step,
    and the final W.

    Each step is gradient descent on the penalty strength / 2 * sum(W**2), whose gradient is
    strength * W, so that ||W|| after t steps is |1 - learning_rate * strength|**t times the norm at
    the start. Norms: (steps + 1,). Raises ValueError for a negative ``strength``, ``learning_rate``
    or ``steps``, and where learning_rate * strength > 2: there every step makes W larger.
    """
    _check_decay(strength, learning_rate)
    if steps < 0:
        raise ValueError(f"steps = {steps}, but it must be 0 or more")
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
    """Return (W1, b1, W2, b2) for ``units`` units: entries of W are normal with deviation scale *
    sqrt(2 / units), the start of He et al. 2015 (arXiv 1502.01852, equation 10) at ``scale`` 1; b
    is a tenth of that."""
    rng = np.random.default_rng(seed)
    deviation = scale * np.sqrt(2.0 / units)
    shapes = [(units, units), (units, 1), (units, units), (units, 1)]
    return tuple(
        rng.normal(0.0, deviation * size, shape)
        for shape, size in zip(shapes, (1, 0.1, 1, 0.1), strict=True)
    )


def _checked(a, W1, b1, W2, b2, skip, Ws=None):
    """Return the five as arrays; raise ValueError, naming symbols and shapes, if they do not make a
    block.
    """
    if skip not in SKIPS:
        raise ValueError(f"skip = {skip!r} is not known; use one of {', '.join(map(repr, SKIPS))}")
    a, W1, b1, W2, b2 = map(np.asarray, (a, W1, b1, W2, b2))
    for name, array in {"a[l]": a, "W1": W1, "b1": b1, "W2": W2, "b2": b2}.items():
        if array.ndim != 2:
            raise ValueError(
                f"{name} has shape {array.shape}, but must have two axes; a vector is a column "
                "(units, 1)"
            )
    _fits("W1", W1, "a[l]", a)
    _is_column("b1", b1, "W1", W1)
    if W2.shape[1] != W1.shape[0]:
        raise ValueError(
            f"W2 has {W2.shape[1]} columns, but a[l+1] has {W1.shape[0]} rows (shapes {W2.shape} "
            f"and {W1.shape} of W1)"
        )
    _is_column("b2", b2, "W2", W2)
    fitting = (W2.shape[0], a.shape[0])
    if Ws is None and skip != "none" and W2.shape[0] != a.shape[0]:
        raise ValueError(
            f"z[l+2] has {W2.shape[0]} rows (W2 has shape {W2.shape}), but a[l] has {a.shape[0]} "
            f"(shape {a.shape}); the shortcut can add only equal shapes, or needs a Ws of shape "
            f"{fitting}"
        )
    if Ws is not None and np.shape(Ws) != fitting:
        raise ValueError(
            f"Ws has shape {np.shape(Ws)}, but must be {fitting}: rows of z[l+2], rows of a[l]"
        )
    return a, W1, b1, W2, b2


def _fits(name, W, input_name, x):
    if W.shape[1] != x.shape[0]:
        raise ValueError(
            f"{name} has {W.shape[1]} columns, but {input_name} has {x.shape[0]} rows (shapes "
            f"{W.shape} and {x.shape})"
        )


def _is_column(name, b, weight_name, W):
    if b.shape != (W.shape[0], 1):
        raise ValueError(
            f"{name} has shape {b.shape}, but {weight_name} has {W.shape[0]} rows: use "
            f"({W.shape[0]}, 1)"
        )


def _slope(g):
    if g not in SLOPES:
        raise ValueError(
            f"the slope of g = {g!r} is not known; use relu, tanh, sigmoid or linear of "
            "helpers.block"
        )
    return SLOPES[g]


def _check_decay(strength, learning_rate):
    for name, value in {"strength": strength, "learning_rate": learning_rate}.items():
        if not value >= 0:
            raise ValueError(f"{name} = {value}, but it must be 0 or more")
