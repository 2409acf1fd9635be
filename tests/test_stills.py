"""Albums: values a slider can take, covers that restore each picture, sizes that are kept."""

import base64
import io
import itertools
import json
import math

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from helpers import explore, plots
from helpers.press import stills
from helpers.quizzes.quiz import Quiz


def panel_of(**controls):
    """A panel with a cloud that follows its controls, whatever they are."""
    picture, axes = plots.figure(size=(3, 2))
    axes.set(xlim=(-3, 3), ylim=(-3, 3))
    cloud = plots.points(axes, "inside")

    def move(slope=0.3, steps=2, high=False, kind="line"):
        cloud.set_data([1, 2], [slope, slope + (steps if kind == "line" else -steps) / 9 + high])
        return f"slope {slope:.2f}, {steps} steps, {'high' if high else 'low'}, {kind}."

    return explore.explore(
        picture,
        move,
        labels={"slope": "slope, per unit"} if "slope" in controls else None,
        **controls,
    )


SLIDERS = {
    "floats": (ipywidgets.FloatSlider(value=0.3, min=-1, max=1, step=0.02), 0.02),
    "whole numbers": (ipywidgets.IntSlider(value=300, min=0, max=400, step=10), 10),
    "a range that is no multiple of the step": (
        ipywidgets.FloatSlider(value=0.25, min=0, max=1, step=0.3),
        0.3,
    ),
    "exponents": (ipywidgets.FloatLogSlider(value=0.01, min=-4, max=0, step=0.5), 0.5),
    "exponents of 2, a start between two steps": (
        ipywidgets.FloatLogSlider(value=3, base=2, min=0, max=5, step=1),
        1,
    ),
}


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_has_its_ends_its_start_and_steps_it_can_take(name):
    slider, step = SLIDERS[name]
    values = stills.list_values(slider, 21)
    assert len(values) <= 22
    places = {
        value: round(math.log(value, slider.base), 9) if hasattr(slider, "base") else value
        for value in values
    }
    assert places[values[0]] == slider.min
    assert slider.max - step < places[values[-1]] <= slider.max
    assert slider.value in values
    assert values == sorted(set(values))
    for value in set(values) - {slider.value}:
        assert type(value) is type(slider.value)
        steps = (places[value] - slider.min) / step
        assert steps == pytest.approx(round(steps), abs=1e-6)


def test_few_positions_are_all_taken_and_choices_too():
    assert stills.list_values(ipywidgets.IntSlider(value=2, min=1, max=4), 21) == [1, 2, 3, 4]
    assert stills.list_values(ipywidgets.Checkbox(value=True), 1) == [False, True]
    assert stills.list_values(ipywidgets.Dropdown(options=[("off", 0), ("on", 7)]), 1) == [0, 7]
    assert stills.list_values(ipywidgets.SelectionSlider(options=["a", "b", "c"]), 2) == [
        "a",
        "b",
        "c",
    ]
    assert stills.list_values(ipywidgets.BoundedIntText(value=2, max=4), 3) == [0, 2, 4]
    fixed = [ipywidgets.Text(value="as it is"), ipywidgets.BoundedFloatText(value=2.5)]  # no steps
    assert [stills.list_values(control, 21) for control in fixed] == [["as it is"], [2.5]]


