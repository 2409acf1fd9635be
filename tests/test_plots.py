"""Views: what they draw is what they were given, in one style for each arm."""

import base64
import io

import numpy as np
import pytest
from figures import contrast, linear, names_of, watch_display
from PIL import Image

from helpers import diagrams, plots
from helpers.panels import page


def test_a_picture_shows_itself_and_below_it_what_it_shows(monkeypatch):
    shown = []
    monkeypatch.setattr(page, "display", lambda data, **options: shown.append((data, options)))
    picture, axes = plots.figure(size=(4, 3), alt="a < b")
    axes.plot([0, 1], [0, 1])
    picture._ipython_display_()
    (drawn, options), (said, _) = shown
    image = Image.open(io.BytesIO(base64.b64decode(drawn["image/png"])))
    assert image.size == (440, 330)
    assert len(image.getcolors(100_000)) > 2
    assert options["metadata"]["image/png"]["alt"] == drawn["text/plain"] == "a < b"
    assert said == {"text/html": "<p>a &lt; b</p>", "text/plain": "a < b"}


def test_a_picture_without_words_has_none_below_it(monkeypatch):
    shown = watch_display(monkeypatch)
    plots.figure(size=(1, 1))[0]._ipython_display_()
    (drawn,) = shown
    assert drawn["text/plain"] == "figure"


def test_each_arm_has_its_own_name_colour_line_and_marker():
    assert plots.NAMES == {
        "none": "plain",
        "inside": "residual, inside g",
        "outside": "residual, outside g",
    }
    for key in ("color", "linestyle", "marker"):
        assert len({style[key] for style in plots.STYLES.values()}) == 3
    assert plots.STYLES["none"] is plots.PLAIN
    assert plots.STYLES["inside"] is plots.INSIDE
    assert {skip: plots.STYLES[skip]["color"] for skip in diagrams.SHORTCUT} == diagrams.SHORTCUT


@pytest.mark.parametrize(
    "color", [*(style["color"] for style in plots.STYLES.values()), plots.QUIET]
)
def test_text_has_a_contrast_of_4_5_to_1_on_white(color):
    assert contrast("white", "black") == pytest.approx(21)
    assert contrast(color, "white") > 4.5


def test_a_picture_is_as_wide_as_a_page_unless_it_is_given_a_size():
    assert plots.figure()[0].get_size_inches().tolist() == [9, 4]
    assert plots.figure(size=(2, 1))[0].get_size_inches().tolist() == [2, 1]


def test_no_text_around_the_axes_is_small():
    _, axes = plots.figure()
    names = axes.title, axes.xaxis.label, axes.yaxis.label
    texts = *names, *axes.get_xticklabels(), *axes.get_yticklabels()
    assert min(text.get_size() for text in texts) >= 11


def test_curves_show_the_data_and_name_the_ends_apart():
    picture, axes = plots.figure()
    axes.set(xlim=(0, 4), ylim=(0, 10))
    show = plots.curves(axes)
    x = np.arange(4)
    values = {"none": x * 1.0, "inside": np.full(4, 5.0), "outside": np.full(4, 5.01)}
    show(x, values)
    for line, (skip, y) in zip(axes.lines, values.items(), strict=True):
        assert line.get_color() == plots.STYLES[skip]["color"]
        assert np.array_equal(line.get_ydata(), y)
    picture.canvas.draw()
    boxes = [text.get_window_extent() for text in names_of(axes).values()]
    assert len(boxes) == 3
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_curve_has_a_dot_where_it_was_last_seen():
    """Also a curve of one point, that is no line; a curve that cannot be seen has none."""
    _, axes = plots.figure()
    axes.set(xlim=(0, 4), ylim=(0, 10))
    show = plots.curves(axes)
    show(np.arange(3), {"none": [1, 2, np.nan], "inside": [1, 2, 99], "outside": [np.nan] * 3})
    assert [line.get_markevery() for line in axes.lines] == [[1], [1], []]
    show([0], {"none": [1], "inside": [2], "outside": [3]})
    assert [line.get_markevery() for line in axes.lines] == [[0], [0], [0]]


def test_the_diagonal_is_where_the_output_is_the_input():
    _, axes = plots.figure()
    line = plots.diagonal(axes, -1, 3)
    assert line.get_xydata().tolist() == [[-1, -1], [3, 3]]
    plots.diagonal(axes, 0, 1, text="")
    assert [text.get_text().strip() for text in axes.texts] == ["a[l+2] = a[l]"]


def test_masked_pixels_are_drawn_as_missing():
    _, axes = plots.figure()
    image = plots.pixels(axes, np.ma.masked_equal([[0, 3], [1, 1]], 3))
    assert np.isnan(image.get_array()[0, 1].filled(np.nan))


