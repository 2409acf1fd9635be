"""The panel engine: right pictures, visible errors, films that can be stopped, safe on any thread."""

import asyncio
import base64
import io
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import ipywidgets
import numpy as np
import psutil
import pytest
from PIL import Image

from helpers import explore, plots


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, in order."""
    bundles = []
    monkeypatch.setattr(explore, "display", lambda bundle, **_: bundles.append(bundle))
    return bundles


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
    whole = explore.explore(
        plots.figure()[0], lambda steps=3: "", steps=(0, 9), labels={"steps": "steps t"}
    )
    assert isinstance(whole.controls["steps"], ipywidgets.IntSlider)
    assert whole.controls["steps"].description == "steps t"


def test_moving_a_control_changes_picture_and_sentence():
    panel, _ = panel_of()
    before = panel._screen.png
    panel.controls["slope"].value = 1.5
    assert panel.sentence == "The slope is 1.5."
    assert "The slope is 1.5." in panel._screen.sentence
    assert (pixels(panel._screen.png) != pixels(before)).any()


def test_a_blitted_picture_is_the_picture():
    """Whatever the order of moves, the pixels are those of a drawing from scratch."""
    panel, picture = panel_of()
    for slope, high in ((0.3, True), (2.0, False), (0.0, True), (1.1, True), (1.1, False)):
        panel.controls["slope"].value, panel.controls["high"].value = slope, high
        fresh = explore.Drawing(picture)
        assert np.array_equal(pixels(panel._screen.png), pixels(fresh.png()))


def test_new_limits_are_drawn_too():
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1])

    def zoom(high=1.0):
        line.set_data([0, 1], [0, high])
        axes.set_ylim(0, high)

    panel = explore.explore(picture, zoom, high=(1.0, 9.0))
    for high in (2.0, 3.0, 8.0):
        panel.controls["high"].value = high
        assert np.array_equal(pixels(panel._screen.png), pixels(explore.Drawing(picture).png()))


def test_what_belongs_to_the_whole_figure_is_drawn_at_every_move():
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1])
    title, text = picture.suptitle("at the start"), picture.text(0.02, 0.02, "0")

    def move(x=0):
        line.set_data([0, 1], [0, 1 - x / 9])
        title.set_text(f"at {x}")
        text.set_text(f"{x} below")

    panel = explore.explore(picture, move, x=(0, 9))
    for x in (2, 5, 7):
        panel.controls["x"].value = x
        assert np.array_equal(pixels(panel._screen.png), pixels(explore.Drawing(picture).png()))


def test_an_error_is_shown_and_the_next_move_goes_on():
    panel, _ = panel_of()
    panel.controls["slope"].value = -0.5
    assert "ValueError" in panel._screen.error
    assert "slope below <zero> Move a control to go on." in panel._screen.error
    panel.controls["slope"].value = 0.5
    assert panel._screen.error == ""
    assert panel.sentence == "The slope is 0.5."


def test_an_error_at_the_very_first_picture_is_shown():
    def fails(x=1):
        return 1 / (x - 1)

    panel = explore.explore(plots.figure(size=(3, 2))[0], fails, x=(1, 5))
    assert "ZeroDivisionError" in panel._screen.error
    panel.controls["x"].value = 3
    assert panel._screen.error == ""
    assert panel._screen.png


def test_a_saved_notebook_keeps_picture_and_sentence(shown):
    panel, _ = panel_of()
    panel._ipython_display_()
    live, kept, said = shown
    assert "application/vnd.jupyter.widget-view+json" in live
    assert (
        live["text/plain"] == "Interactive panel (slope = 1.0, high = False, kind = line)."
    )  # no ids, no bytes
    assert base64.b64decode(kept["image/png"]) == panel._screen.png
    assert said["text/plain"] == "The slope is 1.0. To move the controls, run this cell."
    assert said["text/html"] == f"<p>{said['text/plain']}</p>"


def test_an_error_is_stored_as_a_sentence_too(shown):
    panel, _ = panel_of()
    panel.controls["slope"].value = -0.5
    panel._ipython_display_()
    assert "ValueError: slope below &lt;zero&gt;" in shown[-1]["text/html"]


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
    assert panel._screen.error == ""
    assert np.array_equal(pixels(panel._screen.png), pixels(explore.Drawing(picture).png()))


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
    assert "the film broke" in panel._screen.error
    assert kept == [0, 1, 2]
    panel.reset()
    assert panel._screen.error == ""


def test_play_shows_the_film_and_stores_its_last_picture(shown):
    panel, kept = film_of()
    first = panel._screen.png
    panel.play()
    assert kept == list(range(7))
    live, kept, _ = shown
    assert "application/vnd.jupyter.widget-view+json" in live
    assert base64.b64decode(kept["image/png"]) == panel._screen.png != first


def test_an_interrupt_keeps_what_was_computed(shown):
    done = []

    def interrupted():
        for number in range(10):
            if number == 4:
                raise KeyboardInterrupt
            done.append(number)
            yield number / 10, f"Frame {number}."

    film = explore.explore(plots.figure(size=(3, 2))[0], interrupted)
    film.play()  # does not raise: the cell goes on
    assert done == [0, 1, 2, 3]
    assert "kept" in film._note.value
    assert not film._buttons["start"].disabled
    done.clear()
    film.play()  # from the beginning again
    assert done == [0, 1, 2, 3]
    assert len(shown) == 2 * 3


def test_buttons_and_controls_rest_while_a_cell_plays(shown):
    """A busy kernel would hear a click only after the cell, and then throw the last picture away."""
    resting, shown_panel = [], []

    def film(height=5):
        for number in range(3):
            for panel in shown_panel:
                resting.append(
                    (panel.controls["height"].disabled, panel._buttons["pause"].disabled)
                )
            yield number / 2, f"Frame {number}."

    panel = explore.explore(plots.figure(size=(3, 2))[0], film, height=(1, 9))
    shown_panel.append(panel)
    panel.play()
    assert resting == [(True, True)] * 2
    assert not panel.controls["height"].disabled
    assert not panel._buttons["pause"].disabled


def test_play_raises_what_the_film_raised(shown):
    """Otherwise a notebook with a broken film would pass for a good one."""
    panel, _ = film_of(fails_at=3)
    with pytest.raises(RuntimeError, match="the film broke"):
        panel.play()
    assert "the film broke" in panel._screen.error


def test_a_paused_film_shows_the_picture_of_its_sentence():
    panel, kept = film_of(frames=100_000)
    panel.start()
    wait_for(lambda: len(kept) > 50)
    panel.pause()
    assert panel.sentence == f"Frame {kept[-1]} at height 5."
    assert panel.sentence in panel._screen.sentence
    figure = panel._drawing.canvas.figure
    assert np.array_equal(pixels(panel._screen.png), pixels(explore.Drawing(figure).png()))


def test_drawing_leaves_the_time_to_the_computation():
    panel, kept = film_of(frames=2000)
    drawn = []
    draw = panel._drawing.png
    panel._drawing.png = lambda: drawn.append(1) or draw()
    panel.start()
    wait_for(lambda: not panel._running.is_set())
    assert len(kept) == 2001
    assert len(drawn) < 1000


def test_a_control_moved_from_another_thread_while_the_film_plays(shown):
    panel, kept = film_of(frames=500, pause=0.002)

    def drag():
        wait_for(panel._running.is_set)
        for height in (2, 7, 3):
            wait_for(lambda: len(kept) > 3 or not panel._running.is_set())
            panel.controls["height"].value = height

    thread = threading.Thread(target=drag)
    thread.start()
    panel.play()
    thread.join()
    assert panel._screen.error == ""
    assert panel.sentence == "Frame 0 at height 3."


def test_start_then_play_runs_the_film_once(shown):
    panel, kept = film_of(frames=200, pause=0.001)
    panel.start()
    panel.play()
    assert kept == list(range(201))


def test_only_one_film_runs_at_a_time():
    first, kept = film_of(frames=100_000, pause=0.001)
    second, _ = film_of(frames=100_000, pause=0.001)
    first.start()
    wait_for(lambda: len(kept) > 3)
    second.start()
    assert not first._running.is_set()
    second.pause()


def test_a_film_that_ended_starts_again():
    panel, kept = film_of()
    for _ in range(2):
        panel.start()
        wait_for(lambda: not panel._running.is_set())
        assert kept == list(range(7))


def test_the_text_of_a_film_does_not_depend_on_how_far_it_ran(shown):
    panel, _ = film_of()
    panel._ipython_display_()
    panel.play()
    texts = [bundle["text/plain"] for bundle in shown]
    assert texts[:3] == texts[3:]


def test_a_film_that_nobody_watches_pauses_and_loses_nothing():
    """The page of a closed notebook gives no sign of life."""
    panel, kept = film_of(frames=100_000, pause=0.001)
    panel.patience = 0.2
    panel.start()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        panel._screen._handle_custom_msg("alive", [])
        time.sleep(0.02)
    assert panel._running.is_set()
    wait_for(lambda: not panel._running.is_set(), seconds=5)
    assert "Press start to go on" in panel._note.value
    here = len(kept)
    panel.step()
    assert len(kept) == here + 1


def test_a_page_gets_its_answer_before_the_picture_and_one_picture_for_all_that_moved(monkeypatch):
    panel, _ = panel_of()
    drawn, update = [], panel._update
    panel._update = lambda **values: drawn.append(update(**values)) or drawn[-1]

    async def moved_by(message):
        kernel = SimpleNamespace(get_parent=lambda: {"msg_type": message})
        monkeypatch.setattr(explore, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
        for slope in (1.2, 1.5):
            panel.controls["slope"].value = slope
        drawn.append("answered")
        await asyncio.sleep(0)

    def on_its_own_thread(work):
        drawn.clear()
        with ThreadPoolExecutor() as own:
            own.submit(work).result()
        return drawn

    assert on_its_own_thread(lambda: asyncio.run(moved_by("comm_msg"))) == [
        "answered",
        "The slope is 1.5.",
    ]
    without_a_loop = on_its_own_thread(lambda: setattr(panel.controls["slope"], "value", 0.5))
    assert without_a_loop == ["The slope is 0.5."]
    by_a_cell = on_its_own_thread(lambda: asyncio.run(moved_by("execute_request")))
    assert by_a_cell == [
        "The slope is 1.2.",
        "The slope is 1.5.",
        "answered",
    ]  # it finds the panel as it has set it


def test_a_sharp_screen_gets_more_pixels():
    panel, picture = panel_of()
    panel._screen.pixel_ratio = 2.0
    assert pixels(panel._screen.png).shape[:2] == (600, 800)
    panel.controls["slope"].value = 0.4
    assert np.array_equal(pixels(panel._screen.png), pixels(explore.Drawing(picture).png()))
    assert panel._screen.width == 400


@pytest.mark.parametrize(("size", "width"), [("", 400), ("1.5", 600)])
def test_one_setting_makes_all_panels_larger(monkeypatch, size, width):
    monkeypatch.setenv("EXPLORE_SIZE", size) if size else monkeypatch.delenv(
        "EXPLORE_SIZE", raising=False
    )
    panel, _ = panel_of()
    assert panel._screen.width == width


@pytest.mark.parametrize("size", ["", "large", "0", "-1", "nan", "inf"])
def test_a_size_that_is_none_is_refused(monkeypatch, size):
    monkeypatch.setenv("EXPLORE_SIZE", size)
    with pytest.raises(ValueError, match=r"EXPLORE_SIZE is .* must be a number above 0"):
        panel_of()


def test_a_small_move_draws_no_background():
    panel, _ = panel_of()
    for slope in (0.1, 0.2, 0.3):
        panel.controls["slope"].value = slope
    background = panel._drawing._background
    panel.controls["slope"].value = 0.4
    assert panel._drawing._background is background


def test_colours_that_change_are_drawn_although_matplotlib_does_not_say_so():
    picture, axes = plots.figure(size=(4, 3))
    values = np.zeros((4, 4))
    mesh = axes.pcolormesh(values, vmin=0, vmax=1)
    drawing = explore.Drawing(picture)
    for number in range(4):
        values[number] = 1.0  # in place
        mesh.set_array(values)
        assert np.array_equal(pixels(drawing.png()), pixels(explore.Drawing(picture).png()))


CHANGES = {
    "title of the figure": lambda picture, axes: picture.suptitle("a title"),
    "colour of the axes": lambda picture, axes: axes.set_facecolor("#ffddaa"),
    "place of the axes": lambda picture, axes: axes.set_position([0.3, 0.3, 0.5, 0.5]),
    "axes switched off": lambda picture, axes: axes.set_axis_off(),
    "axes hidden": lambda picture, axes: axes.set_visible(False),
    "an artist removed": lambda picture, axes: axes.lines[0].remove(),
    "an artist added": lambda picture, axes: axes.text(1, 1, "new"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_drawn(change):
    picture, axes = plots.figure(size=(4, 3))
    plots.diagonal(axes, 0, 4)
    cloud = plots.points(axes, "none", [0, 1], [1, 2])
    drawing = explore.Drawing(picture)
    for y in (2, 3, 1):
        cloud.set_data([0, 1], [0, y])
        drawing.png()
    CHANGES[change](picture, axes)
    assert np.array_equal(pixels(drawing.png()), pixels(explore.Drawing(picture).png()))


def test_a_drawing_that_was_broken_off_leaves_no_ghost(monkeypatch):
    picture, axes = plots.figure(size=(4, 3))
    cloud = plots.points(axes, "none", [0, 1], [1, 2])
    drawing = explore.Drawing(picture)
    drawing.png()
    cloud.set_data([0, 1], [0, 1])
    with monkeypatch.context() as patch:
        patch.setattr(drawing.canvas, "draw", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            drawing.png()
    assert np.array_equal(pixels(drawing.png()), pixels(explore.Drawing(picture).png()))
    assert not cloud.get_animated()


@pytest.mark.parametrize(
    ("default", "short", "message"),
    [
        (9, (0, 3), "'x' starts at 9: give it"),
        (1, (3, 0), "'x' starts at 1: give it"),
        (1, (0, 3, 1, 1), "'x' starts at 1: give it"),
        (1, 5, "'x' starts at 1: give it"),
        ("a", ["b", "c"], "'x' starts at 'a', which is not among its choices"),
    ],
)
def test_bad_ranges_are_named(default, short, message):
    with pytest.raises(ValueError, match=message):
        explore.explore(plots.figure()[0], lambda x=default: "", x=short)


def test_a_default_between_whole_numbers_makes_a_slider_of_fractions():
    panel = explore.explore(plots.figure(size=(3, 2))[0], lambda x=0.5: "", x=(0, 3))
    assert panel.values() == {"x": 0.5}
    assert panel.controls["x"].step == pytest.approx(0.03)


def test_labels_of_unknown_controls_are_named():
    with pytest.raises(ValueError, match=r"labels for \['y'\], but the controls are \['x'\]"):
        explore.explore(plots.figure()[0], lambda x=1: "", labels={"y": "why"}, x=(0, 3))


def test_a_panel_makes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel, _ = panel_of()
        panel.controls["slope"].value = 2.0
    assert panel._screen.error == ""


def test_a_still_is_a_fine_picture_of_other_values_and_the_panel_stays_where_it_is():
    panel, picture = panel_of()
    before, said = panel._screen.png, panel._screen.sentence
    png, sentence = panel.still(slope=0.5, high=True)
    assert sentence == "The slope is 0.5."
    assert pixels(png).shape[:2] == (600, 800)  # two for each one on the page
    assert (panel._screen.png, panel._screen.sentence) == (before, said)
    assert np.array_equal(pixels(before), pixels(explore.Drawing(picture).png()))
    assert panel.still()[1] == "The slope is 1.0."
    panel.controls["slope"].value = 0.3
    assert np.array_equal(pixels(panel._screen.png), pixels(explore.Drawing(picture).png()))


def test_the_error_of_a_still_is_raised_and_not_shown():
    panel, _ = panel_of()
    with pytest.raises(ValueError, match="slope below <zero>"):
        panel.still(slope=-0.5)
    assert panel._screen.error == ""
    assert panel.sentence == "The slope is 1.0."


@pytest.fixture
def recording(monkeypatch):
    monkeypatch.setattr(explore.Film, "recording", True)


def test_a_film_keeps_stills_while_it_plays_and_is_not_run_again(shown, recording):
    panel, kept = film_of(frames=10)
    panel.play()
    kept.append("played")
    stills = panel.stills()
    assert kept[-1] == "played"
    assert [done for done, *_ in stills] == [number / 10 for number in range(11)]
    assert [sentence for *_, sentence in stills] == [f"Frame {n} at height 5." for n in range(11)]
    assert len({png for _, png, _ in stills}) == 11
    fresh = explore.Drawing(panel._drawing.canvas.figure)
    assert np.array_equal(pixels(panel._screen.png), pixels(fresh.png()))


def test_a_film_has_no_single_still():
    panel, kept = film_of()
    with pytest.raises(TypeError, match=r"stills\(\), not still"):
        panel.still(height=3)
    assert kept == [0]


def test_a_film_of_many_frames_keeps_some_twenty(recording, shown):
    panel, _ = film_of(frames=1000)
    panel.play()
    assert [done for done, *_ in panel.stills()] == [number / 20 for number in range(21)]


def test_stills_of_a_film_lie_on_each_other(recording, shown):
    """The same line drawn at the same place has the same pixels, in the first still as in the last."""
    picture, axes = plots.figure(size=(3, 2))
    axes.set(xlabel="x", ylabel="y")

    def film():
        yield 0.0, "first"
        yield 1.0, "last"

    panel = explore.explore(picture, film)
    panel.play()
    (_, first, _), (_, last, _) = panel.stills()
    assert np.array_equal(pixels(first), pixels(last))


def test_stills_of_a_film_that_did_not_play(shown):
    panel, kept = film_of(frames=6)
    assert [sentence for *_, sentence in panel.stills()] == [
        f"Frame {n} at height 5." for n in range(7)
    ]
    assert kept == [0]
    assert panel.sentence == "Frame 0 at height 5."
    assert explore.Film.recording is False
    panel.play()
    assert panel._kept == {}  # nobody asked


def test_stills_of_a_broken_film_raise(shown):
    panel, _ = film_of(fails_at=3)
    with pytest.raises(RuntimeError, match="the film broke"):
        panel.stills()
    assert panel._screen.error == ""


def test_the_last_still_of_a_film_is_its_last_word(recording, shown):
    def film():
        yield from ((0.0, "first"), (1.0, "nearly"), (1.0, "all"))

    panel = explore.explore(plots.figure(size=(3, 2))[0], film)
    panel.play()
    assert [sentence for *_, sentence in panel.stills()] == ["first", "all"]
