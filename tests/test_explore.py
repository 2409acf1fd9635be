"""The panel engine: right pictures, visible errors, films that can be stopped, safe on any thread."""

import base64
import io
import threading
import time
import warnings

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from helpers import explore, plots


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def panel_of(update=None, **controls):
    """A panel with one moving cloud, a moving curve with its name, and a line that stays."""
    picture, axes = plots.figure(size=(4, 3))
    axes.set(xlim=(0, 4), ylim=(0, 4))
    plots.diagonal(axes, 0, 4)
    cloud, show = plots.points(axes, "none"), plots.curves(axes)
    x = np.linspace(0, 3, 9)

    def move(slope=1.0, high=False, kind="line"):
        cloud.set_data(x, slope * x)
        show(x, {"none": x * 0 + slope, "inside": x * slope, "outside": x * 0 + (3 if high else 1)})
        if slope < 0:
            raise ValueError("slope below <zero>")
        return f"The slope is {slope:.1f}."

    controls = controls or {"slope": (-1.0, 2.0, 0.1), "high": False, "kind": ["line", "curve"]}
    return explore.explore(picture, update or move, **controls), picture


def test_controls_come_from_short_forms_and_start_at_the_defaults():
    panel, _ = panel_of()
    assert panel.values() == {"slope": 1.0, "high": False, "kind": "line"}
    kinds = [type(control) for control in panel.controls.values()]
    assert kinds == [ipywidgets.FloatSlider, ipywidgets.Checkbox, ipywidgets.Dropdown]
    whole = explore.explore(plots.figure()[0], lambda steps=3: "", steps=(0, 9), labels={"steps": "steps t"})
    assert isinstance(whole.controls["steps"], ipywidgets.IntSlider)
    assert whole.controls["steps"].description == "steps t"


def test_moving_a_control_changes_picture_and_sentence():
    panel, _ = panel_of()
    before = panel._picture.value
    panel.controls["slope"].value = 1.5
    assert panel.sentence == "The slope is 1.5."
    assert "The slope is 1.5." in panel._said.value
    assert (pixels(panel._picture.value) != pixels(before)).any()


def test_a_blitted_picture_is_the_picture():
    """Whatever the order of moves, the pixels are those of a drawing from scratch."""
    panel, picture = panel_of()
    for slope, high in ((0.3, True), (2.0, False), (0.0, True), (1.1, True), (1.1, False)):
        panel.controls["slope"].value, panel.controls["high"].value = slope, high
        fresh = explore.Drawing(picture)
        assert np.array_equal(pixels(panel._picture.value), pixels(fresh.png()))


def test_new_limits_are_drawn_too():
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1])

    def zoom(high=1.0):
        line.set_data([0, 1], [0, high])
        axes.set_ylim(0, high)

    panel = explore.explore(picture, zoom, high=(1.0, 9.0))
    for high in (2.0, 3.0, 8.0):
        panel.controls["high"].value = high
        assert np.array_equal(pixels(panel._picture.value), pixels(explore.Drawing(picture).png()))


def test_an_error_is_shown_and_the_next_move_goes_on():
    panel, _ = panel_of()
    panel.controls["slope"].value = -0.5
    assert "ValueError" in panel._error.value
    assert "slope below &lt;zero&gt;" in panel._error.value
    assert 'role="alert"' in panel._error.value
    panel.controls["slope"].value = 0.5
    assert panel._error.value == ""
    assert panel.sentence == "The slope is 0.5."


def test_an_error_at_the_very_first_picture_is_shown():
    def fails(x=1):
        return 1 / (x - 1)

    panel = explore.explore(plots.figure(size=(3, 2))[0], fails, x=(1, 5))
    assert "ZeroDivisionError" in panel._error.value
    panel.controls["x"].value = 3
    assert panel._error.value == ""
    assert panel._picture.value


def test_a_saved_notebook_keeps_picture_and_sentence():
    panel, _ = panel_of()
    bundle = panel._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == panel._picture.value
    expected = "Interactive panel (slope = 1.0, high = False, kind = line). The slope is 1.0."
    assert bundle["text/plain"] == expected
    assert "application/vnd.jupyter.widget-view+json" in bundle
    twin, _ = panel_of()
    assert twin._repr_mimebundle_()["text/plain"] == expected  # no ids, no bytes