def test_options_of_curves_win_over_their_style():
    _, axes = plots.figure()
    plots.curves(axes, linewidth=7, color="black", marker="d", path_effects=[])
    for line in axes.lines:
        look = line.get_linewidth(), line.get_color(), line.get_marker(), line.get_path_effects()
        assert look == (7, "black", "d", [])


def test_a_curve_ends_where_its_x_is_a_number():
    _, axes = plots.figure()
    axes.set(xlim=(0, 4), ylim=(0, 4))
    show = plots.curves(axes, ["none"])
    show([1.0, 2.0, np.nan, np.inf], {"none": [1.0, 2.0, 3.0, 3.0]})
    assert axes.texts[0].xy == (2.0, 2.0)


def test_a_name_far_to_the_left_pushes_no_other():
    _, axes = plots.figure()
    axes.set(xlim=(0, 40), ylim=(0, 10))
    show = plots.curves(axes)
    show(
        np.arange(31),
        {"none": [5.0] + [np.nan] * 30, "inside": np.full(31, 5.0), "outside": np.full(31, 9.0)},
    )
    assert all(text.get_position()[1] == 0 for text in names_of(axes).values())


def test_names_of_curves_stay_where_they_can_be_seen():
    _, axes = plots.figure()
    axes.set(xlim=(0, 4), ylim=(0, 10))
    show = plots.curves(axes)
    show(
        np.arange(4), {"none": [1, 2, 99, 99], "inside": [np.nan] * 4, "outside": [3, 3, 3, np.nan]}
    )
    names = names_of(axes)
    assert names["plain"].xy == (1, 2)
    assert names["residual, outside g"].xy == (2, 3)
    assert "residual, inside g" not in names


