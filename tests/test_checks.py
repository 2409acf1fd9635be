"""The engine of the checks: always a sentence, whatever is handed in."""

import contextlib
import dataclasses
import functools
import os
import random
import re
import signal
import sys
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.exercises import checks
from helpers.exercises.checks import Exercise, Mistake


def double_cases():
    return [
        ("two numbers", (np.array([1.0, 2.0]),)),
        ("a negative number", (np.array([-3.0, 0.0, 5.0]),)),
    ]


double = Exercise(
    name="double",
    title="Double it",
    right=lambda x: 2 * x,
    praise="right: twice the input",
    cases=double_cases,
    mistakes={"this adds 2": lambda x: x + 2, "this squares": lambda x: x**2},
    seconds=10,
)
number = Exercise(
    "number", "A number", right=3.0, praise="right: it is 3", mistakes={"this is one too many": 4}
)
pair = Exercise(
    name="pair",
    title="Sum and difference",
    right=lambda x, y: (x + y, x - y),
    praise="right",
    cases=lambda: [("two arrays", (np.arange(3.0), np.ones(3)))],
    parts=("sum", "difference"),
    says={"difference": "the difference is off at {where}: {expected}, not {got}"},
)


def a_sentence(answer):
    """Whether it is one: a short line with a stop, without what differs between machines."""
    text = repr(answer)
    assert re.fullmatch(r"[✓✗…] [^\n]{10,500}[.)]", text), text
    assert not re.search(r"0x[0-9a-f]{4}|Traceback", text), text
    assert answer._repr_html_().startswith("<div")
    assert "\n" not in answer._repr_html_()
    return True


def test_three_dots_and_none_are_not_done_before_any_observation():
    """An exercise's own ``observe`` need not look for them."""
    whole = Exercise(
        "whole", "Whole", right=[1, 2], praise="right", observe=lambda given: np.array(given[:2])
    )
    assert whole.check(...).status == whole.check(None).status == "not done"
    assert whole.check([1, 2])


def test_entries_come_in_order_or_are_not_done():
    assert list(checks.entries({"c": 3, "b": 2, "a": 1}, ["a", "b"]).items()) == [
        ("a", 1),
        ("b", 2),
    ]
    assert checks.entries({"a": 1, "b": ...}, ["a", "b"]) is None
    assert checks.entries({"a": None, "b": 2}, ["a", "b"]) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], "it should be a dictionary of 2 entries, and yours is a list of 2"),
        ({}, "there is no entry 'a'; the 2 entries are: a, b"),
        ({"a": ..., "B": 2}, "there is no entry 'b'"),
        ({"a": 1, "b": "two"}, "b should be given in numbers, without quotes, and yours is 'two'"),
    ],
)
def test_entries_that_are_missing_or_of_the_wrong_kind_are_named(given, message):
    with pytest.raises(Mistake, match=message):
        checks.entries(given, ["a", "b"])


def test_a_right_solution_is_true_and_praised():
    answer = double.check(lambda x: x + x)
    assert answer
    assert repr(answer) == "✓ Double it: right: twice the input."
    assert "✓ <b>Double it:</b> right: twice the input." in answer._repr_html_()
    assert all(number.check(value) for value in (3, np.float32(3), 3 + 1e-9, [3][0]))


def test_a_known_mistake_is_named_with_the_numbers():
    answer = double.check(lambda x: x + 2)
    assert not answer
    assert (
        answer.sentence
        == "this adds 2: for two numbers, entry [0] of the result should be 2, and yours is 3."
    )
    assert (
        number.check(4).sentence == "this is one too many: the result should be 3, and yours is 4."
    )
    assert double.check(lambda x: x * x).sentence.startswith("this squares: ")


def test_an_unknown_mistake_is_shown_with_the_numbers():
    assert double.check(lambda x: 3 * x).sentence == (
        "for two numbers, entry [0] of the result should be 2, and yours is 3."
    )
    assert number.check(7).sentence == "the result should be 3, and yours is 7."


