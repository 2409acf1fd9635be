"""A panel: right pictures, visible errors, safe on any thread."""

import asyncio
import base64
import re
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import ipywidgets
import numpy as np
import psutil
import pytest
import screens
from anywidget import AnyWidget
from figures import assert_shows, film_of, panel_of, pixels, watch_display

from helpers import plots
from helpers.explore import explore
from helpers.panels import panel as panel_module
from helpers.panels.artists import Name
from helpers.quizzes.quiz import Quiz


@pytest.fixture
def displayed(monkeypatch):
    return watch_display(monkeypatch)


def test_moving_a_control_changes_picture_and_sentence():
    panel, _ = panel_of()
    before = panel._screen.png
    panel.controls["slope"].value = 1.5
    assert panel.sentence == "The slope is 1.5."
    assert "The slope is 1.5." in panel._screen.sentence
    assert (pixels(panel._screen.png) != pixels(before)).any()


@pytest.mark.parametrize("widget", [panel_module.Screen, Quiz])
def test_a_page_is_sent_what_it_reads_and_no_more(widget):
    read = set(re.findall(r'model\.[gs]et\("(\w+)"', widget._esm))
    told = set(re.findall(r'"change:(\w+)"', widget._esm)) - {"value", "index"}  # of controls
    sent = {*widget.class_trait_names(sync=True)} - {*AnyWidget.class_trait_names(sync=True)}
    assert told <= read == sent


def test_an_error_is_shown_and_the_next_move_goes_on():
    panel, _ = panel_of()
    panel.controls["slope"].value = -0.5
    assert "ValueError" in panel._screen.error
    assert "slope below <zero> Move a control to go on." in panel._screen.error
    panel.controls["slope"].value = 0.5
    assert panel._screen.error == ""
    assert panel.sentence == "The slope is 0.5."


def test_all_that_a_move_changes_is_told_in_one_message(monkeypatch):
    panel, _ = panel_of()
    told = []
    monkeypatch.setattr(panel._screen, "send_state", lambda key: told.append(set(key)))
    for slope in (-0.5, 0.5):
        panel.controls["slope"].value = slope
    assert told == [{"places", "error"}, {"places", "error", "sentence", "png"}]


def test_an_exit_is_shown_as_an_error_and_ends_no_kernel():
    def leave(x=1):
        return sys.exit(f"at {x}") if x == 2 else f"{x} of three"

    panel = explore(plots.figure(size=(2, 2))[0], leave, x=(0, 3))
    panel.controls["x"].value = 2
    assert panel._screen.error.startswith("SystemExit: at 2 ")
    panel.controls["x"].value = 3
    assert (panel._screen.error, panel.sentence) == ("", "3 of three")


def test_two_choices_may_have_one_value():
    choices = [("nothing", 0), ("off", False), ("one", 1)]
    panel = explore(plots.figure(size=(2, 2))[0], lambda k=1: repr(k), k=choices)
    for label, sentence in (("off", "False"), ("nothing", "0"), ("off", "False")):
        panel.controls["k"].label = label
        assert panel.sentence == sentence


def test_an_error_at_the_very_first_picture_is_shown():
    def fails(x=1):
        return 1 / (x - 1)

    panel = explore(plots.figure(size=(3, 2))[0], fails, x=(1, 5))
    assert "ZeroDivisionError" in panel._screen.error
    panel.controls["x"].value = 3
    assert panel._screen.error == ""
    assert panel._screen.png


def test_a_saved_notebook_keeps_picture_and_sentence(displayed):
    panel, _ = panel_of()
    panel._ipython_display_()
    live, picture, note = displayed
    assert "application/vnd.jupyter.widget-view+json" in live
    # No ids, no bytes.
    assert live["text/plain"] == "Interactive panel (slope = 1.0, high = False, kind = line)."
    assert base64.b64decode(picture["image/png"]) == panel._screen.png
    assert note["text/plain"] == "The slope is 1.0. To move the controls, run this cell."
    assert note["text/html"] == f"<p>{note['text/plain']}</p>"


