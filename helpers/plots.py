"""Figures and views: arrays and axes in, artists out. A view returns what it takes to update it.

Figures are made without pyplot: they own their canvas, so they can be drawn from any thread, and
they show themselves as a picture when they are the last line of a cell.
"""

import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text

# One colour, line style and marker for each way of writing the block, through the whole course.
PLAIN = {"color": "#c2410c", "linestyle": "--", "marker": "x", "linewidth": 2.0}
INSIDE = {"color": "#0b5cad", "linestyle": "-", "marker": "o", "linewidth": 3.0}
OUTSIDE = {"color": "#0a7a6e", "linestyle": ":", "marker": "s", "linewidth": 2.4}
STYLES = {"none": PLAIN, "inside": INSIDE, "outside": OUTSIDE}
NAMES = {"none": "plain", "inside": "residual, inside g", "outside": "residual, outside g"}
QUIET = "#5b6470"
HALO = [
    withStroke(linewidth=4.5, foreground="white")
]  # lines that lie on each other stay apart for the eye
MARGIN = 3  # pixels around the letters of a name
PAPER = {
    "boxstyle": "square,pad=0.1",
    "fc": "white",
    "ec": "none",
    "alpha": 0.9,
}  # behind names over curves; cheaper


class Picture(Figure):
    """A figure that a notebook shows as a PNG, with its alternative text beside it."""

    alt = "figure"

    def _repr_mimebundle_(self, **_):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return {"image/png": buffer.getvalue(), "text/plain": self.alt}, {
            "image/png": {"alt": self.alt}
        }


def figure(rows=1, columns=1, size=(9.0, 4.0), alt="figure", **options):
    """Return (figure, axes): a Picture of ``size`` inches with rows x columns axes, one Axes if
    there is only one.

    ``alt`` says in words what the picture shows; ``options`` go to Figure.subplots.
    """
    picture = Picture(figsize=size, dpi=110, layout="constrained")
    FigureCanvasAgg(picture)
    picture.alt = alt
    axes = picture.subplots(rows, columns, **options)
    for ax in np.ravel(axes):
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=11)
        ax.xaxis.label.set_size(12)
        ax.yaxis.label.set_size(12)
        ax.title.set_size(13)
    return picture, axes


def diagonal(axes, low, high, text="a[l+2] = a[l]"):
    """Draw the line output = input from ``low`` to ``high``: where the identity is."""
    (line,) = axes.plot([low, high], [low, high], color=QUIET, linewidth=1.2, zorder=1)
    if text:
        axes.text(high, high, text + " ", color=QUIET, fontsize=11, ha="right", va="bottom")
    return line


def points(axes, skip, x=(), y=(), size=5.0, alpha=0.8):
    """Draw input against output as points in the style of ``skip``; update with ``line.set_data``."""
    style = STYLES[skip]
    (line,) = axes.plot(
        x,
        y,
        linestyle="none",
        marker=style["marker"],
        color=style["color"],
        markersize=size,
        alpha=alpha,
    )
    return line


def curves(axes, names=NAMES, **options):
    """Draw one curve for each ``skip`` in ``names``, named at its right end; return
    ``show(x, values)``.

    ``show`` gives the curves their data: x is (points,), values maps each skip to its y (points,),
    NaN where there is none. The names follow the ends that lie within the limits of the axes, and
    keep clear of each other.
    """
    lines, labels = {}, {}
    for skip, name in names.items():
        style = STYLES[skip]
        (lines[skip],) = axes.plot([], [], **style, path_effects=HALO, **options)
        labels[skip] = _name(axes, skip, name)

    def show(x, values):
        for skip, line in lines.items():
            line.set_data(x, values[skip])
            end = _to_end(
                axes,
                labels[skip],
                np.asarray(x, dtype=float),
                np.asarray(values[skip], dtype=float),
            )
            line.set_markevery(
                end
            )  # so that a curve of one point, at the start of a training, can be seen as well
        _keep_apart(axes, list(labels.values()))

    return show


def _to_end(axes, label, x, y):
    """Put a name at the last point of its curve that can be seen, hide it if there is none; return
    [place] or [].
    """
    low, high = axes.get_ylim()
    seen = np.flatnonzero((y >= low) & (y <= high))
    label.set_visible(len(seen) > 0)
    if len(seen):
        label.xy = (x[seen[-1]], y[seen[-1]])
        label.stale = True  # matplotlib does not notice a new xy by itself
    return seen[-1:].tolist()


def _keep_apart(axes, labels, distance=14.0, right=6.0):
    """Push names of curves that end close together apart, to ``distance`` points; ``right`` points
    from the ends.
    """
    points_per_pixel = 72.0 / axes.figure.dpi
    ends = [
        (*axes.transData.transform(label.xy) * points_per_pixel, label)
        for label in labels
        if label.get_visible()
    ]
    placed = []
    for x, end, label in sorted(ends, key=lambda entry: entry[1]):
        # Only names that stand one above the other can be in each other's way.
        y = max([end, *(below + distance for left, below in placed if abs(x - left) < 100)])
        label.set_position((right, y - end))
        placed.append((x, y))


