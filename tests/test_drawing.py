"""Whatever changes in a figure, and in whatever order: the pixels are those of a full drawing."""

import struct
import zlib

import numpy as np
import pytest
from figures import assert_shows, panel_of, pixels

from helpers import plots
from helpers.explore import explore
from helpers.panels.drawing import Drawing


def assert_draws(drawing):
    fresh = Drawing(drawing.canvas.figure)
    assert np.array_equal(pixels(drawing.draw()), pixels(fresh.draw()))


def test_a_blitted_picture_is_the_picture():
    panel, picture = panel_of()
    for slope, high in ((0.3, True), (2.0, False), (0.0, True), (1.1, True), (1.1, False)):
        panel.controls["slope"].value, panel.controls["high"].value = slope, high
        assert_shows(panel, picture)


def test_new_limits_are_drawn_too():
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1])

    def zoom(high=1.0):
        line.set_data([0, 1], [0, high])
        axes.set_ylim(0, high)

    panel = explore(picture, zoom, high=(1.0, 9.0))
    for high in (2.0, 3.0, 8.0):
        panel.controls["high"].value = high
        assert_shows(panel, picture)


def test_texts_outside_the_axes_are_drawn_at_every_move():
    """What never changes there is drawn into the background; what does must not be."""
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1])
    axes.text(1.01, 0.5, "stays", transform=axes.transAxes)
    title, text = axes.set_title("at the start"), picture.text(0.02, 0.02, "0")
    of_all = picture.suptitle("at the start")

    def move(x=0, only_axes=True):
        line.set_data([0, 1], [0, 1 - x / 9])
        for one in (title,) if only_axes else (title, text, of_all):
            one.set_text(f"at {x}")

    panel = explore(picture, move, x=(0, 9), only_axes=True)
    for only_axes in (True, False):  # a change of the whole figure draws a new background
        panel.controls["only_axes"].value = only_axes
        for x in (2, 5, 7):
            panel.controls["x"].value = x
            assert_shows(panel, picture)


def test_a_picture_begins_as_a_png_of_8_bits_must():
    """Pillow reads others, too; browsers do not."""
    picture, _ = plots.figure(size=(4, 3))
    png = Drawing(picture).draw()
    width, height = picture.canvas.get_width_height()
    colours, no_filter, no_interlacing = 6, 0, 0
    header = struct.pack(">2I5B", width, height, 8, colours, 0, no_filter, no_interlacing)
    assert png[:33] == b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + (
        struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )


def test_a_small_move_draws_no_background():
    panel, _ = panel_of()
    for slope in (0.1, 0.2, 0.3):
        panel.controls["slope"].value = slope
    background = panel._drawing._background
    panel.controls["slope"].value = 0.4
    assert panel._drawing._background is background


def test_only_what_changed_is_drawn_over_the_background():
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1])
    axes.plot([0, 1], [1, 0])
    axes.text(0.5, 0.2, "stays")
    axes.axvspan(0.2, 0.4)
    plots.pixels(axes, np.eye(2))
    drawing = Drawing(picture)
    for y in (0.2, 0.5):
        drawing.draw()
        line.set_data([0, 1], [0, y])
    assert drawing._moving == {line}


def test_colours_that_change_are_drawn_although_matplotlib_does_not_say_so():
    picture, axes = plots.figure(size=(4, 3))
    values = np.zeros((4, 4))
    mesh = axes.pcolormesh(values, vmin=0, vmax=1)
    drawing = Drawing(picture)
    for number in range(4):
        values[number] = 1.0  # in place
        mesh.set_array(values)
        assert_draws(drawing)


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
    drawing = Drawing(picture)
    for y in (2, 3, 1):
        cloud.set_data([0, 1], [0, y])
        drawing.draw()
    CHANGES[change](picture, axes)
    assert_draws(drawing)


