"""A figure drawn again and again, off screen: only what changed is drawn afresh, and the picture is
a PNG.
"""

import struct
import zlib

import numpy as np
from isal import isal_zlib
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.spines import Spine
from matplotlib.text import Text


class Drawing:
    """A figure that is drawn again and again: what stays the same is drawn once and kept as a
    background.

    In each axes, everything above the lowest artist that ever changed is drawn afresh over the
    background, so that what covers what stays as in a full drawing. Texts beside the axes (titles)
    cover nothing and are left alone. A change of anything else (limits, ticks, titles and legends
    of the figure, artists that come or go) draws all of it again. Axes must not overlap, and
    nothing of the figure may lie over them.
    """

    def __init__(self, figure):
        self.canvas = FigureCanvasAgg(figure)
        self._moving, self._background, self._arranged = set(), None, None
        self._beside = set()  # texts that lie outside their axes

    def set_dpi(self, dpi):
        """Draw ``dpi`` pixels per inch from now on."""
        self.canvas.figure.set_dpi(dpi)
        self._background = None

    def png(self):
        """Return the current picture as the bytes of a PNG."""
        watched = self._artists()
        changed = {artist for artist in watched if artist.stale or _may_change_unnoticed(artist)}
        arranged = [
            (axes.get_position().bounds, axes.get_visible(), axes.axison)
            for axes in self.canvas.figure.axes
        ]
        arranged += map(id, watched)
        if self._background is None or arranged != self._arranged or not changed <= self._moving:
            # The first drawing shows nothing of what will move; from the second on, it is known.
            first, self._background = self._background is None, None
            if not first:
                inside = {
                    artist for axes in self.canvas.figure.axes for artist in axes.get_children()
                }
                self._moving |= {
                    artist for artist in changed & inside if not isinstance(artist, Axis | Spine)
                }
            self._moving &= set(watched)
            self._draw_background()
            self._arranged = arranged
        self.canvas.restore_region(self._background)
        for artist in self._foreground():
            artist.draw(self.canvas.get_renderer())
        for artist in watched:
            artist.stale = False
        return png(self.canvas)

    def _artists(self):
        figure = self.canvas.figure
        inside = [artist for axes in figure.axes for artist in axes.get_children()]
        return inside + [artist for artist in figure.get_children() if artist not in figure.axes]

    def _draw_background(self):
        self._beside = set()
        foreground = self._foreground()
        try:
            for artist in foreground:
                artist.set_animated(True)  # leaves it out of the drawing
            self.canvas.draw()
        finally:
            for artist in foreground:
                artist.set_animated(False)
        self.canvas.figure.set_layout_engine(
            "none"
        )  # nothing shall move aside while a slider is dragged
        self._beside = {
            text for text in foreground if text not in self._moving and _is_beside(text)
        }
        for text in self._beside:
            text.draw(self.canvas.get_renderer())
        self._background = self.canvas.copy_from_bbox(self.canvas.figure.bbox)

    def _foreground(self):
        """What is drawn over the background, axes by axes, lowest first."""
        above = []
        for axes in self.canvas.figure.axes:
            moving = [
                artist.get_zorder() for artist in axes.get_children() if artist in self._moving
            ]
            if moving and axes.get_visible():
                high = [
                    a
                    for a in axes.get_children()
                    if a.get_zorder() >= min(moving) and _is_drawn(a, axes)
                ]
                above += sorted(high, key=lambda artist: artist.get_zorder())
        return [artist for artist in above if artist not in self._beside]


def _may_change_unnoticed(artist):
    """Collections of colours (pcolormesh, scatter) do not become stale when they get new values."""
    return isinstance(artist, Collection) and artist.get_array() is not None


def _is_drawn(artist, axes):
    if isinstance(artist, Axis | Spine):
        return axes.axison
    return artist is not axes.patch


def _is_beside(artist):
    """A text that does not reach into the box of its axes."""
    return isinstance(artist, Text) and not artist.get_window_extent().overlaps(artist.axes.bbox)


def png(canvas):
    """The canvas as a PNG without filters: half the time of a general encoder, and no larger for
    drawings.
    """
    pixels = np.asarray(canvas.buffer_rgba())
    height, width, _ = pixels.shape
    rows = np.zeros(
        (height, 1 + 4 * width), dtype=np.uint8
    )  # each row begins with its filter, 0 for none
    rows[:, 1:] = pixels.reshape(height, -1)
    head, data = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0), isal_zlib.compress(rows, 1)
    parts = {b"IHDR": head, b"IDAT": data, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
