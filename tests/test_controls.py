"""Every panel of the course is moved by moving.py, in the kernel of its notebook (conftest.py).
Here: what it must notice, and what sentry.py must notice of the cells before.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import moving
import numpy as np
import pytest

from helpers import explore, plots

HERE = Path(__file__).parent
MOVES = itertools.count(1)


def nothing(axes, line):
    return "All is well."


def an_error(axes, line):
    raise ValueError("no x")


def not_a_number(axes, line):
    return "The mean is nan."


def no_sentence(axes, line):
    return None


def blank(axes, line):
    axes.set_visible(False)
    return "Nothing."


def cut(axes, line):
    axes.set_title("A title that is too long. " * 9)
    return "Something."


def infinite(axes, line):
    line.set_data([0, 1], [0, np.inf])
    return "Much."


def counted(axes, line):
    return f"The move number {next(MOVES)}."


def panel_with(mistake, at):
    """A panel that goes wrong at the places ``at`` of its first control, from 0 to 9."""
    figure, axes = plots.figure(size=(3, 2))
    (line,) = axes.plot([0, 1], [0, 1])

    def update(x=4, y=False):
        axes.set_visible(True)
        axes.set_title("")
        line.set_data([0, 1], [0, 1])
        return mistake(axes, line) if x in at else f"x is {x}."

    return explore.explore(figure, update, x=(0, 9), y=False)


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (an_error, "ValueError: no x"),
        (not_a_number, "the sentence is 'The mean is nan.'"),
        (no_sentence, "the sentence is ''"),
        (blank, "the picture is blank"),
        (cut, "is cut at the edge of the picture"),
        (infinite, "a curve or a limit is infinite"),
        (counted, "shows another picture than was foreseen"),
    ],
)
@pytest.mark.parametrize("at", [{0}, {9}, {5, 6}], ids=["one end", "the other end", "within"])
def test_a_mistake_at_any_place_is_told(mistake, said, at):
    moves, places, troubles = moving.move(panel_with(mistake, at))
    assert (moves, places) == (24, 20)
    assert troubles
    assert all(said in trouble for trouble in troubles)
    assert {trouble.partition(",")[0] for trouble in troubles} <= {
        f"Interactive panel (x = {x}" for x in at
    }


def test_a_good_panel_has_no_trouble():
    assert moving.move(panel_with(nothing, set(range(10)))) == (24, 20, [])


def test_a_panel_is_moved_to_all_its_places_if_they_are_few_and_to_none_twice(monkeypatch):
    ends = [{"x": 0}, {"x": 9}, {"y": False}, {"y": True}]
    every = [{"x": x, "y": y} for x in range(10) for y in (False, True)]
    put, rows = moving._put, []
    monkeypatch.setattr(moving, "_put", lambda panel, row: [rows.append(row), put(panel, row)])
    monkeypatch.setattr(moving, "_foresee", lambda panel, row: None)
    for limit in (64, 14):
        rows.clear()
        assert moving.move(panel_with(nothing, {1}), limit) == (min(24, limit), 20, [])
        assert rows[:4] == ends
        assert [rows[4:].count(place) for place in every].count(1) == len(rows) - 4
    assert len(rows) == 14


def test_a_film_is_moved_to_fewer_places_and_needs_controls():
    figure, _ = plots.figure(size=(3, 2))

    def film(seed=4):
        yield 0.0, f"Seed {seed}."

    def alone():
        yield 0.0, "Nothing to move."

    assert moving.move(explore.explore(figure, film, seed=(0, 99))) == (16, 100, [])
    assert moving.move(explore.explore(plots.figure(size=(3, 2))[0], alone)) == (0, 0, [])


def test_warnings_and_what_is_written_into_the_course_are_noticed(tmp_path):
    code = f"""
import json, pathlib, sys, warnings, sentry
sentry.watch({str(tmp_path)!r})
pathlib.Path({str(tmp_path)!r}, "new").write_text("x")
pathlib.Path({str(tmp_path)!r}, "new").read_text()
try:
    warnings.warn("old", DeprecationWarning)
except DeprecationWarning:
    print(json.dumps(sentry.seen()))
sys.modules["dask"] = None
print(json.dumps(sentry.seen()["heavy"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True, check=True
    )
    seen, heavy = map(json.loads, done.stdout.splitlines())
    assert seen == {"written": [str(tmp_path / "new")], "heavy": []}
    assert heavy == ["dask"]