# What is put into the axes, and moved.
UNTOLD = {
    "end of an annotation": (
        lambda axes: axes.annotate("here", (0, 0), (0.2, 0.8), arrowprops={"arrowstyle": "->"}),
        lambda note, k: setattr(note, "xy", (k / 9, 0.5)),
    ),
    "box of a text": (
        lambda axes: axes.text(0.7, 0.3, "boxed", bbox={"facecolor": "red"}),
        lambda text, k: text.get_bbox_patch().set_alpha(k / 9),
    ),
    "text of a legend": (
        lambda axes: axes.legend(),
        lambda legend, k: legend.get_texts()[0].set_text(f"{k}"),
    ),
    "cell of a table": (
        lambda axes: axes.table([["1", "2"]], loc="center"),
        lambda table, k: table[0, 0].get_text().set_text(f"{k}"),
    ),
    "limits": (
        lambda axes: axes,
        lambda axes, k: (axes.lines[0].set_xdata([0, k]), axes.relim(), axes.autoscale()),
    ),
    "order": (
        lambda axes: [axes.axvspan(0, 0.6, color="red"), axes.axvspan(0.3, 1, color="blue")],
        lambda spans, k: spans[0].set_zorder(5 * (k % 2)),
    ),
    "colour of the axes": (lambda axes: axes, lambda axes, k: axes.set_facecolor((k / 9, 1, 1))),
    "frame": (lambda axes: axes, lambda axes, k: axes.set_frame_on(k % 2)),
    "size": (lambda axes: axes.figure, lambda figure, k: figure.set_size_inches(k, 3)),
}


@pytest.mark.parametrize("change", UNTOLD)
def test_what_matplotlib_does_not_tell_is_drawn_at_every_move(change):
    make, move = UNTOLD[change]
    picture, axes = plots.figure(size=(4, 3))
    axes.plot([0, 1], [0, 1], label="a line")
    part, drawing = make(axes), Drawing(picture)
    for k in (2, 5, 8, 3, 6):
        move(part, k)
        assert_draws(drawing)


def test_what_a_part_of_a_figure_has_is_drawn():
    picture, axes = plots.figure(size=(4, 3))
    axes.remove()
    parts = picture.subfigures(1, 2)
    for part in parts:
        part.subplots()
    drawing = Drawing(picture)
    for shade in ("0.2", "0.5", "0.9"):
        parts[0].set_facecolor(shade)
        parts[1].suptitle(shade)
        assert_draws(drawing)


def test_axes_that_lie_over_others_stay_over_what_moves():
    picture, axes = plots.figure(size=(4, 3))
    (line,) = axes.plot([0, 1], [0, 1], linewidth=9)
    axes.twinx().plot([0, 1], [1, 0], linewidth=9)
    picture.add_axes([0.4, 0.4, 0.3, 0.3]).imshow([[0, 1]])
    picture.add_axes([0.7, 0.2, 0.2, 0.6]).plot([0, 1], [0, 1])
    picture.add_axes([0.3, 0.3, 0.2, 0.2], projection="polar").plot([0, 1], [0, 1])
    picture.add_axes([0.2, 0.2, 0.2, 0.2]).set_axis_off()
    drawing = Drawing(picture)
    for y in (0.2, 0.9, 0.5):
        line.set_ydata([1, y])
        assert_draws(drawing)


def test_polar_axes_turn():
    picture, axes = plots.figure(size=(4, 3), subplot_kw={"projection": "polar"})
    axes.plot([0.2, 0.9], [0.2, 0.9])
    drawing = Drawing(picture)
    for angle in (0.5, 0.8, 0.2):
        axes.set_theta_offset(angle)
        assert_draws(drawing)


def test_in_3d_the_near_covers_the_far_from_all_sides():
    picture, axes = plots.figure(size=(4, 3), subplot_kw={"projection": "3d"})
    lines = [axes.plot([x, x], [0, 1], [0.5, 0.5])[0] for x in (0, 1)]
    drawing = Drawing(picture)
    for angle in (0, 180, 0, 180):
        axes.view_init(0, angle)
        for line in lines:
            line.set_linewidth(20 + angle / 20)
        assert_draws(drawing)


def test_a_drawing_that_was_broken_off_leaves_no_ghost(monkeypatch):
    picture, axes = plots.figure(size=(4, 3))
    cloud = plots.points(axes, "none", [0, 1], [1, 2])
    drawing = Drawing(picture)
    drawing.draw()
    cloud.set_data([0, 1], [0, 1])
    with monkeypatch.context() as patch:
        patch.setattr(drawing.canvas, "draw", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            drawing.draw()
    assert_draws(drawing)
    assert not cloud.get_animated()
