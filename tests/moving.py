"""Runs in the kernel of a notebook after its last cell: moves the controls of every panel. At each
place there must be a picture and a sentence, and no error; both must be, to the last byte, what was
drawn for that place before the panel was moved there; and what a choice changes must be said.
"""

import io
import math
import random
import re

import ipywidgets
import numpy as np
from PIL import Image

from helpers.panels.ahead import Selection
from helpers.panels.film import Film
from helpers.panels.panel import Panel
from helpers.press.stills import list_values

CHOICES = ipywidgets.Dropdown | ipywidgets.Checkbox
FIRST_PICTURES = 16  # of a film, whose first picture may take a training


def move_all(most):
    """Move every panel of this process; return what ``move`` returns, for each."""
    panels = [part for part in ipywidgets.widget._instances.values() if isinstance(part, Panel)]
    return [move(panel, most) for panel in panels]


def move(panel, most=64):
    """Both ends of every control, then places by chance, ``most`` in all, none of them twice.

    Returns how often it was moved, how many places it has, and what is wrong at some.
    """
    chance, troubles, shown = random.Random(0), [], {}
    controls = {name: list_values(control, 10**6) for name, control in panel.controls.items()}
    ends = [{name: places[end]} for name, places in controls.items() for end in (0, -1)]
    possible = math.prod(map(len, controls.values())) if controls else 0
    count = min((FIRST_PICTURES if isinstance(panel, Film) else most) - len(ends), possible)
    rows = []
    while len(rows) < count:
        row = {name: chance.choice(places) for name, places in controls.items()}
        rows += [row] if row not in rows else []
    for row in ends + rows:
        foreseen = None if isinstance(panel, Film) else _foresee(panel, row)
        _put(panel, row)
        panel._moved()
        trouble = wrong_with(panel)
        if not trouble and foreseen not in (None, panel._ahead.shown()):
            trouble = "shows another picture than was foreseen; it needs ahead=False"
        if not trouble and isinstance(panel, Film) and not _draws_all(panel):
            trouble = "shows a part of its last picture as it was before the move"
        chosen = [at.value for at in panel.controls.values() if isinstance(at, CHOICES)]
        before = shown.setdefault(panel.sentence, (chosen, panel._screen.png))
        if chosen != before[0] and panel._screen.png != before[1] and not isinstance(panel, Film):
            trouble = f"says the same of another picture, at {before[0]}"
        troubles += [f"{panel.describe()} {trouble}"] if trouble else []
    return len(ends + rows), possible, troubles


def _draws_all(film):
    """Whether a film that is at its end at once, from what was kept, draws all curves anew."""
    shown = film._screen.png
    if film._bar.value < 1.0:
        return True
    for axes in film._drawing.canvas.figure.axes:
        for line in axes.lines:
            line.set_data([], [])
    film._moved()
    return film._screen.png == shown


def _foresee(panel, row):
    """Return picture and sentence of a place, drawn ahead from where the panel is."""
    here = {name: panel.controls[name].value for name in row}
    _put(panel, row)
    there = panel.values()
    _put(panel, here)
    try:
        return panel._draw_at(there) if panel._ahead.on else None
    except Exception:
        return None  # the move will tell


def _put(panel, row):
    """Move several controls, and draw nothing."""
    for name, value in row.items():
        control = panel.controls[name]
        moves = "index" if isinstance(control, Selection) else "value"
        control.unobserve(panel._move, moves)
        control.value = value
        control.observe(panel._move, moves)


def wrong_with(panel):
    """Say what is wrong with a panel as it is now; None if nothing is."""
    if panel._failure:
        return f"{type(panel._failure).__name__}: {panel._failure}"
    if not panel.sentence or re.search(r"\b(nan|inf)\b", panel.sentence):
        return f"the sentence is {panel.sentence!r}"
    if not np.ptp(np.asarray(Image.open(io.BytesIO(panel._screen.png)))):
        return "the picture is blank"
    figure = panel._drawing.canvas.figure
    return next(filter(None, (_wrong_in(axes, figure.bbox) for axes in figure.axes)), None)


def _wrong_in(axes, page):
    page = page.padded(0.5)  # half a pixel is rounding
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts):
        box = text.get_window_extent()
        inside = page.x0 <= box.x0 and page.y0 <= box.y0 and box.x1 <= page.x1 and box.y1 <= page.y1
        if text.get_visible() and text.get_text() and not inside:
            return f"{text.get_text()!r} is cut at the edge of the picture"
    numbers = [*axes.get_xlim(), *axes.get_ylim()]
    for line in axes.lines:
        x, y = (np.asarray(data, dtype=float).ravel() for data in line.get_data())
        numbers += [*x, *y[~np.isnan(y)]]  # NaN is a gap in a curve
    return None if np.isfinite(numbers).all() else "a curve or a limit is infinite"
