"""Looking ahead: what is sent to the page, when, and that nothing stale stays there."""

import asyncio
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import ipywidgets
import pytest
import resting
from figures import assert_shows, film_of, panel_of
from resting import Page, small

from helpers import plots
from helpers.explore import explore
from helpers.panels import ahead

kernel = resting.kernel


def test_after_a_move_the_places_around_are_sent_nearest_first(kernel):
    panel, page = small()
    kernel(lambda: page.move(x=3))
    assert list(page.pictures) == ["3,0", "2,0", "4,0", "1,0", "5,0", "0,0", "3,1"]
    for x in (0, 5, 3, 4):
        panel.controls["x"].value = x
        assert page.pictures[f"{x},0"] == (panel._screen.png, panel.sentence)


def test_the_control_that_moved_or_is_touched_comes_first(kernel):
    _, page = small()
    kernel(lambda: page.move(wide=True))
    assert list(page.pictures)[:3] == ["2,1", "2,0", "1,1"]
    _, page = small()
    kernel(lambda: page.touch(1))
    assert list(page.pictures)[:3] == ["2,0", "2,1", "1,0"]


def test_choices_are_foreseen_and_errors_are_not(kernel):
    page = Page(panel := panel_of()[0])
    kernel(lambda: page.move(kind="curve"))
    assert "20,0,0" in page.pictures
    assert all(int(key.split(",")[0]) >= 10 for key in page.pictures)  # below, it raises
    assert panel._screen.error == ""
    assert panel._screen.places == "20,0,1"


def test_a_place_where_nobody_went_ends_no_kernel(kernel):
    page = Page(explore(plots.figure()[0], lambda x=1: sys.exit() if x == 3 else x, x=(0, 4)))
    kernel(lambda: page.move(x=2))
    assert page.pictures.keys() == set("0124")


def test_the_panel_stays_as_it_is(kernel):
    panel, page = small()
    kernel(lambda: page.move(x=4))
    assert len(page.pictures) == 7
    assert panel.sentence == panel._screen.sentence == "4 and False."
    panel._draw_at({"x": 0, "wide": True})
    assert_shows(panel, panel._drawing.canvas.figure)


def test_only_places_that_the_page_lacks_are_drawn(kernel, monkeypatch):
    """And the place where it is, to see whether the panel still draws the same."""
    panel, page = small()
    kernel(lambda: page.move(x=3))
    drawn, draw = [], panel._drawing.draw
    monkeypatch.setattr(panel._drawing, "draw", lambda: drawn.append(panel.values()["x"]) or draw())
    kernel(lambda: page.touch(0))
    assert drawn == [3]
    assert len(page.pictures) == 7


def test_no_more_pictures_are_under_way_than_the_line_takes(kernel, monkeypatch):
    """A page that acknowledges none gets two; an acknowledgement brings two more."""
    panel, page = small()
    page.answers, panel._ahead._flow._now = False, lambda: 0.0

    def get(count):
        assert len(page.pictures) == count
        panel._screen._handle_custom_msg({"got": list(page.pictures)[count - 1]}, [])

    kernel(lambda: page.move(x=3), lambda: get(2), lambda: get(4), seconds=0.3)
    assert len(page.pictures) == 6


def test_what_had_to_wait_for_too_long_is_not_drawn():
    panel, _ = small()
    run = panel._ahead._run = iter(["a picture"])
    panel._ahead._step(run, SimpleNamespace(call_later=print), end=0.0)
    assert list(run) == ["a picture"]
    assert panel._ahead._run is None


def move_another(panel, page):
    other, _ = small()
    other.controls["x"].value = 1


def play_a_film(panel, page):
    film, _ = film_of()
    film.step()


def sharpen(panel, page):
    panel._screen.pixel_ratio = 2.0


def fail(panel, page):
    panel._update = lambda **values: 1 / 0
    page.move(x=0)


def lengthen(panel, page):
    panel.controls["x"].max = 7


def open_a_second_view(panel, page):
    panel._screen._handle_custom_msg({"view": "empty"}, [])


def run_a_cell(panel, page):
    ahead._begin_any()


