"""Random inputs and parameters of one block."""

import numpy as np


def random_parts(seed, units=4, hidden=5, examples=6):
    rng = np.random.default_rng(seed)
    shapes = [(units, examples), (hidden, units), (hidden, 1), (units, hidden), (units, 1)]
    return [rng.normal(size=shape) for shape in shapes]


def changing_parts(units=128, out=256, examples=6):
    """The lecture's sizes: a[l] with 128 units, a[l+2] with 256, so that Ws is 256 x 128. Returns
    (five parts, Ws).
    """
    rng = np.random.default_rng(7)
    shapes = [(units, examples), (out, units), (out, 1), (out, out), (out, 1), (out, units)]
    *parts, Ws = [rng.normal(size=shape) for shape in shapes]
    return parts, Ws
