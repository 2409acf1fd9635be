"""Small panels and films that several tests use, and how to look at pictures."""

import base64
import io
import time

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from helpers import plots
from helpers.explore import explore
from helpers.panels import page
from helpers.panels import panel as panel_module
from helpers.panels.drawing import Drawing


def stored(picture):
    """Return the PNG that a notebook stores of a picture."""
    with pytest.MonkeyPatch.context() as patch:
        bundles = watch_display(patch)
        picture._ipython_display_()
    return base64.b64decode(bundles[0]["image/png"])


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def assert_shows(panel, figure):
    """A panel shows its figure, to the pixel, as one draws it from scratch."""
    assert np.array_equal(pixels(panel._screen.png), pixels(Drawing(figure).draw()))


def watch_display(monkeypatch):
    """Return the growing list of what panels and pictures display."""
    bundles = []

    def display(bundle, raw, **_):
        assert raw
        bundles.append(bundle)

    for module in (panel_module, page):
        monkeypatch.setattr(module, "display", display)
    return bundles


def panel_of(update=None, **controls):
    """A panel with one moving cloud, a moving curve with its name, and a line that stays."""
    picture, axes = plots.figure(size=(4, 3))
    axes.set(xlim=(0, 8), ylim=(0, 4))
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
    return explore(picture, update or move, **controls), picture


def film_of(frames=6, pause=0.0, fails_at=None):
    """A film, and the growing list of the frames that it has computed since its beginning."""
    picture, axes = plots.figure(size=(3, 2))
    axes.set(xlim=(0, 10), ylim=(0, 10))
    (line,) = axes.plot([], [])
    computed = []

    def film(height=5):
        computed.clear()
        for number in range(frames + 1):
            if number == fails_at:
                raise RuntimeError("the film broke")
            computed.append(number)
            line.set_data(range(number + 1), [height] * (number + 1))
            yield number / frames, f"Frame {number} at height {height}."
            time.sleep(pause)

    return explore(picture, film, height=(1, 9)), computed


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def names_of(axes):
    return {text.get_text(): text for text in axes.texts if text.get_visible()}


def linear(colour):
    """A colour as linear RGB (3,), each from 0 to 1 (IEC 61966-2-1)."""
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(*colours):
    """Contrast of two colours, from 1 to 21, by their relative luminance (WCAG 2.2)."""
    dark, light = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in colours)
    return (light + 0.05) / (dark + 0.05)