def test_a_solution_for_some_inputs_is_told_for_which():
    assert double.check(lambda x: 2 * np.abs(x)).sentence == (
        "right for two numbers, but for a negative number, entry [0] of the result should be -6, "
        "and yours is 6."
    )
    assert "right for two numbers, but for a negative number, it raises ZeroDivisionError" in (
        double.check(lambda x: 2 * x if x.min() > 0 else 1 // 0).sentence
    )
    assert double.check(lambda x: 2 * x if x.min() > 0 else None).status == "wrong"


def stub(x):
    """Return twice x."""
    return ...


def stub_that_raises(x):
    raise NotImplementedError


def stub_that_does_nothing(x):
    """Return twice x."""


@pytest.mark.parametrize("solution", [stub, stub_that_raises, stub_that_does_nothing, None, ...])
def test_not_done_yet_is_an_answer(solution):
    answer = double.check(solution)
    assert answer.status == "not done"
    assert not answer
    assert repr(answer).startswith("… Double it: not done yet")
    assert number.check(...).status == number.check(None).status == "not done"
    assert pair.check(lambda x, y: (x + y, ...)).status == "not done"


def test_a_missing_return_is_not_a_stub():
    def solution(x):
        y = x + x  # noqa: F841

    def on_its_argument(x):
        x = x + x

    for without_return in (solution, on_its_argument, lambda x: print(2 * x)):
        assert "ends without return" in double.check(without_return).sentence


notes = np.array([7.0, 8.0])  # an array of the notebook, where a function can reach it


def test_what_a_function_takes_from_the_notebook_is_told_where_it_goes_wrong():
    def solution(x):
        return notes * x

    def inner(x):
        return np.array([notes.sum() for _ in x])

    said = "; it also takes notes from the notebook, and not from its arguments."
    assert double.check(solution).sentence.endswith(said)
    assert not double.check(lambda x: 3 * x).sentence.endswith(said)
    assert double.check(inner).sentence.endswith(said)
    assert double.check(lambda x: 2 * x + 0 * notes.sum())  # no matter where the result is right


def ready(x):
    return x + x


def test_a_solution_may_not_hand_its_work_to_what_is_ready_made():
    def solution(x):
        return ready(x)

    strict = dataclasses.replace(double, without=("ready",))
    assert (
        strict.check(solution).sentence
        == "it hands the work to ready in line 2; write the steps yourself."
    )
    assert double.check(solution)
    assert strict.check(lambda x: x + x)


def test_an_error_about_shapes_comes_with_the_shapes():
    assert double.check(lambda x: x @ np.ones((3, 3))).sentence.endswith("; it was given x (2,).")
    assert "it was given" not in double.check(raising(ValueError("no"))).sentence
    assert "it was given x (3,), y (3,)." in pair.check(lambda x, y: x @ np.ones((2, 2))).sentence


def test_shapes_and_types_and_what_is_not_finite():
    assert "has shape (1, 2) and should have (2,)" in double.check(lambda x: 2 * x[None]).sentence
    assert "gives a str" in double.check(lambda x: "2").sentence
    assert "gives a list of 2" in double.check(lambda x: ["a", "b"]).sentence
    assert "gives an array of NumPy" in double.check(lambda x: 2j * x).sentence
    assert (
        "and yours is nan"
        in double.check(lambda x: 2 * x + np.array([0, np.nan])[: len(x)]).sentence
    )
    assert "and yours is inf" in double.check(lambda x: x / 0).sentence
    assert (
        "should be a function, and is an int; its name may have been given"
        in double.check(3).sentence
    )
    assert (
        "should return 2 values (sum, difference), and returns an array"
        in pair.check(lambda x, y: x + y).sentence
    )
    assert number.check([1.0]).sentence == "the result has shape (1,) and should be one number."
    assert pair.check(lambda x, y: {"sum": x + y, "difference": y - x}).sentence == (
        "for two arrays, the difference is off at entry [0] of difference: -1, not 1."
    )


def test_input_changed_in_place():
    def solution(x):
        x *= 2
        return x

    assert double.check(solution).sentence == (
        "it changes its input in place, which the caller still needs: entry [0] of x was 1 and is "
        "now 2; work on a new array."
    )
    assert double.check(lambda x: 2 * x)  # the cases are as they were


def test_a_nan_that_stays_a_nan_is_no_change():
    def cases():
        return [("a NaN", (np.array([1.0, np.nan, 2.0]),))]

    count = Exercise(
        "count", "Count the numbers", lambda x: np.isfinite(x).sum(), "right", cases=cases
    )
    assert count.check(lambda x: len(x) - np.isnan(x).sum())

    def solution(x):
        x[2] = np.nan
        return np.isfinite(x).sum()

    assert "entry [2] of x was 2 and is now nan" in count.check(solution).sentence


def test_an_exception_is_told_with_its_line():
    def solution(x):
        y = 2 * x
        return y @ np.ones(7)

    assert "it raises ValueError in line 3: " in double.check(solution).sentence


class Hostile:
    """Raises whatever is asked of it."""

    def _refuse(self, *_, **__):
        raise RuntimeError("no")

    __eq__ = __len__ = __repr__ = __str__ = __bool__ = __iter__ = __getattr__ = __hash__ = (
        __float__
    ) = _refuse
    __array__ = __call__ = __getitem__ = __format__ = _refuse
    __class__ = property(_refuse)


class HostileError(Exception):
    def __str__(self):
        raise SystemExit(3)


def raising(error):
    def solution(x):
        raise error

    return solution


def printing(x):
    for _ in range(200):
        print("x" * 10_000)
        print("y" * 10_000, file=sys.stderr)
    return 2 * x


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


async def coroutine(x):
    return 2 * x


BAD = {
    "hostile": Hostile(),
    "hostile result": lambda x: Hostile(),
    "hostile list": lambda x: [Hostile(), 1],
    "hostile error": raising(HostileError()),
    "exit": lambda x: sys.exit(1),
    "interrupt": raising(KeyboardInterrupt()),
    "generator exit": raising(GeneratorExit()),
    "endless recursion": lambda x: BAD["endless recursion"](x) + 1,
    "out of memory": raising(MemoryError()),
    "two arguments": lambda x, y: x,
    "class": dict,
    "generator": lambda x: (y for y in x),
    "coroutine": coroutine,
    "ragged": lambda x: [[1], [2, 3]],
    "huge whole number": lambda x: 10**400,
    "bytes": lambda x: b"\x00\xff",
    "itself": lambda x: BAD,
    "empty": lambda x: [],
    "module": np,
    "long words": raising(ValueError("very " * 10_000 + "\n0x7f0000000000")),
    "partial": functools.partial(max, key=3),
    "surrogates": raising(ValueError("\ud800 \x1b[31m <script>")),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_answered_with_a_sentence(name):
    answer = double.check(BAD[name])
    assert a_sentence(answer)
    assert answer.status == "wrong"
    assert "<script>" not in answer._repr_html_()
    assert "cannot be checked" not in answer.sentence
    assert a_sentence(number.check(BAD[name]))
    assert a_sentence(pair.check(BAD[name]))


def test_megabytes_of_print_go_nowhere(capfd):
    answer = double.check(printing)
    assert answer
    assert "call it in a cell of its own" in answer.sentence
    assert capfd.readouterr() == ("", "")


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


def signals():
    """What a check has to leave as it was: two handlers and the time of a running timer, in s."""
    handlers = [signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGINT)]
    return handlers, signal.getitimer(signal.ITIMER_REAL)


ENDLESS = [sleepy, busy, busy_and_stubborn, busy_and_deaf, sleepy_and_deaf, late]


@pytest.mark.parametrize("solution", ENDLESS)
def test_what_does_not_end_is_stopped(solution):
    before, start = signals(), time.monotonic()
    answer = double.check(solution, seconds=0.05)
    assert time.monotonic() - start < 20
    assert a_sentence(answer)
    assert "not finished after 0.05 seconds" in answer.sentence
    assert signals() == before


def test_what_ends_in_time_is_not_stopped():
    assert double.check(lambda x: time.sleep(0.1) or 2 * x, seconds=20)


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


def garbage(rng):
    """One random thing: a value, or a function that returns or raises one."""
    values = [
        lambda: rng.choice(
            [
                None,
                ...,
                True,
                -1,
                10**30,
                1e300,
                float("nan"),
                "",
                "2",
                b"",
                (),
                {},
                set(),
                object(),
            ]
        ),
        lambda: np.full(
            rng.choice([(), (0,), (2,), (2, 1), (1, 2, 1)]), rng.choice([np.nan, np.inf, 1, 2])
        ),
        lambda: np.array(["a", None], dtype=object),
        lambda: [garbage(rng) for _ in range(rng.randrange(4))],
        lambda: {
            rng.choice(["sum", "difference", 1]): garbage(rng) for _ in range(rng.randrange(3))
        },
        Hostile,
        lambda: np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        lambda: SimpleNamespace(shape=(2,), dtype=float),
        lambda: range(rng.randrange(5)),
    ]
    return rng.choice(values)()


def garbage_solution(rng):
    value, error = (
        garbage(rng),
        rng.choice([ValueError, KeyError, SystemExit, KeyboardInterrupt, HostileError]),
    )

    def returns(*given):
        return value

    def raises(*given):
        raise error(rng.random())

    def spoils(*given):
        for array in given:
            array[...] = rng.random()
        return given[0]

    return rng.choice([value, returns, returns, raises, spoils, lambda: value])


def test_ten_thousand_random_submissions_are_answered():
    rng = random.Random(0)
    before = signals()
    for _ in range(10_000):
        solution = garbage_solution(rng)
        task = rng.choice([double, number, pair])
        answer = task.check(solution)
        assert re.fullmatch(r"[^\n]{20,}", repr(answer))
        assert "cannot be checked" not in answer.sentence, answer  # the last resort was not needed
    assert signals() == before


def test_a_solution_that_breaks_what_the_check_uses_gets_a_sentence(monkeypatch):
    def solution(x):
        monkeypatch.setattr(np, "allclose", None)
        return 2 * x

    answer = double.check(solution)
    assert (
        answer.sentence
        == "it cannot be checked, because of TypeError: 'NoneType' object is not callable."
    )


def test_progress_lists_every_exercise_and_the_last_answers():
    tasks = SimpleNamespace(double=double, number=number, pair=pair, other=3)
    checks.answers.clear()
    assert repr(checks.progress(tasks)) == (
        "0 of 3 exercises done\n… Double it: not done yet\n… A number: not done yet\n… Sum and "
        "difference: not done yet"
    )
    double.check(lambda x: 2 * x)
    number.check(7)
    assert repr(checks.progress(tasks)).startswith(
        "1 of 3 exercises done\n✓ Double it: done\n✗ A number: not right yet\n"
    )
    double.check(stub)
    assert checks.progress(tasks).done == 0


def test_streams_and_filters_are_as_before():
    streams, filters = (sys.stdout, sys.stderr), list(warnings.filters)
    for solution in (printing, raising(ValueError()), lambda x: x / 0):
        double.check(solution)
    assert (sys.stdout, sys.stderr) == streams
    assert warnings.filters == filters


def test_entries_look_into_lists():
    assert checks.entries({"a": [2, ..., 3]}, ["a"]) is None
    assert checks.entries({"a": [[1], [2]]}, ["a"]) == {"a": [[1], [2]]}
    with pytest.raises(Mistake, match=r"entry \[1, 0\] of a is '-3', and should be a number"):
        checks.entries({"a": [[1], ["-3"]]}, ["a"])


def test_numbers_that_print_alike_are_told_apart():
    near = Exercise("near", "Near", right=3.259, praise="right", tolerance=0.0)
    assert (
        near.check(3.259 + 2e-6).sentence
        == "the result should be 3.259, and yours is 3.259, which differs by 2e-06."
    )
