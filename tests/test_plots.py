"""Views: what they draw is what they were given, in one style for each arm."""

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from helpers import diagrams, plots


def test_a_picture_shows_itself_with_its_alternative_text():
    picture, axes = plots.figure(size=(4, 3), alt="a test picture")
    axes.plot([0, 1], [0, 1])
    data, metadata = picture._repr_mimebundle_()
    image = Image.open(io.BytesIO(data["image/png"]))
    assert image.size == (440, 330)
    assert len(image.getcolors(100_000)) > 2
    assert data["text/plain"] == metadata["image/png"]["alt"] == "a test picture"


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


def contrast(*colors):
    """Contrast of two colours, from 1 to 21: relative luminance and contrast ratio as in WCAG 2.2."""
    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "color", [*(style["color"] for style in plots.STYLES.values()), plots.QUIET]
)
def test_text_has_a_contrast_of_4_5_to_1_on_white(color):
    assert contrast("white", "black") == pytest.approx(21)
    assert contrast(color, "white") > 4.5


def names_of(axes):
    return {text.get_text(): text for text in axes.texts if text.get_visible()}


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


def ink(picture, axes):
    """What is not white within the axes: how much, and its edges in pixels from theirs."""
    picture.canvas.draw()
    dark = 255.0 - np.asarray(picture.canvas.buffer_rgba())[..., 0]
    box = axes.bbox.padded(-3)
    dark = dark[
        round(len(dark) - box.y1) : round(len(dark) - box.y0), round(box.x0) : round(box.x1)
    ]
    rows, columns = np.nonzero(dark > 100)
    return dark.sum(), np.array([rows.min(), rows.max(), columns.min(), columns.max()])


@pytest.mark.parametrize("dpi", [100, 220])
def test_a_name_looks_as_a_text_does_wherever_it_moves(dpi):
    picture, (left, right) = plots.figure(1, 2)
    for axes in (left, right):
        axes.set(xlim=(0, 4), ylim=(0, 10))
    plots.curves(left, {"inside": "residual"})(np.arange(2), {"inside": np.array([np.nan, 5.5])})
    left.lines[0].set_visible(False)  # the dot
    text = {"color": plots.INSIDE["color"], "fontsize": 11, "va": "center", "bbox": plots.PAPER}
    right.annotate("residual", (1, 5.5), xytext=(6, 0), textcoords="offset points", **text)
    picture.set_dpi(dpi)
    for xy in ((1, 5.5), (1.2, 8.0)):
        left.texts[0].xy = right.texts[0].xy = xy
        (moved, its_edges), (drawn, edges) = ink(picture, left), ink(picture, right)
        assert moved == pytest.approx(drawn, rel=0.03)
        assert np.abs(its_edges - edges).max() <= 1  # a name is placed to whole pixels


IMAGES = {
    "with a gap": ((17, 53), None, None),
    "off the centre": ((64, 64), (-32, 32, -32, 32), (-37, 37)),
}
IMAGES["cut by the axes"] = (8, 6), (-4, 4, -3, 3), (-2, 2)


