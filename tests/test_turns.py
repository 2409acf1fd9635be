"""Jobs that take turns on the threads of a pool."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.lockstep.turns import take_turns


def job(name, steps, done):
    for _ in range(steps):
        done.append(name)
        yield


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_all_steps_are_done_and_no_job_is_left_behind(threads):
    done = []
    with ThreadPoolExecutor(threads) as pool:
        take_turns(pool, [job(name, 40, done) for name in "abc"], lambda: False)
    assert sorted(done) == sorted(40 * "abc")
    if threads == 1:
        assert "".join(done) == 40 * "abc"


def test_after_the_halt_no_step_begins():
    done = []
    with ThreadPoolExecutor(1) as pool:
        take_turns(pool, [job(name, 9, done) for name in "ab"], lambda: len(done) == 5)
    assert "".join(done) == "ababa"


def test_what_a_job_raises_is_raised():
    def failing():
        yield
        raise ArithmeticError("at its second step")

    with ThreadPoolExecutor(2) as pool, pytest.raises(ArithmeticError, match="second step"):
        take_turns(pool, [failing(), job("a", 9, [])], lambda: False)
