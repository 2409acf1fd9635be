"""The numbers of a figure as tables, for readers who cannot see it: where they are few enough.

The rows of a table are the places along the x axis, or along a y axis that names them with words;
the columns are the curves by name. Where several points share a place, as the seeds of a study do,
there is their median, with the smallest and the largest.
"""

import re

import numpy as np
from matplotlib.category import StrCategoryFormatter
from matplotlib.colors import to_hex
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter

from helpers import plots

TABLES = "application/vnd.resnets.tables+json"  # where an output keeps them
MAX_NUMBERS = 60  # of all tables of a figure; who reads more of them aloud?
BY_COLOR = {to_hex(style["color"]): plots.NAMES[skip] for skip, style in plots.STYLES.items()}


def read_tables(figure):
    """Return the tables of a figure that was drawn: [{"caption", "rows": [[text]]}].

    The first row, and the first text of each row, are heads. There is none if the figure has more
    than MAX_NUMBERS entries, or only curves without a name.
    """
    flat = [axes for axes in figure.axes if axes.name == "rectilinear"]
    reads = (read(axes) for axes in flat for read in (_read_image, _read_lines))
    tables = [table for table in reads if table]
    entries = sum(len(row) - 1 for table in tables for row in table["rows"][1:])
    return tables if entries <= MAX_NUMBERS else []


def _read_image(axes):
    """Return the table of a picture whose rows and columns have names, or None."""
    across, down = _tick_names(axes.xaxis), _tick_names(axes.yaxis)
    image = axes.images[0].get_array() if axes.images else np.empty(0)
    values = np.ma.filled(image.astype(float), np.nan)
    if [sorted(down), sorted(across)] != [[*range(length)] for length in values.shape]:
        return None
    words = {text.get_position(): text.get_text() for text in axes.texts}
    rows = [["", *map(across.get, range(len(across)))]]
    for y in range(len(down)):
        numbers = (words.get((x, y), _summarise([values[y, x]])) for x in range(len(across)))
        rows.append([down[y], *numbers])
    return {"caption": axes.get_title(), "rows": rows}


def _read_lines(axes):
    """Return the table of the named curves and points of axes; None if one axis has no numbers."""
    names = _tick_names(axes.yaxis).values()
    sideways = bool(names) and not any(re.match(r"\W*\d", text) for text in names)  # words
    along, across = (axes.yaxis, axes.xaxis) if sideways else (axes.xaxis, axes.yaxis)
    if across.have_units() or (along.have_units() and not _tick_names(along)):
        return None  # dates, say
    curves = {}
    for line in axes.lines:
        places, numbers = line.get_data(orig=False)[:: -1 if sideways else 1]
        if not len(places) or line.get_transform() != axes.transData:
            continue  # an empty curve, or a line across all of the axes
        if name := across.get_label_text() if sideways else _name(line):
            key = name, to_hex(line.get_color())  # a legend may say one name twice
            _collect(curves.setdefault(key, {}), places, numbers, _tick_names(along))
    if not curves:
        return None
    if sideways:
        curves = _of_rows(curves)
    label, names = across.get_label_text(), [name for name, _ in curves]
    heads = names if len(names) > 1 or not label else [label]
    rows = [[along.get_label_text(), *heads]]
    for place in sorted(set().union(*curves.values())):
        numbers = (_summarise(points.get(place, [])) for points in curves.values())
        rows.append([place[1], *numbers])
    caption = ": ".join(filter(None, [axes.get_title(), label]))
    return {"caption": caption + _other_words(axes, names), "rows": rows}


def _of_rows(curves):
    """One column for curves that have rows of their own; of others, each by its own name."""
    places = [place for points in curves.values() for place in points]
    if len(set(places)) < len(places):
        return {(BY_COLOR.get(color, name), color): curves[name, color] for name, color in curves}
    return {next(iter(curves)): dict(item for points in curves.values() for item in points.items())}


def _other_words(axes, names):
    """Return the words in a picture that name no curve, for the end of a caption."""
    texts = dict.fromkeys(text.get_text() for text in axes.texts if text.get_visible())
    words = [text for text in texts if text not in names and any(map(str.isalpha, text))]
    return f" (in the picture: {'; '.join(words)})" if words else ""


def _collect(points, places, numbers, ticks):
    """Add numbers to {(place, its text): numbers}.

    Where all points are close to named whole numbers, these are the names of groups, whose points
    are drawn beside one another. Elsewhere a name is that of the points that are right at it.
    """
    places, numbers = np.stack([places, numbers])[:, np.isfinite(places)]
    groups = np.round(places)
    if {*groups} <= ticks.keys() and np.all(np.abs(groups - places) < 1 / 3):
        places = groups
    for place, number in zip(places.tolist(), numbers, strict=True):
        points.setdefault((place, ticks.get(place, f"{place:.4g}")), []).append(number)


def _tick_names(axis):
    """Return {place: text} of the ticks that the figure named itself, or its data did."""
    formatter, places = axis.get_major_formatter(), np.asarray(axis.get_majorticklocs()).tolist()
    # what set_xticks(places, names) makes, and plot(names, numbers)
    if not isinstance(formatter, FuncFormatter | StrCategoryFormatter):
        return {}
    return dict(zip(places, formatter.format_ticks(places), strict=True))


def _name(line):
    """Return the name of a curve, or None: that of the legend, or of the text of its colour that is
    nearest to its end, or of all curves of this colour in the course.
    """
    if not line.get_label().startswith("_"):
        return line.get_label()
    color, axes = to_hex(line.get_color()), line.axes
    texts = [text for text in axes.texts if to_hex(text.get_color()) == color and text.get_text()]
    if not texts:
        return BY_COLOR.get(color)
    end = axes.transData.transform(np.transpose(line.get_data())[-1])

    def distance(text):
        place = text.xy if isinstance(text, Annotation) else text.get_position()
        return np.hypot(*axes.transData.transform(place) - end)

    return min(texts, key=distance).get_text()


def _summarise(numbers):
    """Return a number as a text; of several, their median and their ends."""
    numbers = [number for number in np.asarray(numbers, dtype=float) if np.isfinite(number)]
    if not numbers:
        return "–"
    if min(numbers) == max(numbers):
        return f"{numbers[0]:.4g}"
    return f"{np.median(numbers):.4g} ({min(numbers):.4g} to {max(numbers):.4g})"
