"""What the tests of the paper's recipe share: few images, and a small net."""

import numpy as np
import pytest

from helpers import nets


@pytest.fixture
def data():
    """40 training and 20 test images (3, 8, 8), in which the class brightens one channel."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = rng.normal(0.5, 0.1, (60, 3, 8, 8)).astype(np.float32)
    x[np.arange(60), y] += 0.5
    return x[:40], y[:40], x[40:], y[40:]


def small_net(skip="inside", seed=0):
    return nets.convolutional(8, skip, seed=seed, channels=3, width=4)


SMALL = {"batch": 16, "window": 2, "measure_every": 4, "save_every": 0, "device": "cpu"}


def without_times(rows):
    return [
        {name: value for name, value in row.items() if name != "seconds per step"} for row in rows
    ]