def test_a_saved_notebook_names_a_choice_as_the_reader_sees_it(displayed):
    choices = [("a straight line", "line"), ("a curve", "curve")]
    panel, _ = panel_of(slope=(0, 2), kind=choices)
    panel._ipython_display_()
    assert displayed[0]["text/plain"] == "Interactive panel (slope = 1.0, kind = a straight line)."


def test_a_choice_of_0_is_named_although_ipywidgets_gives_it_no_label(displayed):
    panel, _ = panel_of(slope=ipywidgets.SelectionSlider(options=[0, 1], value=0))
    panel._ipython_display_()
    assert displayed[0]["text/plain"] == "Interactive panel (slope = 0)."


def test_an_error_is_stored_as_a_sentence_too(displayed):
    panel, _ = panel_of()
    panel.controls["slope"].value = -0.5
    panel._ipython_display_()
    assert "ValueError: slope below &lt;zero&gt;" in displayed[-1]["text/html"]


def test_two_threads_may_move_the_controls_at_once():
    panel, picture = panel_of()

    def drag(start):
        for step in range(25):
            panel.controls["slope"].value = start + step / 100

    threads = [threading.Thread(target=drag, args=(start,)) for start in (0.0, 1.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    panel.controls["slope"].value = 1.7
    assert panel._screen.error == ""
    assert_shows(panel, picture)


def test_many_moves_leave_nothing_behind():
    panel, picture = panel_of()
    panel.controls["slope"].value = 0.2
    artists, process = len(picture.findobj()), psutil.Process()
    for step in range(900):
        panel.controls["slope"].value = step % 200 / 100
        if step == 300:
            before = process.memory_info().rss
    assert len(picture.findobj()) == artists
    assert len(panel._drawing._moving) < artists
    assert process.memory_info().rss - before < 2 * 2**20


def test_a_page_gets_its_answer_before_the_picture_and_one_picture_for_all_that_moved(monkeypatch):
    panel, _ = panel_of()
    drawn, update = [], panel._update
    panel._update = lambda **values: drawn.append(update(**values)) or drawn[-1]

    async def moved_by(message):
        kernel = SimpleNamespace(get_parent=lambda: {"msg_type": message})
        monkeypatch.setattr(panel_module, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
        for slope in (1.2, 1.5):
            panel.controls["slope"].value = slope
        drawn.append("answered")
        await asyncio.sleep(0)

    def on_its_own_thread(work):
        drawn.clear()
        with ThreadPoolExecutor() as pool:
            pool.submit(work).result()
        return drawn

    by_a_page = on_its_own_thread(lambda: asyncio.run(moved_by("comm_msg")))
    assert by_a_page == ["answered", "The slope is 1.5."]
    without_a_loop = on_its_own_thread(lambda: setattr(panel.controls["slope"], "value", 0.5))
    assert without_a_loop == ["The slope is 0.5."]
    by_a_cell = on_its_own_thread(lambda: asyncio.run(moved_by("execute_request")))
    # A cell finds the panel as it has set it.
    assert by_a_cell == ["The slope is 1.2.", "The slope is 1.5.", "answered"]


def test_the_page_gets_an_answer_when_it_asks_for_the_kernel():
    panel, _ = panel_of()
    sent = []
    panel._screen.send = sent.append
    panel._screen._handle_custom_msg("are you there?", [])
    assert sent == ["here"]


def test_what_a_page_may_have_missed_is_sent_again_when_it_asks(monkeypatch):
    told = []
    monkeypatch.setattr(
        ipywidgets.Widget, "send_state", lambda part, key=None: told.append((part, key))
    )
    panel, _ = panel_of()
    film, _ = film_of()
    for shown in (panel, film):
        told.clear()
        shown._screen._handle_custom_msg("alive", [])
        assert told == []
        shown._screen._handle_custom_msg("are you there?", [])
        again = dict(told)
        assert {"png", "sentence", "error", "places", "running"} <= set(again[shown._screen])
        assert not {"value", "index"} & {again.get(at) for at in shown.controls.values()}
    assert {film._bar, film._note, *film._buttons.values()} <= set(again)
    assert again[film.controls["height"]] == "disabled"


def test_a_sharp_screen_gets_more_pixels():
    panel, picture = panel_of()
    panel._screen.pixel_ratio = 2.0
    assert pixels(panel._screen.png).shape[:2] == (600, 800)
    panel.controls["slope"].value = 0.4
    assert_shows(panel, picture)
    assert panel._screen.width == 400
    panel.controls["slope"].value = -1.0
    assert "below <zero>" in panel._screen.error
    panel._screen.pixel_ratio = 1.0
    assert pixels(panel._screen.png).shape[:2] == (300, 400)


def test_a_picture_is_the_same_on_every_screen_and_at_every_size():
    panel, _ = panel_of()
    assert list(screens.compare(panel, screens.ALL)) == []


def test_a_name_that_is_cut_on_some_screens_is_noticed(monkeypatch):
    panel, _ = panel_of()
    draw = Name._draw_letters
    monkeypatch.setattr(Name, "_draw_letters", lambda self, dpi: draw(self, 100))
    troubles = list(screens.compare(panel, screens.ALL))
    assert len(troubles) == len(screens.ALL) - 1
    assert "At size 1.5 and pixel ratio 1.25: the picture is another one, by " in troubles[5]


@pytest.mark.parametrize(("size", "width"), [(None, 400), ("1.5", 600)])
def test_one_setting_makes_all_panels_larger(monkeypatch, size, width):
    monkeypatch.delenv("EXPLORE_SIZE", raising=False)
    if size:
        monkeypatch.setenv("EXPLORE_SIZE", size)
    panel, _ = panel_of()
    assert panel._screen.width == width


@pytest.mark.parametrize("size", ["", "large", "0", "-1", "nan", "inf"])
def test_a_size_that_is_no_number_above_0_is_refused(monkeypatch, size):
    monkeypatch.setenv("EXPLORE_SIZE", size)
    with pytest.raises(ValueError, match=r"EXPLORE_SIZE is .* must be a number above 0"):
        panel_of()


def frames(x=1):
    yield 1.0, "the end"


async def late_frames(x=1):
    yield 1.0, "the end"


OTHERS = [frames, late_frames, lambda x: np.eye(2), lambda x: None, lambda x: plots.figure()[0]]


@pytest.mark.parametrize("update", [lambda x=1, other=other: other(x) for other in OTHERS])
def test_an_update_that_returns_no_sentence_shows_a_sentence(update):
    panel = explore(plots.figure(size=(2, 2))[0], update, x=(0, 3))
    assert "truth value" not in panel._screen.error
    kind = type(update(1)).__name__
    refused = "generator" in kind or kind == "Picture"
    assert (f"update returns a {kind}, but must" in panel._screen.error) == refused


def test_a_panel_makes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel, _ = panel_of()
        panel.controls["slope"].value = 2.0
    assert panel._screen.error == ""


def test_a_still_is_a_fine_picture_of_other_values_and_the_panel_stays_where_it_is():
    panel, picture = panel_of()
    before, sentence_before = panel._screen.png, panel._screen.sentence
    png, sentence = panel.still(slope=0.5, high=True)
    assert sentence == "The slope is 0.5."
    assert pixels(png).shape[:2] == (600, 800)  # two for each one on the page
    assert (panel._screen.png, panel._screen.sentence) == (before, sentence_before)
    assert_shows(panel, picture)
    assert panel.still()[1] == "The slope is 1.0."
    panel.controls["slope"].value = 0.3
    assert_shows(panel, picture)


def test_the_error_of_a_still_is_raised_and_not_shown():
    panel, _ = panel_of()
    with pytest.raises(ValueError, match="slope below <zero>"):
        panel.still(slope=-0.5)
    assert panel._screen.error == ""
    assert panel.sentence == "The slope is 1.0."
