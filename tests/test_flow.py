"""Flow control: how many pictures are under way, on fast lines and on slow ones."""

from types import SimpleNamespace

import pytest

from helpers.panels import flow


def send_over(seconds, rate, size=40_000, draw=0.03, until=1.8):
    """Send pictures as long as one may, over a line of so many seconds there and back, and so many
    bytes a second. Return how many arrived, and the longest queue in seconds.
    """
    clock = SimpleNamespace(now=0.0)
    line, arrivals, free, longest = flow.Flow(lambda: clock.now), [], 0.0, 0.0
    sent = 0
    while clock.now < until:
        while arrivals and arrivals[0][0] <= clock.now:
            line.arrive(arrivals.pop(0)[1])
        if not line.is_free():
            clock.now = arrivals[0][0]
            continue
        clock.now += draw
        line.send(sent)
        longest = max(longest, free - clock.now)
        free = max(free, clock.now) + size / rate
        arrivals.append((free + seconds, sent))
        sent += 1
    return sent - len(arrivals), longest


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2])
def test_a_fast_line_is_filled(seconds):
    arrived, longest = send_over(seconds, rate=1e9)
    assert arrived >= 40  # two at a time would be 16 on the longest line
    assert longest <= 0


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2])
@pytest.mark.parametrize(("rate", "most"), [(2e5, 2), (1e6, 1), (2e6, 1)])
def test_on_a_slow_line_hardly_any_picture_waits_for_others(seconds, rate, most):
    arrived, longest = send_over(seconds, rate)
    assert arrived >= 5
    assert longest <= most * 40_000 / rate + 1e-9


def test_a_picture_that_nobody_acknowledges_is_given_up():
    clock = SimpleNamespace(now=0.0)
    line = flow.Flow(lambda: clock.now)
    for key in ("lost", "lost, too"):
        line.send(key)
    assert not line.is_free()
    line.arrive("another")
    assert not line.is_free()
    clock.now = flow.PATIENCE + 1
    for key in ("one", "two"):
        assert line.is_free()
        line.send(key)
    assert not line.is_free()


def test_of_two_pages_the_quicker_counts():
    line = flow.Flow(lambda: 0.0)
    line.send("a")
    for _ in range(2):
        line.arrive("a")
    for key in ("b", "c"):
        line.send(key)
        assert line.is_free()
    line.send("d")
    assert not line.is_free()