@pytest.mark.parametrize(
    ("control", "texts", "initial"),
    [
        (ipywidgets.Dropdown(options=["a", "b"], value=None), ["a", "b", "–"], 2),
        (ipywidgets.RadioButtons(options=["a"], value=None), ["a", "–"], 1),
        (ipywidgets.Dropdown(options=[("zero", 0), ("off", False)], index=1), ["zero", "off"], 1),
        (ipywidgets.Dropdown(options=[("pair", [1, 2]), ("none", [])]), ["pair", "none"], 0),
        (ipywidgets.FloatSlider(value=1, max=1, step=1, readout_format="$,.2f"), ["0.0", "1.0"], 1),
        (ipywidgets.IntSlider(value=1, max=1, readout_format=".2s"), ["0", "1"], 1),
        (ipywidgets.TagsInput(value=["a"]), ["['a']"], 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ipywidgets.Widget) else "",
)
def test_any_control_has_an_album(control, texts, initial):
    def say(chosen=None):
        return f"{chosen!r}"

    panel = explore.explore(plots.figure(size=(2, 1))[0], say, chosen=control)
    album = stills.make_album(panel)
    (described,) = album["controls"]
    assert (described["texts"], described["initial"]) == (texts, initial)
    assert album["sentence"] == panel.sentence


def test_the_album_of_one_slider():
    album = stills.make_album(panel_of(slope=(-1.0, 1.0, 0.02)))
    (control,) = album["controls"]
    assert control["label"] == "slope, per unit"
    assert control["type"] == "slider"
    assert control["texts"][0] == "-1.00"
    assert control["texts"][control["initial"]] == "0.30"
    assert len(album["frames"]) == len(control["texts"]) == 21
    assert album["frames"][str(control["initial"])][1] == "slope 0.30, 2 steps, low, line."
    assert len({number for number, _ in album["frames"].values()}) == 21


def test_the_album_of_all_kinds_of_controls():
    album = stills.make_album(
        panel_of(kind=["line", "curve"], high=False, steps=(0, 4)), room=10**9
    )
    assert [control["type"] for control in album["controls"]] == ["choice", "switch", "slider"]
    assert [control["texts"] for control in album["controls"][:2]] == [
        ["line", "curve"],
        ["off", "on"],
    ]
    places = itertools.product(range(2), range(2), range(5))
    assert set(album["frames"]) == {",".join(map(str, place)) for place in places}
    assert album["frames"]["1,1,4"][1] == "slope 0.30, 4 steps, high, curve."
    assert not album["one_at_a_time"]


def test_on_paper_are_the_ends_and_the_middle_of_the_first_slider():
    album = stills.make_album(panel_of(high=False, slope=(-1.0, 1.0, 0.5), steps=(0, 4)))
    texts = [position["text"] for position in album["positions"]]
    assert texts == [f"slope, per unit = {slope}" for slope in ("-1.00", "0.30", "1.00")]
    for position, slope in zip(album["positions"], ("-1.00", "0.30", "1.00"), strict=True):
        assert position["sentence"] == f"slope {slope}, 2 steps, low, line."
        assert position["cover"] in {cover for cover, _ in album["frames"].values()}
        assert pixels(position["png"]).size == (album["width"], album["height"])
        assert pixels(position["png"]).getextrema()[3] == (255, 255)  # nothing is transparent


@pytest.mark.parametrize(
    ("lengths", "types", "expected"),
    [
        ([1, 3], ["slider", "choice"], {"b = 0": (0, 0), "b = 1": (0, 1), "b = 2": (0, 2)}),
        ([2, 9], ["switch", "slider"], {"b = 0": (0, 0), "b = 4": (0, 4), "b = 8": (0, 8)}),
        ([2], ["switch"], {"a = 0": (0,), "a = 1": (1,)}),
        ([1], ["slider"], {}),
        ([], [], {}),
    ],
)
def test_without_a_slider_it_is_the_first_control_that_can_move(lengths, types, expected):
    controls = [
        {"type": look, "label": name, "texts": [*map(str, range(length))], "initial": 0}
        for name, look, length in zip("ab", types, lengths, strict=False)
    ]
    assert stills.list_positions(controls) == expected


def size(album):
    return sum(len(cover) for cover in album["covers"]) * 3 / 4


@pytest.mark.parametrize("room", [60_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_a_grid_keeps_to_its_room_and_has_the_ends_and_the_start(room):
    album = stills.make_album(panel_of(slope=(-1.0, 1.0, 0.01), steps=(0, 40)), room=room)
    assert size(album) < 1.3 * room
    first, second = album["controls"]
    assert len(first["texts"]) >= len(second["texts"]) >= 3
    assert (second["texts"][0], second["texts"][second["initial"]], second["texts"][-1]) == (
        "0",
        "2",
        "40",
    )


def test_where_combinations_take_too_much_room_one_control_moves_at_a_time():
    album = stills.make_album(
        panel_of(slope=(-1.0, 1.0, 0.02), steps=(0, 40), high=False), room=10_000
    )
    assert album["one_at_a_time"]
    start = [control["initial"] for control in album["controls"]]
    for key in album["frames"]:
        assert sum(int(at) != began for at, began in zip(key.split(","), start, strict=True)) <= 1
    assert len(album["frames"]) == 1 + sum(
        len(control["texts"]) - 1 for control in album["controls"]
    )


def pixels(encoded):
    return Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")


def test_base_and_cover_together_are_the_picture():
    panel = panel_of(slope=(-1.0, 1.0, 0.5))
    album = stills.make_album(panel)
    for place, text in enumerate(album["controls"][0]["texts"]):
        number, _ = album["frames"][str(place)]
        seen = pixels(album["base"])
        if album["covers"][number]:
            seen = Image.alpha_composite(seen, pixels(album["covers"][number]))
        whole = Image.open(io.BytesIO(panel.still(slope=float(text))[0])).convert("RGB")
        assert whole.size == (album["width"], album["height"]) == (600, 400)
        away = np.abs(np.asarray(seen.convert("RGB"), dtype=int) - np.asarray(whole, dtype=int))
        assert away.max() < 40  # 255 colours
        assert away.mean() < 0.1
    assert "" in album["covers"]


@pytest.mark.parametrize("times", [2, 3, 4])
def test_no_ghost_of_the_base_is_seen_when_the_pictures_are_drawn_smaller(times):
    """A browser makes base and cover smaller one by one."""
    panel = panel_of(slope=(-1.0, 1.0, 0.5))
    album = stills.make_album(panel)
    for place, text in enumerate(album["controls"][0]["texts"]):
        cover = album["covers"][album["frames"][str(place)][0]]
        if cover:
            seen = Image.alpha_composite(
                pixels(album["base"]).reduce(times), pixels(cover).reduce(times)
            )
            whole = (
                Image.open(io.BytesIO(panel.still(slope=float(text))[0]))
                .convert("RGB")
                .reduce(times)
            )
            away = np.abs(np.asarray(seen.convert("RGB"), dtype=int) - np.asarray(whole, dtype=int))
            assert away.max() < 12


def test_the_panel_stands_where_it_stood():
    panel = panel_of(slope=(-1.0, 1.0, 0.5), high=False)
    panel.controls["slope"].value = 0.5
    before = panel._screen.png
    assert stills.make_album(panel)["controls"][0]["initial"] == 3
    assert panel.values() == {"slope": 0.5, "high": False}
    assert panel._screen.png == before


def test_the_album_of_a_film_has_its_progress_and_says_how_it_was_recorded():
    def film(seed=3):
        for number in range(5):
            yield number / 4, f"Frame {number}."

    panel = explore.explore(
        plots.figure(size=(3, 2))[0], film, labels={"seed": "random seed"}, seed=(0, 9)
    )
    album = stills.make_album(panel)
    (progress,) = album["controls"]
    assert (progress["label"], progress["initial"]) == ("progress", 4)
    assert progress["texts"] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert album["fixed"] == [["random seed", "3"]]
    assert [sentence for _, sentence in album["frames"].values()] == [
        f"Frame {n}." for n in range(5)
    ]


def test_a_figure_of_the_book_comes_with_the_tables_of_its_numbers():
    picture, axes = plots.figure(alt="Two points.")
    axes.plot([1, 2], [3, 4], label="loss")
    picture.canvas.draw()
    (tables,) = stills.tabulate(picture).values()
    assert tables == [{"caption": "", "rows": [["", "loss"], ["1", "3"], ["2", "4"]]}]


def test_an_error_at_any_position_is_raised():
    def fails(x=1.0):
        return f"{1 / x}"

    panel = explore.explore(plots.figure(size=(3, 2))[0], fails, x=(0.0, 2.0, 0.5))
    with pytest.raises(ZeroDivisionError):
        stills.make_album(panel)


def test_the_extension_shows_albums_questions_and_nothing_of_other_widgets(monkeypatch):
    displayed = []
    monkeypatch.setattr(stills, "display", lambda bundle, raw: displayed.append(bundle))
    quiz, panel = ipywidgets.VBox([Quiz(question={"ask": "2 + 2?"})]), panel_of(high=False)
    for widget in (quiz, ipywidgets.IntSlider(), panel):
        stills.show_album(f"{widget.model_id} 10000")
    (asked,), (album,) = (bundle.values() for bundle in displayed)
    assert asked == {"quiz": {"ask": "2 + 2?"}}
    assert json.loads(json.dumps(album)) == stills.make_album(panel, 10_000)