def test_against_depth_shows_every_seed_and_the_median():
    _, axes = plots.figure()
    show = plots.against_depth(axes, (2, 8, 20), "wrong, %")
    errors = {
        "none": [[0.1, 0.2, 0.9], [0.5, np.nan, 0.7], [np.nan] * 3],
        "inside": np.zeros((3, 3)),
        "outside": np.full((3, 3), np.nan),
    }
    show(errors)
    clouds, lines = axes.lines[:3], axes.lines[3:]
    assert np.array_equal(clouds[0].get_ydata(), 100 * np.ravel(errors["none"]), equal_nan=True)
    assert np.allclose(lines[0].get_ydata(), [20, 60, np.nan], equal_nan=True)
    assert [line.get_color() for line in lines] == [
        style["color"] for style in plots.STYLES.values()
    ]
    assert len({tuple(line.get_xdata()) for line in lines}) == 3  # the arms stand side by side
    assert set(names_of(axes)) == {"plain", "residual, inside g"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["2", "8", "20"]
    percent = ["0", "0.5", "1", "3", "10", "30", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == percent
    assert axes.get_ylabel() == "wrong, %"
    assert axes.get_ylim()[0] < 0  # a point at 0 % is seen as a whole
    assert names_of(axes)["plain"].xy == (lines[0].get_xdata()[1], 60)  # the last median there is


def test_names_against_depth_stay_in_the_picture():
    picture, (_, right) = plots.figure(1, 2, size=(12, 4.6))
    show = plots.against_depth(right, (2, 8, 20, 32, 56), "wrong, %")
    picture.canvas.draw()
    picture.set_layout_engine(
        "none"
    )  # a panel keeps the layout of its first drawing, before there are names
    show(
        {
            skip: np.full((5, 5), error)
            for skip, error in {"none": 0.9, "inside": 0.01, "outside": 0.011}.items()
        }
    )
    picture.canvas.draw()
    boxes = [text.get_window_extent() for text in names_of(right).values()]
    assert len(boxes) == 3
    assert all(picture.bbox.x0 <= box.x0 and box.x1 <= picture.bbox.x1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("names", [{"inside": "one"}, {"none": "two", "inside": "arms"}])
def test_the_arms_of_a_depth_stand_around_its_tick(names):
    _, axes = plots.figure()
    plots.against_depth(axes, [8, 20], "wrong, %", names)(
        {skip: np.full((2, 3), 0.1) for skip in names}
    )
    clouds = [line for line in axes.lines if line.get_linestyle() == "None"]
    places = [cloud.get_xdata() for cloud in clouds]
    assert np.mean(places) == pytest.approx(0.5)  # between the ticks 0 and 1
    assert axes.get_xlim()[0] < np.min(places) < np.max(places) < axes.get_xlim()[1]


# What a reader without one kind of cone sees of a colour, in linear RGB: Machado, Oliveira,
# Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1.0.
def made(**options):
    return plots.figure(size=(3, 2), **options)[1]


SHOW = {
    "too few": ({"none": [1]}, "there are 1 values of 'none', but 2 of x"),
    "no entry": ({"inside": [1, 2]}, "values must be a dict with an entry .* also for 'none'"),
    "a list": ([[1, 2]], "values must be a dict with an entry for each curve"),
    "text": ({"none": ["a", "b"]}, r"values\['none'\] is of type <U1, but must hold numbers"),
    "rows that differ": ({"none": [[1], [1, 2]]}, r"values\['none'\] is no array of numbers"),
}


@pytest.mark.parametrize(("values", "message"), SHOW.values(), ids=SHOW)
def test_values_that_are_no_curve_are_named(values, message):
    show = plots.curves(made(), ["none"])
    show([1, 2], {"none": [None, 2]})
    with pytest.raises(ValueError, match=message):
        show([1, 2], values)


@pytest.mark.parametrize("errors", [[0.1, 0.2], [[0.1]], [[0.1, 0.2, 0.3]], []])
def test_errors_of_another_shape_are_named(errors):
    show = plots.against_depth(made(), (8, 20), "errors", {"none": "plain"})
    with pytest.raises(ValueError, match=r"the errors of 'none' have shape .* be \(2, seeds\)"):
        show({"none": errors})


def test_axes_stand_in_rows_and_columns_and_options_are_passed_on():
    axes = made(rows=1, columns=2, sharey=True)
    assert axes.shape == (2,)
    assert axes[0].get_shared_y_axes().joined(*axes)
    assert axes[0].get_position().x1 < axes[1].get_position().x0
    assert made(rows=3, columns=2).shape == (3, 2)


REFUSED = {
    "a figure": (lambda axes: plots.points(axes.figure, "none"), "axes is of type Picture, but mu"),
    "axes for depths": (
        lambda axes: plots.against_depth(None, [8], "errors"),
        "axes is of type NoneType, but must be one Axes",
    ),
    "axes for a net": (lambda axes: diagrams.net(4), "axes is of type int, but must be one Axes"),
    "all axes": (lambda axes: diagrams.block(made(columns=2)), "axes is of type ndarray, but must"),
    "both": (lambda axes: plots.curves(plots.figure()), r"plots.figure makes \(figure, axes\)"),
    "a skip": (lambda axes: plots.points(axes, "plain"), "skip = 'plain' is not known; use one"),
    "names": (lambda axes: plots.curves(axes, {"plain": "p"}), "names = .*'plain'.*, of skips 'no"),
    "a name": (lambda axes: plots.curves(axes, "none"), "names = 'none', but it must be .skip: na"),
    "no names": (lambda axes: plots.curves(axes, None), "names = None, but it must be .skip: na"),
    "a size": (lambda axes: plots.figure(size=4), r"size = 4, but it must be \(width, height\) in"),
    "no size": (lambda axes: plots.figure(size=(0, 1)), r"size = \(0, 1\), but it must be"),
    "channels": (
        lambda axes: plots.pixels(axes, np.ones((3, 8, 8))),
        r"has shape \(3, 8, 8\), but",
    ),
    "words": (lambda axes: plots.pixels(axes, [["a"]]), "values is of type <U1, but must hold"),
    "a map": (
        lambda axes: plots.pixels(axes, np.eye(3), cmap="grey2"),
        "cmap = 'grey2', but it mu",
    ),
    "blocks": (lambda axes: diagrams.net(axes, 1.5), "blocks = 1.5, but it must be a whole number"),
    "layers": (lambda axes: diagrams.column(axes, ["ab"]), r"layers must be pairs \(text, group\)"),
    "shortcuts": (
        lambda axes: diagrams.column(axes, [("a", 1)], [(0, 0)]),
        r"shortcuts must be triples \(first, last, dotted\), but is \[\(0, 0\)\]",
    ),
}


@pytest.mark.parametrize(("draw", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw(made())


WITHOUT = {
    "full colour vision": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(rgb):
    """Linear RGB as CIELAB: a distance of about 2 can just be seen."""
    ratio = np.array(TO_XYZ) @ np.clip(rgb, 0, 1) / np.sum(TO_XYZ, axis=1)
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", WITHOUT)
@pytest.mark.parametrize("residual", ["inside", "outside"])
def test_plain_and_residual_can_be_told_apart_by_everyone(eyes, residual):
    colours = [plots.STYLES[skip]["color"] for skip in ("none", residual)]
    plain, other = (lab(np.array(WITHOUT[eyes]) @ linear(colour)) for colour in colours)
    assert np.linalg.norm(plain - other) > 25


def test_red_and_green_of_equal_lightness_would_not_pass():
    red, green = (
        lab(np.array(WITHOUT["deuteranopia"]) @ linear(colour)) for colour in ("#c2410c", "#5f7a0a")
    )
    assert np.linalg.norm(red - green) < 25
