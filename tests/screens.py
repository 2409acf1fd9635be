"""Runs in the kernel of a notebook after its last cell: shows every panel on screens of all kinds.
The pictures must be the same, as an eye sees them that is too weak for letters.
"""

import io

import ipywidgets
import numpy as np
from moving import wrong_with
from PIL import Image, ImageFilter

from helpers.panels.panel import Panel

BLUR, DOTS = 0.1, 10  # of the eye, in inches, and its dots for each inch
# Grey tones out of 256; a name that is cut makes 20 to 30. Markers stand at whole pixels, so that
# hundreds of them differ by up to 19.
TOLERANCE, OF_MARKERS = 12, 20
SIZES, RATIOS = (1.0, 1.5, 2.0), (1.0, 1.25, 1.5, 2.0, 3.0)
ALL = [(size, ratio) for size in SIZES for ratio in RATIOS]
SOME = [(1.0, 1.0), (1.0, 2.0), (1.5, 1.25)]


def show_all(screens):
    """Show every panel of this process; return for each how many screens and what is wrong."""
    panels = [part for part in ipywidgets.widget._instances.values() if isinstance(part, Panel)]
    return [(len(screens), list(compare(panel, screens, allow_for(panel)))) for panel in panels]


def allow_for(panel):
    """Return by how many grey tones the pictures of a panel may differ."""
    lines = [line for axes in panel._drawing.canvas.figure.axes for line in axes.lines]
    markers = sum(len(line.get_xdata()) for line in lines if line.get_marker() != "None")
    return OF_MARKERS if markers > 100 else TOLERANCE


def compare(panel, screens, tolerance=TOLERANCE):
    """Yield what is wrong on which screen, and not on the first.

    screens: (EXPLORE_SIZE, pixel ratio) of each.
    """
    first, known = None, None
    for size, ratio in screens:
        panel._screen.size = size
        panel._screen.pixel_ratio = 0.0
        panel._screen.pixel_ratio = ratio
        picture, trouble = see(panel), wrong_with(panel)
        if first is None:
            first, known = picture, trouble
        difference = np.abs(picture - first).max()
        if difference > tolerance:
            trouble = f"the picture is another one, by {difference:.0f} grey tones"
        if trouble != known:
            yield f"{panel.describe()} At size {size} and pixel ratio {ratio}: {trouble}"


def see(panel):
    """Return grey tones (rows, columns) of a panel's picture, blurred and coarse."""
    figure = panel._drawing.canvas.figure
    picture = Image.open(io.BytesIO(panel._screen.png)).convert("L")
    blurred = picture.filter(ImageFilter.GaussianBlur(BLUR * figure.dpi))
    width, height = np.rint(DOTS * figure.get_size_inches()).astype(int)
    return np.asarray(blurred.resize((width, height), Image.Resampling.BOX), dtype=float)
