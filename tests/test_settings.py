"""Whatever settings of matplotlib a reader brings, figures are the same, byte for byte."""

import threading

import matplotlib
import matplotlib.style
import numpy as np
import pytest
from figures import panel_of, stored

from helpers import diagrams, plots
from helpers.panels import settings

DARK = matplotlib.style.library["dark_background"]
BROUGHT = {
    "dark": dict(DARK),
    "large": {
        "font.size": 24,
        "font.family": "serif",
        "axes.titlesize": 40,
        "axes.unicode_minus": 0,
    },
    "tight": {"savefig.bbox": "tight", "savefig.dpi": 40, "savefig.transparent": True},
    "coarse": {"figure.dpi": 40, "figure.facecolor": "black", "figure.constrained_layout.use": 1},
    "TeX": {"text.usetex": True},
    "thick": {"lines.linewidth": 9, "patch.linewidth": 7, "patch.antialiased": False},
    "grid": {"axes.grid": True, "lines.antialiased": False},
}


def everything():
    """What a notebook draws: a stored picture, a panel that is moved, its still, and diagrams."""
    picture, (left, right) = plots.figure(1, 2, size=(7, 3))
    left.plot(np.arange(9) - 4, np.arange(9) ** 2, label="squares")
    left.legend()
    left.set(title="some squares", xlabel="x", ylabel="$x^2$")
    left.annotate("zero", (0, 0), (1, 20), arrowprops={"arrowstyle": "->"})
    right.hist(np.arange(20) ** 2)
    plots.pixels(right.inset_axes([0.6, 0.6, 0.4, 0.4]), np.eye(4))
    picture.suptitle("two pictures")
    drawn = [stored(picture)]
    panel, _ = panel_of()
    drawn.append(panel._screen.png)
    panel.controls["slope"].value = 0.3
    panel._screen.pixel_ratio = 2.0
    panel.controls["slope"].value = 0.4
    drawn += [panel._screen.png, panel.still(slope=1.5)[0]]
    for draw in (diagrams.block, lambda axes: diagrams.net(axes, 3)):
        picture, axes = plots.figure(size=(8, 2))
        draw(axes)
        drawn.append(stored(picture))
    return drawn


@pytest.fixture(scope="module")
def ours():
    return everything()


@pytest.mark.parametrize("brought", BROUGHT)
def test_figures_are_the_same_and_the_settings_stay(ours, brought):
    with matplotlib.rc_context(BROUGHT[brought]):
        before = dict(matplotlib.rcParams)
        assert everything() == ours
        assert dict(matplotlib.rcParams) == before


def test_a_figure_of_before_a_change_of_settings_is_moved_in_its_own():
    (panel, _), (other, _) = panel_of(), panel_of()
    with matplotlib.rc_context(BROUGHT["dark"] | BROUGHT["large"]):
        for shown in (panel, other):
            shown._screen.pixel_ratio = 1.5
            shown.controls["slope"].value = 0.7
            matplotlib.rcdefaults()
    assert panel._screen.png == other._screen.png


def test_threads_that_draw_at_once_leave_the_settings_as_they_were():
    with matplotlib.rc_context(BROUGHT["dark"]):
        before = dict(matplotlib.rcParams)
        seen = []

        def draw():
            for _ in range(200):
                with settings.defaults():
                    seen.append(matplotlib.rcParams["axes.facecolor"])

        threads = [threading.Thread(target=draw) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(seen) == {"white"}
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("backend", ["agg", "svg"])
def test_under_the_settings_of_matplotlib_nothing_is_changed(monkeypatch, backend):
    """That takes a millisecond. Which program draws is no setting of figures."""
    with matplotlib.rc_context(settings.DEFAULTS):
        monkeypatch.setitem(matplotlib.rcParams, "backend", backend)
        monkeypatch.setattr(matplotlib, "rc_context", None)
        with settings.defaults():
            assert matplotlib.rcParams["backend"] == backend