CHANGES = [move_another, play_a_film, sharpen, fail, lengthen, open_a_second_view, run_a_cell]


@pytest.mark.parametrize("change", CHANGES)
def test_what_may_change_a_picture_empties_the_store(kernel, monkeypatch, change):
    monkeypatch.setattr(ahead, "get_ipython", lambda: None)
    panel, page = small()
    kernel(lambda: page.move(x=3))
    assert page.pictures
    change(panel, page)
    assert page.pictures == {}
    assert page.forgotten == 1


def test_only_the_callbacks_of_other_widgets_empty_the_store(kernel, monkeypatch):
    parent = {}
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: parent))
    monkeypatch.setattr(ahead, "get_ipython", lambda: shell)
    panel, page = small()
    kernel(lambda: page.move(x=3))
    for own in (panel._screen, *panel.controls.values()):
        parent["content"] = {"comm_id": own.model_id}
        ahead._begin_any()
    assert page.pictures
    parent["content"] = {"comm_id": ipywidgets.Button().model_id}
    ahead._begin_any()
    assert page.pictures == {}


CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
look = "seen.append(ahead._cell['runs'])"
shell.run_cell(f"from helpers.panels import ahead; seen = []; {look}")
exec(look, shell.user_ns)
shell.run_cell(look)
exec(look, shell.user_ns)
print(shell.user_ns["seen"])
"""


def test_a_kernel_tells_when_a_cell_runs(tmp_path):
    command = [sys.executable, "-c", CELLS]
    env = os.environ | {"IPYTHONDIR": str(tmp_path)}
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[-2] == "[True, False, True, False]"


def test_nothing_is_drawn_while_a_cell_or_a_film_runs_or_nobody_looks(kernel, monkeypatch):
    _, page = small()
    monkeypatch.setitem(ahead._cell, "runs", True)
    kernel(lambda: page.move(x=3), seconds=0.1)
    monkeypatch.setitem(ahead._cell, "runs", False)
    film, _ = film_of(frames=100_000, pause=0.3)
    film.start()
    kernel(lambda: page.move(x=4), seconds=0.1)
    film.pause()
    page.panel._screen._handle_custom_msg({"view": "hidden"}, [])
    kernel(lambda: page.move(x=1), seconds=0.1)
    assert page.times == []  # nothing was sent, and nothing forgotten
    page.panel._screen._handle_custom_msg({"view": "back"}, [])
    kernel(lambda: page.move(x=2))
    assert page.pictures


def test_a_move_waits_for_one_picture_at_most(kernel, monkeypatch):
    """The steps are apart, and a move stops those to come."""
    panel, page = small()
    monkeypatch.setattr(ahead, "PAUSE", 0.01)
    drawn, draw = [], panel._drawing.draw
    monkeypatch.setattr(panel._drawing, "draw", lambda: drawn.append(len(drawn)) or draw())

    async def live():
        page.move(x=3)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for _ in range(10):
            before = len(drawn)
            page.move(x=3 - panel.controls["x"].value + 1)
            await asyncio.sleep(0)
            assert len(drawn) == before + 1  # the move itself

    asyncio.run(live())


def test_the_kernel_is_idle_within_two_seconds(kernel, monkeypatch):
    panel, page = small()
    panel.controls["x"].max = 10_000
    monkeypatch.setattr(panel._drawing, "draw", lambda: time.sleep(0.05) or b"")
    panel._moved()
    start = time.monotonic()
    kernel(lambda: page.move(x=300))
    assert 10 < len(page.pictures) < 40
    assert max(page.times) - start < 2.0


def test_a_slow_panel_hardly_looks_ahead(kernel, monkeypatch):
    panel, page = small()
    drawn = []
    monkeypatch.setattr(
        panel._drawing, "draw", lambda: time.sleep(0.25) or drawn.append("slowly") or b""
    )
    panel._moved()
    kernel(*[lambda x=x: page.move(x=x) for x in (3, 4, 5)])
    assert len(drawn) == 1 + 3 + 4  # those of the moves; two ahead, and one at each further rest


def test_a_panel_that_was_slow_for_a_while_looks_ahead_again(kernel, monkeypatch):
    panel, page = small()
    draw = panel._drawing.draw
    monkeypatch.setattr(panel._drawing, "draw", lambda: time.sleep(0.25) or draw())
    kernel(lambda: page.move(x=3))
    assert page.pictures == {}
    monkeypatch.setattr(panel._drawing, "draw", draw)
    kernel(lambda: page.move(x=4))
    assert len(page.pictures) == 7


def test_a_page_keeps_a_bounded_number_of_bytes_the_latest(kernel, monkeypatch):
    panel, page = small()
    panel.controls["x"].max = 100
    size = len(panel._screen.png)
    monkeypatch.setattr(ahead, "ROOM", 8 * size)
    for x in (10, 50):
        kernel(lambda x=x: page.move(x=x))
        kept = sum(len(png) for png, _ in page.pictures.values())
        assert 6 * size < kept <= 8 * size
        assert {f"{x + step},0" for step in (-2, -1, 0, 1, 2)} <= set(page.pictures)


def test_a_panel_may_be_told_not_to_look_ahead_and_films_never_do(kernel):
    _, page = small(ahead=False)
    kernel(lambda: page.move(x=3), lambda: page.touch(0))
    film, _ = film_of()
    screen = Page(film)
    kernel(lambda: screen.move(height=3), lambda: screen.touch(0))
    assert page.pictures == screen.pictures == {}


@pytest.mark.parametrize(
    ("control", "place", "value"),
    [
        (ipywidgets.FloatSlider(0.1 + 0.2, min=0, max=1, step=0.1), 3, 0.3),
        (ipywidgets.FloatSlider(0.25, min=0, max=1, step=0.1), None, 0.25),
        (ipywidgets.FloatSlider(3e-12, min=0, max=1e-11, step=1e-12), 3, 3e-12),
        (ipywidgets.BoundedFloatText(0.5, min=0, max=1, step=None), None, 0.5),
        (ipywidgets.BoundedFloatText(0.5, min=float("-inf"), max=1, step=0.1), None, 0.5),
        (ipywidgets.BoundedFloatText(0.5, min=0, max=1, step=0.25), 2, 0.5),
        (ipywidgets.BoundedIntText(7, min=1, max=9, step=2), 3, 7),
        (ipywidgets.IntSlider(7, min=1, max=9, step=2), 3, 7),
        (ipywidgets.Dropdown(options=["a", "b"], value="b"), 1, "b"),
        (ipywidgets.Checkbox(True), 1, True),
        (ipywidgets.ToggleButton(True), 1, True),
        (ipywidgets.Text("a"), None, "a"),
    ],
)
def test_a_control_is_at_a_place_of_its_track(control, place, value):
    assert ahead.find_place(control) == place
    assert place is None or ahead.value_at(control, place) == value
    panel = explore(plots.figure(size=(2, 1))[0], lambda x: "", x=control)
    assert panel.values() == {"x": value}  # the same, to the last digit, as what is drawn ahead


def test_a_panel_with_a_control_without_places_does_not_look_ahead(kernel):
    panel = explore(
        plots.figure(size=(2, 1))[0], lambda x=1, y="": f"{x}{y}", x=(0, 3), y=ipywidgets.Text("a")
    )
    page = Page(panel)
    kernel(lambda: page.move(x=2))
    assert page.pictures == {}


def test_names_that_follow_the_layout_are_where_the_next_move_leaves_them():
    """The first drawing moves the axes; close names, which keep a distance, are then elsewhere."""
    picture, axes = plots.figure(size=(9.5, 4.6))
    axes.set(xlim=(0, 8), ylim=(0, 1), xlabel="epochs", ylabel="training loss")
    show = plots.curves(axes)
    ends = {"none": 0.5, "inside": 0.51, "outside": 0.52}

    def move(which=0):
        show([0, 5], {skip: [which, end] for skip, end in ends.items()})

    panel = explore(picture, move, which=(0, 2))
    panel._screen.pixel_ratio = 1.0
    assert panel._draw_at(panel.values()) == panel._ahead.shown()