class Pixels(AxesImage):
    """An image that shows each number as a rectangle of one opaque colour; many times faster than a
    resampling.
    """

    def draw(self, renderer):
        self.stale = False
        if self.get_visible():
            # One number for the four bytes of a colour, here and on the canvas, where the first row
            # is the highest.
            colours = self.to_rgba(self.get_array(), bytes=True).view(np.uint32)[..., 0]
            canvas = np.asarray(renderer.buffer_rgba()).view(np.uint32)[::-1, :, 0]
            left, right, bottom, top = self.get_extent()
            ends = self.axes.transData.transform([(left, top), (right, bottom)])
            columns, x = _nearest(ends[:, 0], colours.shape[1], self.axes.bbox.intervalx)
            rows, y = _nearest(ends[:, 1], colours.shape[0], self.axes.bbox.intervaly)
            canvas[y : y + len(rows), x : x + len(columns)] = colours[:, columns][rows]


def _nearest(ends, count, limits):
    """Which of ``count`` numbers between ``ends`` lies at each pixel within ``limits``; and the
    first such pixel.
    """
    low, high = np.rint([max(min(ends), limits[0]), min(max(ends), limits[1])]).astype(int)
    places = (np.arange(low, high) + 0.5 - ends[0]) / (ends[1] - ends[0])
    return np.clip((places * count).astype(int), 0, count - 1), low


def pixels(axes, values, cmap="gray", vmin=0.0, vmax=1.0, extent=None):
    """Draw ``values`` (rows, columns) as ``axes.imshow`` does; update with ``image.set_data``. NaN
    is drawn grey.
    """
    cmap = matplotlib.colormaps[cmap].with_extremes(bad="#d0d4da")
    # Above the ticks and their names, so that a panel need not draw those again.
    image = Pixels(axes, cmap=cmap, norm=Normalize(vmin, vmax), extent=extent, zorder=2)
    image.set_data(values)
    image.set_extent(image.get_extent())  # the limits of the axes follow
    image.set_clip_path(axes.patch)  # what lies beyond the axes takes no room in the layout
    axes.set_aspect("equal")
    return axes.add_image(image)


def against_depth(axes, depths, label, names=NAMES, shift=0.16):
    """Set up the errors of many nets against their depth; return ``show(errors)``, which draws or
    updates them.

    errors maps each skip in ``names`` to an array (len(depths), seeds) of fractions, NaN where
    there is no result or
    it diverged: every seed is a point, the medians are a line, and the arms stand side by side so
    that none hides another.
    ``label`` names the error, in %. The scale is linear up to 1 % and logarithmic above.
    """
    places = np.arange(len(depths), dtype=float)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set(xlim=(-0.5, len(depths) + 1.8), ylim=(-0.1, 130), xlabel="weight layers", ylabel=label)
    axes.set_xticks(places, [str(depth) for depth in depths])
    ticks = [0, 0.5, 1, 3, 10, 30, 100]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    at = {
        skip: places + shift * (number - (len(names) - 1) / 2) for number, skip in enumerate(names)
    }
    clouds = {skip: points(axes, skip, size=5.5, alpha=0.55) for skip in names}
    lines = {skip: axes.plot([], [], **{**STYLES[skip], "marker": ""})[0] for skip in names}
    labels = {skip: _name(axes, skip, name) for skip, name in names.items()}

    def show(errors):
        for skip, cloud in clouds.items():
            percent = 100 * np.asarray(errors[skip], dtype=float)
            medians = np.array([_median(row[np.isfinite(row)]) for row in percent])
            cloud.set_data(np.repeat(at[skip], percent.shape[1]), percent.ravel())
            lines[skip].set_data(at[skip], medians)
            _to_end(axes, labels[skip], at[skip], medians)
        _keep_apart(axes, list(labels.values()), right=20.0)

    return show


def _median(numbers):
    return np.median(numbers) if len(numbers) else np.nan


class Name(Annotation):
    """A name that follows the end of a curve. Its letters are drawn once, then moved as an image: a
    tenth of the time.

    ``xy``: the end, in data; ``xyann``: the left middle of the name, in points from there.
    """

    def draw(self, renderer):
        self.stale = False
        if self.get_visible():
            dpi = self.figure.dpi
            if getattr(self, "_drawn_for", None) != dpi:
                self._image, self._drawn_for = self._letters(dpi), dpi
            x, y = self.axes.transData.transform(self.xy) + np.multiply(self.xyann, dpi / 72)
            context = renderer.new_gc()
            renderer.draw_image(
                context, round(x) - MARGIN, round(y - len(self._image) / 2), self._image[::-1]
            )
            context.restore()

    def _letters(self, dpi):
        box = self.get_window_extent()
        paper = RendererAgg(int(box.width) + 2 * MARGIN + 1, int(box.height) + 2 * MARGIN + 1, dpi)
        style = {
            "color": self.get_color(),
            "fontproperties": self.get_fontproperties(),
            "bbox": PAPER,
        }
        text = Text(MARGIN, MARGIN, self.get_text(), va="bottom", **style)
        text.set_figure(self.figure)
        text.draw(paper)
        return np.array(paper.buffer_rgba())


def _name(axes, skip, text):
    """A text in the colour of ``skip`` that can follow the end of a curve."""
    # Above the curves, below the frame of the axes: the paper behind a name shall not rub out the
    # frame.
    style = {
        "color": STYLES[skip]["color"],
        "fontsize": 11,
        "va": "center",
        "zorder": 2.4,
        "annotation_clip": False,
    }
    return axes.add_artist(Name(text, (0, 0), xytext=(6, 0), textcoords="offset points", **style))
