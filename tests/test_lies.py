"""Updates that lie: their picture follows from more than their arguments. None is drawn ahead for
long, and what is shown is what they give now.
"""

import itertools
import time

import numpy as np
import pytest
import resting
from resting import small

kernel = resting.kernel
SHARED = np.random.default_rng(0)
LIES = {
    "the clock": lambda counter: lambda x=2, wide=False: f"{time.monotonic()}",
    "a generator": lambda counter: lambda x=2, wide=False: f"{SHARED.random():.3f}",
    "a list that grows": lambda counter: (
        lambda x=2, wide=False, seen=[]: f"{seen.append(x) or len(seen)}"
    ),
    "where it was": lambda counter: lambda x=2, wide=False, seen=set(): f"{seen.add(x) or seen}",
    "chance": lambda counter: lambda x=2, wide=False: f"{np.random.default_rng().random()}",
    "how often": lambda counter: lambda x=2, wide=False: f"{next(counter)}",
    "the place before": lambda counter: (
        lambda x=2, wide=False, seen=[2]: f"{seen.append(x) or seen[-2]}"
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_update_that_is_seen_to_lie_is_not_drawn_ahead(kernel, lie):
    _, page = small(LIES[lie](itertools.count()))
    for x in (3, 4):
        kernel(lambda x=x: page.move(x=x))
        assert page.pictures == {}


def test_an_update_that_lies_later_is_found_out_and_its_true_picture_wins(kernel):
    truth = {"y": 1}
    panel, page = small(lambda x=2, wide=False: f"{x} and {truth['y']}")
    kernel(lambda: page.move(x=3))
    assert page.pictures["4,0"][1] == "4 and 1"
    truth["y"] = 2
    kernel(lambda: page.move(x=4))
    assert panel._screen.sentence == "4 and 2"
    kernel(lambda: page.move(x=1))
    assert page.pictures == {}
    assert page.forgotten == 1


@pytest.mark.parametrize("touch", [True, False])
def test_a_lie_that_nobody_hears_of_is_found_before_a_move_if_a_control_is_touched(kernel, touch):
    """Such as what a thread changes, or a clock of minutes."""
    truth = {"y": 1}
    _, page = small(lambda x=2, wide=False: f"{x} and {truth['y']}")
    kernel(lambda: page.move(x=3))
    truth["y"] = 2
    kernel(*[lambda: page.touch(0)] * touch)
    assert page.pictures == {} if touch else page.pictures["4,0"][1] == "4 and 1"
