"""Figures and views: arrays and axes in, artists out. A view returns what it takes to update it.

Figures are made without pyplot: they own their canvas, so they can be drawn from any thread, and
they show themselves as a picture when they are the last line of a cell.
"""

import io

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from helpers.block import SKIPS, check_known
from helpers.inputs.pictures import against, as_curve, as_names, as_picture, check_cmap, check_size
from helpers.panels import page
from helpers.panels.artists import Name, Pixels
from helpers.panels.settings import defaults, on_axes, with_defaults
from helpers.setup.language import translate

# One colour, line style and marker for each way of writing the block, through the whole course.
PLAIN = {"color": "#c2410c", "linestyle": "--", "marker": "x", "linewidth": 2.0}
INSIDE = {"color": "#0b5cad", "linestyle": "-", "marker": "o", "linewidth": 3.0}
OUTSIDE = {"color": "#0a7a6e", "linestyle": ":", "marker": "s", "linewidth": 2.4}
STYLES = {"none": PLAIN, "inside": INSIDE, "outside": OUTSIDE}
NAMES = {"none": "plain", "inside": "residual, inside g", "outside": "residual, outside g"}
NAMES = {skip: translate(name) for skip, name in NAMES.items()}
QUIET = "#5b6470"
DPI = 110  # dots per inch
TICKS = (0, 0.5, 1, 3, 10, 30, 100)  # of errors, in %
HALO = [withStroke(linewidth=4.5, foreground="white")]  # keeps lines that cross apart for the eye


@with_defaults
class Frame(Axes):
    """Axes of a Picture."""


@with_defaults
class Picture(Figure):
    """A figure that a notebook shows as a PNG, and below it the text ``alt``."""

    alt = ""
    stored_dpi = DPI  # of every PNG that a notebook shows

    def more(self):
        """What an output keeps besides the PNG, by MIME type: the book adds tables."""
        return {}

    def _ipython_display_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.stored_dpi)
        page.store(buffer.getvalue(), self.alt, self.alt, self.more())


@defaults()
def figure(rows=1, columns=1, size=(9.0, 4.0), alt="", **options):
    """Return (figure, axes): a Picture with rows x columns axes; of one axes, that Axes.

    rows, columns: the number of axes.
    size: width and height in inches.
    alt: says in words what the picture shows; a notebook has it below the picture.
    options: passed on to Figure.subplots.
    Raises ValueError for another ``size``.
    """
    check_size(size)
    picture = Picture(figsize=size, dpi=DPI, layout="constrained")
    FigureCanvasAgg(picture)
    picture.alt = alt
    axes = picture.subplots(rows, columns, **{"subplot_kw": {"axes_class": Frame}} | options)
    for ax in np.ravel(axes):
        for side in {"top", "right"} & set(ax.spines):  # polar axes have others
            ax.spines[side].set_visible(False)
        ax.tick_params(labelsize=11)
        ax.xaxis.label.set_size(12)
        ax.yaxis.label.set_size(12)
        ax.title.set_size(13)
    return picture, axes


@on_axes
def diagonal(axes, low, high, text="a[l+2] = a[l]"):
    """Draw the line output = input from ``low`` to ``high``: where the identity is."""
    (line,) = axes.plot([low, high], [low, high], color=QUIET, linewidth=1.2, zorder=1)
    if text:
        axes.text(high, high, text + " ", color=QUIET, fontsize=11, ha="right", va="bottom")
    return line


@on_axes
def points(axes, skip, x=(), y=(), size=5.0, alpha=0.8):
    """Draw points in the style of ``skip``; update with ``line.set_data``.

    x, y: (points,) each, input and output.
    size: of a marker, in points of 1/72 inch.
    alpha: from 0, invisible, to 1, opaque.
    """
    check_known("skip", skip, SKIPS)
    style = {key: STYLES[skip][key] for key in ("marker", "color")}
    (line,) = axes.plot(x, y, linestyle="none", markersize=size, alpha=alpha, **style)
    return line


@on_axes
def curves(axes, names=NAMES, **options):
    """Draw a curve for each ``skip`` in ``names``, named at its end; return ``show(x, values)``.

    ``show`` gives the curves their data: x is (points,), values maps each skip to its y (points,),
    NaN where there is none. The names follow the ends that lie within the limits of the axes, and
    keep clear of each other. ``options`` are passed on to axes.plot.
    Raises ValueError for an unknown skip, and ``show`` for values that are not as many as x.
    """
    names = as_names(names, NAMES)
    lines = {
        skip: axes.plot([], [], **STYLES[skip] | {"path_effects": HALO} | options)[0]
        for skip in names
    }
    labels = {skip: _name(axes, skip, name) for skip, name in names.items()}

    def show(x, values):
        for skip, line in lines.items():
            line.set_data(*as_curve(x, values, skip))
            # A marker at the end: at the start of a training a curve is one point.
            line.set_markevery(_follow(labels[skip], line))
        _keep_apart(labels.values())

    return show


