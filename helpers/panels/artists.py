"""Artists that a panel can redraw in a fraction of the time that matplotlib's artists take."""

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.image import AxesImage
from matplotlib.text import Annotation, Text

MARGIN = 3  # pixels around the letters of a name
PAPER = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.9}  # behind a name


class Pixels(AxesImage):
    """An image with one opaque rectangle for each number; many times faster than resampling."""

    def draw(self, renderer):
        if not hasattr(renderer, "buffer_rgba"):  # of a PDF or an SVG
            super().draw(renderer)
            return
        self.stale = False
        if self.get_visible():
            # One number for the four bytes of a colour, here and on the canvas, where the first row
            # is the highest.
            colours = self.to_rgba(self.get_array(), bytes=True).view(np.uint32)[..., 0]
            canvas = np.asarray(renderer.buffer_rgba()).view(np.uint32)[::-1, :, 0]
            left, right, bottom, top = self.get_extent()
            ends = self.axes.transData.transform([(left, top), (right, bottom)])
            columns, x = _find_nearest(ends[:, 0], colours.shape[1], self.axes.bbox.intervalx)
            rows, y = _find_nearest(ends[:, 1], colours.shape[0], self.axes.bbox.intervaly)
            canvas[y : y + len(rows), x : x + len(columns)] = colours[:, columns][rows]


def _find_nearest(ends, count, limits):
    """Return which of ``count`` numbers between ``ends`` lies at each pixel within ``limits``, and
    the first such pixel.
    """
    low, high = np.rint([max(min(ends), limits[0]), min(max(ends), limits[1])]).astype(int)
    places = (np.arange(low, high) + 0.5 - ends[0]) / (ends[1] - ends[0])
    return np.clip((places * count).astype(int), 0, count - 1), low


class Name(Annotation):
    """A name that follows the end of a curve: drawn once, then moved as an image, in a tenth of the
    time.

    ``xy``: the end, in data; ``xyann``: the left middle of the name, in points from there.
    """

    def draw(self, renderer):
        self.stale = False
        if self.get_visible():
            dpi = self.figure.dpi
            if getattr(self, "_drawn_for", None) != dpi:
                self._image, self._drawn_for = self._draw_letters(dpi), dpi
            x, y = self.axes.transData.transform(self.xy) + np.multiply(self.xyann, dpi / 72)
            corner = round(x) - MARGIN, round(y - len(self._image) / 2)
            context = renderer.new_gc()
            renderer.draw_image(context, *corner, self._image[::-1])
            context.restore()

    def _draw_letters(self, dpi):
        box = self.get_window_extent(RendererAgg(1, 1, dpi))
        paper = RendererAgg(int(box.width) + 2 * MARGIN + 1, int(box.height) + 2 * MARGIN + 1, dpi)
        look = {"color": self.get_color(), "fontproperties": self.get_fontproperties()}
        text = Text(MARGIN, MARGIN, self.get_text(), va="bottom", bbox=PAPER, **look)
        text.set_figure(self.figure)
        text.draw(paper)
        return np.array(paper.buffer_rgba())