def test_bad_controls_are_named():
    picture, _ = plots.figure()
    with pytest.raises(ValueError, match="update has no argument 'size'; its arguments are x"):
        explore.explore(picture, lambda x=1: "", size=(0, 1))
    with pytest.raises(ValueError, match="update needs a default value for 'x'"):
        explore.explore(picture, lambda x: "", x=(0, 1))


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
    assert panel._error.value == ""
    assert np.array_equal(pixels(panel._picture.value), pixels(explore.Drawing(picture).png()))


def test_many_moves_leave_nothing_behind():
    panel, picture = panel_of()
    panel.controls["slope"].value = 0.2
    artists = len(picture.findobj())
    for step in range(200):
        panel.controls["slope"].value = step / 100
    assert len(picture.findobj()) == artists


def film_of(frames=6, pause=0.0, fails_at=None):
    picture, axes = plots.figure(size=(3, 2))
    axes.set(xlim=(0, 10), ylim=(0, 10))
    (line,) = axes.plot([], [])
    kept = []

    def film(height=5):
        kept.clear()
        for number in range(frames + 1):
            if number == fails_at:
                raise RuntimeError("the film broke")
            kept.append(number)
            line.set_data(range(number + 1), [height] * (number + 1))
            yield number / frames, f"Frame {number} at height {height}."
            time.sleep(pause)

    return explore.explore(picture, film, height=(1, 9)), kept


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_film_stands_at_its_first_picture_and_plays_to_its_last():
    panel, kept = film_of()
    assert isinstance(panel, explore.Film)
    assert panel.sentence == "Frame 0 at height 5."
    panel.start()
    wait_for(lambda: not panel._running.is_set())
    assert kept == list(range(7))
    assert panel.sentence == "Frame 6 at height 5."
    assert panel._bar.value == 1.0


def test_pausing_loses_nothing():
    panel, kept = film_of(frames=100_000, pause=0.001)
    panel.start()
    wait_for(lambda: len(kept) > 3)
    panel.pause()
    here = len(kept)
    time.sleep(0.1)
    assert len(kept) == here
    panel.step()
    assert len(kept) == here + 1
    panel.start()
    wait_for(lambda: len(kept) > here + 3)
    panel.pause()
    assert kept == list(range(len(kept)))


def test_reset_and_a_moved_control_go_back_to_the_start():
    panel, kept = film_of(frames=100_000, pause=0.001)
    panel.start()
    wait_for(lambda: len(kept) > 3)
    panel.reset()
    assert kept == [0]
    panel.start()
    wait_for(lambda: len(kept) > 3)
    panel.controls["height"].value = 2
    assert kept == [0]
    assert panel.sentence == "Frame 0 at height 2."


def test_an_error_in_a_film_is_shown_and_reset_goes_on():
    panel, kept = film_of(fails_at=3)
    panel.start()
    wait_for(lambda: not panel._running.is_set())
    assert "the film broke" in panel._error.value
    assert kept == [0, 1, 2]
    panel.reset()
    assert panel._error.value == ""


def test_play_shows_every_frame_and_an_interrupt_keeps_what_was_computed(capsys):
    panel, kept = film_of()
    panel.play()
    assert kept == list(range(7))
    picture, _ = plots.figure(size=(3, 2))
    done = []

    def interrupted():
        for number in range(10):
            if number == 4:
                raise KeyboardInterrupt
            done.append(number)
            yield number / 10, f"Frame {number}."

    film = explore.explore(picture, interrupted)
    film.play()  # does not raise: the cell goes on
    assert done == [0, 1, 2, 3]
    assert "kept" in film._said.value


def test_the_text_of_a_film_does_not_depend_on_how_far_it_ran():
    panel, _ = film_of()
    before = panel._repr_mimebundle_()["text/plain"]
    panel.play()
    assert panel._repr_mimebundle_()["text/plain"] == before


def test_a_panel_makes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel, _ = panel_of()
        panel.controls["slope"].value = 2.0