def _follow(label, line):
    """Put a name at the last point of its curve that can be seen; return [index] of that point.

    Where none can be seen the name is hidden, and the list empty.
    """
    low, high = line.axes.get_ylim()
    x, y = line.get_data(orig=False)
    seen = np.flatnonzero((y >= low) & (y <= high) & np.isfinite(x))[-1:].tolist()
    label.set_visible(bool(seen))
    for index in seen:
        label.xy = x[index], y[index]
        label.stale = True  # matplotlib does not notice a new xy by itself
    return seen


def _keep_apart(labels, distance=14.0, right=6.0):
    """Push names of curves that end close together ``distance`` points apart, ``right`` points from
    the ends.
    """
    seen = [label for label in labels if label.get_visible()]
    ends = [label.axes.transData.transform(label.xy) * 72 / label.figure.dpi for label in seen]
    placed = []
    for (x, end), label in sorted(zip(ends, seen, strict=True), key=lambda pair: pair[0][1]):
        # Only names one above the other can be in each other's way.
        y = max([end, *(below + distance for left, below in placed if abs(x - left) < 100)])
        label.set_position((right, y - end))
        placed.append((x, y))


@on_axes
def pixels(axes, values, cmap="gray", vmin=0.0, vmax=1.0, extent=None):
    """Draw numbers as rectangles, like ``axes.imshow``; update with ``image.set_data``.

    values: (rows, columns); NaN is drawn grey.
    cmap, vmin, vmax: the colours, and the numbers at their two ends.
    extent: (left, right, bottom, top) in data; one unit for each number by default.
    Raises ValueError for values of another shape, and for an unknown ``cmap``.
    """
    values = as_picture(values)
    check_cmap(cmap)
    cmap = matplotlib.colormaps[cmap].with_extremes(bad="#d0d4da")
    # Above the ticks and their names, so that a panel need not draw those again.
    image = Pixels(axes, cmap=cmap, norm=Normalize(vmin, vmax), extent=extent, zorder=2)
    image.set_data(values)
    image.set_extent(image.get_extent())  # the limits of the axes follow
    image.set_clip_path(axes.patch)  # what lies outside the axes takes no room in the layout
    axes.set_aspect("equal")
    return axes.add_image(image)


@on_axes
def against_depth(axes, depths, label, names=NAMES, shift=0.16):
    """Set up a picture of errors against depth; return ``show(errors)``, which draws or updates it.

    depths: the numbers of weight layers.
    label: the name of the error, in %; the scale is linear up to 1 % and logarithmic above.
    names: {skip: name}. ``errors`` maps each skip to fractions (depths, seeds), NaN where there is
    no result; ValueError names another shape. Every seed is a point, and the medians are a line.
    shift: how far apart the arms of one depth are, so that none hides another.
    """
    names, places = as_names(names, NAMES), np.arange(len(depths))
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set(xlim=(-0.5, len(depths) + 1.8), ylim=(-0.1, 130), xlabel="weight layers", ylabel=label)
    axes.set_xticks(places, map(str, depths))
    axes.set_yticks(TICKS, map("{:g}".format, TICKS))
    axes.minorticks_off()
    clouds = {skip: points(axes, skip, size=5.5, alpha=0.55) for skip in names}
    lines = {skip: axes.plot([], [], **STYLES[skip] | {"marker": ""})[0] for skip in names}
    labels = {skip: _name(axes, skip, name) for skip, name in names.items()}

    def show(errors):
        for number, skip in enumerate(names):
            at = places + shift * (number - (len(names) - 1) / 2)
            percent = 100 * against(errors, skip, len(depths))
            medians = [_median(row[np.isfinite(row)]) for row in percent]
            clouds[skip].set_data(np.repeat(at, percent.shape[1]), percent.ravel())
            lines[skip].set_data(at, medians)
            _follow(labels[skip], lines[skip])
        _keep_apart(labels.values(), right=20.0)

    return show


def _median(numbers):
    return np.median(numbers) if len(numbers) else np.nan


@defaults()
def _name(axes, skip, text):
    """Add a text in the colour of ``skip`` that can follow the end of a curve."""
    # Above the curves, below the frame of the axes, which the paper of a name must not rub out.
    look = {"color": STYLES[skip]["color"], "fontsize": 11, "va": "center", "zorder": 2.4}
    name = Name(text, (0, 0), (6, 0), textcoords="offset points", annotation_clip=False, **look)
    return axes.add_artist(name)
