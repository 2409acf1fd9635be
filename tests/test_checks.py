"""What a check says of a solution, and of all exercises of a notebook."""

import dataclasses
import functools
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from exercises.small import double, number, pair

from helpers import block
from helpers.exercises import checks
from helpers.exercises.checks import Exercise, Mistake


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
    for begun in (lambda x, y: ..., lambda x, y: (x + y, ...)):
        assert pair.check(begun).status == "not done"


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


def hands_over(x):
    return ready(x)


def looks_at_it(x):
    own = x + x
    assert np.array_equal(own, ready(x))
    return own


class HandsOver:
    made = staticmethod(ready)

    def __call__(self, x):
        return self.made(x)


READY = {
    "itself": (ready, ""),
    "partial": (functools.partial(ready), ""),
    "another name": (lambda x, other=ready: other(x), " in line 1"),
    "a helper": (lambda x: 1 * hands_over(x), " in line 1"),
    "a comprehension": (lambda x: np.concatenate([ready(part) for part in [x]]), " in line 1"),
    "a class": (HandsOver(), ""),
    "looked up": (lambda x: 1 * globals()["rea" + "dy"](x), " in line 1"),
    "to compare": (looks_at_it, " in line 3"),
}


@pytest.mark.parametrize("name", READY)
def test_what_is_ready_made_is_seen_by_whatever_name_it_is_called(name):
    solution, line = READY[name]
    strict = dataclasses.replace(double, without=(ready,))
    assert strict.check(solution).sentence == (
        f"the numbers are right, but it calls ready{line}, which is ready-made; write the steps "
        "yourself, without it."
    )
    assert double.check(solution)


def test_a_function_of_the_same_name_is_the_readers_own():
    def ready(x):
        return 2 * x

    strict = dataclasses.replace(double, without=(HandsOver.made,))
    assert strict.check(lambda x: 1 * ready(x))


def test_the_functions_of_a_module_can_be_ready_made_too():
    strict = dataclasses.replace(double, right=block.relu, without=(block,))
    assert "it calls block.relu in line 1" in strict.check(lambda x: 1 * block.relu(x)).sentence
    assert strict.check(lambda x: np.maximum(x, 0))


def test_a_check_that_refuses_its_own_solution_passes_no_other():
    """Otherwise a mistake in an ``observe`` would make every solution right."""

    def observe(solution, x):
        raise Mistake("nothing is good enough")

    def in_place(x):
        return np.multiply(x, 2, out=x)

    answer = dataclasses.replace(double, observe=observe).check(lambda x: 2 * x)
    assert answer.status == "wrong"
    assert "the check of double refuses its own solution: nothing is good enough" in answer.sentence
    for right, said in [
        (in_place, "entry [0] of x was 1 and is now 2"),
        (lambda x: ..., "not done"),
    ]:
        answer = dataclasses.replace(double, right=right).check(lambda x: 2 * x)
        assert answer.status == "wrong"
        assert said in answer.sentence


def test_an_error_about_shapes_comes_with_the_shapes():
    assert double.check(lambda x: x @ np.ones((3, 3))).sentence.endswith("; it was given x (2,).")
    said = double.check(lambda x: int("no")).sentence
    assert said.endswith("invalid literal for int() with base 10: 'no'.")  # nothing of shapes
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
    said = double.check(lambda x: np.where(x == 2, np.nan, 7)).sentence
    assert "entry [1] of the result should be 4, and yours is nan" in said  # before the wrong [0]
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


def test_entries_look_into_lists():
    assert checks.entries({"a": [2, ..., 3]}, ["a"]) is None
    assert checks.entries({"a": [[1], [2]]}, ["a"])["a"].tolist() == [[1], [2]]
    with pytest.raises(Mistake, match=r"entry \[1, 0\] of a is '-3', and should be a number"):
        checks.entries({"a": [[1], ["-3"]]}, ["a"])


@pytest.mark.parametrize("kind", [Fraction, Decimal, np.float16, np.uint8])
def test_a_number_of_any_kind_is_a_number(kind):
    assert number.check(kind(3))
    assert number.check(kind(2)).sentence == "the result should be 3, and yours is 2."


def test_numbers_that_print_alike_are_told_apart():
    near = Exercise("near", "Near", right=3.259, praise="right", tolerance=0.0)
    assert (
        near.check(3.259 + 2e-6).sentence
        == "the result should be 3.259, and yours is 3.259, which differs by 2e-06."
    )
