"""Fast artists draw what matplotlib's own artists draw."""

import matplotlib
import numpy as np
import pytest

from helpers import plots
from helpers.panels import artists


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
    text = {"color": plots.INSIDE["color"], "fontsize": 11, "va": "center", "bbox": artists.PAPER}
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
    "cut by the axes": ((8, 6), (-4, 4, -3, 3), (-2, 2)),
}


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


def test_what_is_hidden_is_not_drawn():
    picture, axes = plots.figure(size=(2, 2))
    plots.pixels(axes, np.zeros((3, 3)), vmax=2.0).set_visible(False)
    show = plots.curves(axes, ["inside"])
    show(np.arange(2), {"inside": np.full(2, 9.0)})  # above the axes: no end, and no name
    axes.set_axis_off()
    picture.canvas.draw()
    assert np.all(np.asarray(picture.canvas.buffer_rgba()) == 255)


@pytest.mark.parametrize(("form", "image"), [("pdf", b"/Image"), ("svg", b"<image")])
def test_pixels_can_be_saved_for_print(form, image, tmp_path):
    picture, axes = plots.figure(size=(2, 2))
    plots.pixels(axes, np.eye(3))
    picture.savefig(tmp_path / f"picture.{form}")
    assert image in (tmp_path / f"picture.{form}").read_bytes()


@pytest.mark.parametrize("ratio", [1.25, 1.5, 2, 3])
def test_a_name_is_whole_on_every_screen(ratio):
    """Whatever the number of pixels, the letters of a name reach equally far."""
    picture, axes = plots.figure(size=(5, 3))
    name = artists.Name("residual, inside g", (0, 0), xytext=(6, 0), textcoords="offset points")
    axes.add_artist(name)
    picture.canvas.draw()  # with a renderer that is too coarse for what follows

    def letters(dpi):
        picture.set_dpi(dpi)
        image = name._draw_letters(dpi)
        return np.flatnonzero((image[..., :3] < 128).any(axis=-1).any(axis=0)).max() / dpi

    assert letters(100 * ratio) == pytest.approx(letters(100), rel=0.05)