@pytest.mark.parametrize("case", IMAGES)
def test_pixels_are_what_imshow_draws(case):
    shape, extent, limits = IMAGES[case]
    values = np.random.default_rng(0).random(shape)
    values[len(values) // 2] = np.nan
    pictures = []
    for general in (True, False):
        picture, axes = plots.figure(size=(4, 4))
        axes.set(xticks=[], yticks=[])
        if general:
            grey = matplotlib.colormaps["magma"].with_extremes(bad="#d0d4da")
            axes.imshow(np.ma.masked_invalid(values), cmap=grey, vmin=0, vmax=1, extent=extent)
        else:
            plots.pixels(axes, np.zeros(shape), cmap="magma", extent=extent).set_data(
                np.ma.masked_invalid(values)
            )
        if limits:
            axes.set(xlim=limits, ylim=limits)
        axes.set_axis_off()
        picture.canvas.draw()
        pictures.append(np.asarray(picture.canvas.buffer_rgba()).astype(int))
    general, ours = pictures
    assert general.std() > 10
    assert (np.abs(general - ours).max(axis=2) > 2).mean() < 0.01


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
    assert axes.get_ylabel() == "wrong, %"
    assert names_of(axes)["plain"].xy == (lines[0].get_xdata()[1], 60)  # the last median there is


@pytest.mark.parametrize("skip", diagrams.SKIPS)
def test_net_diagram_has_a_box_for_each_layer_and_an_arc_for_each_shortcut(skip):
    _, axes = plots.figure()
    diagrams.net(axes, 4, skip)
    boxes = [patch for patch in axes.patches if patch.__class__.__name__ == "FancyBboxPatch"]
    arcs = [
        patch
        for patch in axes.patches
        if to_rgb(patch.get_edgecolor()) in map(to_rgb, diagrams.SHORTCUT.values())
    ]
    assert len(boxes) == 8
    assert len(arcs) == (0 if skip == "none" else 4)
    with pytest.raises(ValueError, match="skip = 'over' is not known"):
        diagrams.net(axes, 4, "over")


@pytest.mark.parametrize("skip", diagrams.SKIPS)
def test_block_diagram_shows_the_shortcut_of_its_skip_only(skip):
    _, axes = plots.figure(size=(10, 3.2))
    show = diagrams.block(axes)
    show(skip)
    shown = [text for text in axes.texts if text.get_visible() and "shortcut" in text.get_text()]
    assert [text.get_color() for text in shown] == (
        [] if skip == "none" else [diagrams.SHORTCUT[skip]]
    )
    assert any(text.get_text() == diagrams.FORMULAS[skip] for text in axes.texts)
    pluses = [
        circle.center[0]
        for circle in axes.patches
        if hasattr(circle, "center") and circle.get_visible()
    ]
    assert pluses == ([] if skip == "none" else [diagrams.PLACES[skip]])
    # the plus stands before the second g inside, after it outside
    assert (
        diagrams.PLACES["second"]
        < diagrams.PLACES["inside"]
        < diagrams.PLACES["g2"]
        < diagrams.PLACES["outside"]
    )


def test_block_diagram_refuses_an_unknown_skip():
    _, axes = plots.figure()
    with pytest.raises(ValueError, match="skip = 'over' is not known"):
        diagrams.block(axes, "over")


def test_no_text_of_the_block_diagram_leaves_the_picture_or_covers_another():
    for skip in diagrams.SKIPS:
        picture, axes = plots.figure(size=(10, 3.2))
        diagrams.block(axes, skip)
        picture.canvas.draw()
        boxes = [text.get_window_extent() for text in axes.texts if text.get_visible()]
        assert all(picture.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
        assert all(picture.bbox.fully_containsy(y) for box in boxes for y in (box.y0, box.y1))
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def resnet34_column():
    """The layers and shortcuts of He et al. 2015, figure 3: what the drawing is made for."""
    layers, shortcuts = (
        [("image", "ends"), ("7 x 7 conv, 64, / 2", "first"), ("max pool, / 2", "first")],
        [],
    )
    for channels, blocks in {64: 3, 128: 4, 256: 6, 512: 3}.items():
        for number in range(blocks):
            changes = channels > 64 and number == 0
            shortcuts.append((len(layers), len(layers) + 1, changes))
            layers += [
                (f"3 x 3 conv, {channels}" + ", / 2" * changes, channels),
                (f"3 x 3 conv, {channels}", channels),
            ]
    return [*layers, ("mean over all pixels", "ends"), ("fully connected, 1000", "ends")], shortcuts


def drawn_column(skip="inside", shortcuts=None):
    """Draw ResNet-34 on 3 x 11 inches; return axes, boxes and arcs. ``shortcuts`` replace its own."""
    picture, axes = plots.figure(size=(3, 11))
    layers, its_own = resnet34_column()
    diagrams.column(axes, layers, its_own if shortcuts is None else shortcuts, skip)
    picture.canvas.draw()
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    return axes, boxes, [line for line in axes.lines if line.get_color() == diagrams.SHORTCUT[skip]]


@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_column_has_a_box_for_each_layer_and_an_arc_for_each_shortcut(skip):
    layers, shortcuts = resnet34_column()
    axes, boxes, arcs = drawn_column(skip)
    assert [text.get_text() for text in axes.texts] == [text for text, _ in layers]
    assert len(boxes) == len(layers) == 3 + 32 + 2
    assert len(arcs) == len(shortcuts) == 16
    assert [arc.get_linestyle() for arc in arcs] == [
        ":" if dotted else "-" for *_, dotted in shortcuts
    ]
    assert [arc.get_linestyle() for arc in arcs].count(":") == 3
    assert drawn_column(skip, shortcuts=())[2] == []


def test_column_leads_each_arc_past_its_layers_and_through_none():
    _, boxes, arcs = drawn_column()
    boxes = [box.get_bbox() for box in boxes]
    for arc, (first, last, _) in zip(arcs, resnet34_column()[1], strict=True):
        x, y = arc.get_data()
        assert boxes[first - 1].y0 > y[0] > boxes[first].y1  # boxes stand from top to bottom
        assert boxes[last].y0 > y[-1] > boxes[last + 1].y1
        assert x.max() > boxes[first].x1
        assert x[0] == x[-1] == (boxes[first].x0 + boxes[first].x1) / 2
        assert not any(
            ((box.x0 < x) & (x < box.x1) & (box.y0 < y) & (y < box.y1)).any() for box in boxes
        )


def test_no_part_of_a_column_leaves_the_axes_and_no_text_its_box():
    axes, boxes, _ = drawn_column()
    for artist in (*axes.patches, *axes.lines, *axes.texts):
        extent = artist.get_window_extent()
        assert axes.bbox.x0 <= extent.x0 <= extent.x1 <= axes.bbox.x1
        assert axes.bbox.y0 <= extent.y0 <= extent.y1 <= axes.bbox.y1
    for text, box in zip(axes.texts, boxes, strict=True):
        inner, outer = text.get_window_extent(), box.get_window_extent()
        assert outer.x0 < inner.x0 < inner.x1 < outer.x1
        assert outer.y0 < inner.y0 < inner.y1 < outer.y1


def test_column_colours_its_groups_apart_and_keeps_its_text_readable():
    layers, _ = resnet34_column()
    _, boxes, _ = drawn_column()
    colors = {
        group: to_rgb(box.get_facecolor()) for box, (_, group) in zip(boxes, layers, strict=True)
    }
    assert [to_rgb(box.get_facecolor()) for box in boxes] == [colors[group] for _, group in layers]
    assert len(set(colors.values())) == len(colors) == len(diagrams.FILLS)
    assert all(contrast(diagrams.INK, fill) >= 4.5 for fill in diagrams.FILLS)


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


def test_a_column_refuses_shortcuts_that_it_cannot_draw():
    _, axes = plots.figure()
    with pytest.raises(ValueError, match="skip = 'over' is not known"):
        diagrams.column(axes, [("a layer", 0)], skip="over")
    with pytest.raises(ValueError, match="skip = 'none' has no shortcuts to draw, but 1 are given"):
        diagrams.column(axes, [("a layer", 0)] * 2, [(0, 1, False)], skip="none")


@pytest.mark.parametrize("names", [{"inside": "one"}, {"none": "two", "inside": "arms"}])
def test_the_arms_of_a_depth_stand_around_its_tick(names):
    _, axes = plots.figure()
    plots.against_depth(axes, [8, 20], "wrong, %", names)(
        {skip: np.full((2, 3), 0.1) for skip in names}
    )
    clouds = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert np.mean([cloud.get_xdata() for cloud in clouds]) == pytest.approx(
        0.5
    )  # between the ticks 0 and 1


# What a reader without one kind of cone sees of a colour, in linear RGB: Machado, Oliveira,
# Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1.0.
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


def linear(colour):
    """A colour as linear RGB (3,), each from 0 to 1 (IEC 61966-2-1)."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


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


@pytest.mark.parametrize(
    "colour", [*(style["color"] for style in plots.STYLES.values()), plots.QUIET]
)
def test_text_has_enough_contrast_on_white(colour):
    luminance = np.array(TO_XYZ)[1] @ linear(colour)
    assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG 2.2, criterion 1.4.3
