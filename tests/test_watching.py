"""Running solutions: whatever they raise, return, print or never end, a sentence comes back."""

import functools
import random
import re
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from exercises.small import double, number, pair, signals


def a_sentence(answer):
    """Whether it is one: a short line with a stop, without what differs between machines."""
    text = repr(answer)
    assert re.fullmatch(r"[✓✗…] [^\n]{10,500}[.)]", text), text
    assert not re.search(r"0x[0-9a-f]{4}|Traceback", text), text
    assert answer._repr_html_().startswith("<div")
    assert "\n" not in answer._repr_html_()
    return True


def raising(error):
    def solution(x):
        raise error

    return solution


class Hostile:
    """Raises whatever is asked of it."""

    def _refuse(self, *_, **__):
        raise RuntimeError("no")

    __eq__ = __len__ = __repr__ = __str__ = __bool__ = __iter__ = __getattr__ = _refuse
    __hash__ = __float__ = __array__ = __call__ = __getitem__ = __format__ = _refuse
    __class__ = property(_refuse)


class HostileError(Exception):
    def __str__(self):
        raise SystemExit(3)


def printing(x):
    for _ in range(200):
        print("x" * 10_000)
        print("y" * 10_000, file=sys.stderr)
    return 2 * x


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
    looked_at = "hostile" in name or name == "itself"  # with hostile objects in it
    assert looked_at or "cannot be read" not in answer.sentence
    assert a_sentence(number.check(BAD[name]))
    assert a_sentence(pair.check(BAD[name]))


def test_megabytes_of_print_go_nowhere(capfd):
    answer = double.check(printing)
    assert answer
    assert "call it in a cell of its own" in answer.sentence
    assert capfd.readouterr() == ("", "")


def test_an_error_that_says_nothing_is_named_alone():
    for error in (HostileError(), ValueError()):
        said = double.check(raising(error)).sentence
        assert re.search(rf"raises {type(error).__name__}( in line \d+)?\.$", said)


def test_a_solution_that_writes_hears_how_much_it_wrote():
    assert double.check(lambda x: sys.stdout.write("two") / 3 * 2 * x)


def garbage(rng):
    """One random thing: a value, or a function that returns or raises one."""
    values = [
        lambda: rng.choice([None, ..., True, -1, 10**30, 1e300, float("nan"), "", "2"]),
        lambda: rng.choice([b"", (), {}, set(), object()]),
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
    value = garbage(rng)
    error = rng.choice([ValueError, KeyError, SystemExit, KeyboardInterrupt, HostileError])

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


def test_switches_of_torch_are_as_before():
    """A solution that leaves gradients off, or another dtype, spoils no later cell."""

    def solution(x):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return 2 * x

    with torch.no_grad():
        assert double.check(lambda x: 2 * x if torch.is_grad_enabled() else x)
        assert not torch.is_grad_enabled()
    assert double.check(solution)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


def test_random_generators_that_all_code_shares_are_as_before():
    """A check between two cells does not change what the second draws."""

    def seed(number):
        torch.manual_seed(number)
        np.random.seed(number)  # noqa: NPY002
        random.seed(number)

    def draw():
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    seed(1)
    expected = draw()
    seed(1)
    assert double.check(lambda x: seed(2) or 2 * x)
    assert draw() == expected


def test_streams_and_filters_are_as_before():
    streams, filters = (sys.stdout, sys.stderr), list(warnings.filters)
    for solution in (printing, raising(ValueError()), lambda x: x / 0):
        double.check(solution)
    assert (sys.stdout, sys.stderr) == streams
    assert warnings.filters == filters
