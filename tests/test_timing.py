"""A time limit in seconds of computing: what never ends is stopped, what is right never."""

import contextlib
import itertools
import multiprocessing
import os
import re
import signal
import subprocess
import threading
import time

import pytest
from exercises.small import double, signals


def sleepy(x):
    time.sleep(0.3)
    return 2 * x


def busy(x):
    while True:
        pass


def busy_and_stubborn(x):
    while x is not None:
        try:
            while True:
                pass
        except Exception:
            continue


def busy_and_deaf(x):
    while True:
        try:
            x = x + 1
        except BaseException:
            continue


def sleepy_and_deaf(x):
    while True:
        with contextlib.suppress(BaseException), contextlib.suppress(BaseException):
            time.sleep(0.01)


def late(x):
    """Catches what stops it, and returns what is right."""
    with contextlib.suppress(BaseException):
        time.sleep(60)
    return 2 * x


def slow(x):
    """Ends long after its time, if nobody stops it."""
    time.sleep(1)
    return 2 * x


ENDLESS = [slow, busy, busy_and_stubborn, busy_and_deaf, sleepy_and_deaf, late]


@pytest.mark.parametrize("solution", ENDLESS)
def test_what_does_not_end_is_stopped(solution):
    before, start = signals(), time.monotonic()
    answer = double.check(solution, seconds=0.05)
    assert time.monotonic() - start < 20
    assert answer.status == "wrong"
    assert re.match(r"not finished after 0\.[\d]+ seconds", answer.sentence)
    waits = solution in (slow, sleepy_and_deaf, late)
    assert ("either it waits (sleep, input), or the machine is busy" in answer.sentence) == waits
    assert ("0.05 seconds of computing, so it was stopped; look for" in answer.sentence) != waits
    assert signals() == before


def test_what_ends_in_time_is_not_stopped():
    assert double.check(sleepy, seconds=20)


def on_a_busy_machine(answers):
    """Check a solution that computes for 0.1 s while its process is held up for 0.6 s."""

    def solution(x):
        wake = f"sleep 0.6; kill -CONT {os.getpid()}"
        subprocess.Popen(["/bin/sh", "-c", wake])
        os.kill(os.getpid(), signal.SIGSTOP)
        while time.thread_time() < start + 0.1:
            pass
        return 2 * x

    start = time.thread_time()
    answers.put(double.check(solution, seconds=0.4))


def test_a_busy_machine_stops_no_right_solution():
    """Only what the solution computes counts, not the time on the clock."""
    answers = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(
        target=on_a_busy_machine, args=(answers,)
    )
    process.start()
    assert answers.get(timeout=60)
    process.join()


def test_a_machine_that_is_far_too_busy_is_told_from_an_endless_loop(monkeypatch):
    ticks = itertools.count(0, 1e-5)
    monkeypatch.setattr(time, "thread_time", lambda: next(ticks))  # as if others had the processor
    answer = double.check(busy, seconds=0.02)
    assert re.search("stopped; for only 0.0.* computing: either .* busy", answer.sentence), answer
    assert "loop" not in answer.sentence


@pytest.mark.parametrize("solution", ENDLESS)
def test_the_stop_button_stops_the_solution_as_well(solution):
    before = signals()
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        double.check(solution, seconds=60)
    timer.join()
    assert signals() == before


def test_a_solution_has_time_to_tidy_up():
    done = []

    def solution(x):
        try:
            busy(x)
        finally:
            done.append(sum(range(100_000)))

    assert "not finished" in double.check(solution, seconds=0.05).sentence
    assert done


def test_a_timer_of_the_caller_goes_on(monkeypatch):
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 300, 7)
    try:
        handlers, _ = signals()
        double.check(busy, seconds=0.05)
        after, (left, interval) = signals()
        assert after == handlers
        assert 0 < left <= 300
        assert interval == 7
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_where_there_are_no_signals_a_check_has_no_limit(monkeypatch):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(double.check(sleepy, seconds=0.05)))
    thread.start()
    thread.join()
    monkeypatch.delattr(signal, "setitimer")  # as on Windows
    answers.append(double.check(sleepy, seconds=0.05))
    assert all(answers)
    assert len(answers) == 2
