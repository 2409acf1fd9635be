"""A panel: a picture, a sentence that says in words what it shows, and the controls that move it."""

import asyncio
import base64
import html
import os
import threading
from pathlib import Path

import anywidget
import ipywidgets as widgets
import traitlets
from IPython import get_ipython
from IPython.display import display

from helpers.panels.drawing import Drawing, png

ALT = "The picture of this panel; the sentence with it says what it shows."


class Screen(anywidget.AnyWidget):
    """The part of a panel that shows something: picture, sentence and error, changed together in
    one message.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    width = traitlets.Float().tag(sync=True)  # of the picture on the page, in CSS pixels
    height = traitlets.Float().tag(sync=True)
    size = traitlets.Float(1.0).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    pixel_ratio = traitlets.Float(0.0).tag(
        sync=True
    )  # device pixels per CSS pixel, once the page says it


class Panel(widgets.VBox):
    """The panel of ``explore``: ``controls`` by name, and ``sentence``, what is said about the
    current picture.
    """

    def __init__(self, figure, update, controls):
        self.controls, self.sentence = controls, ""
        self._update, self._drawing = update, Drawing(figure)
        self._failure, self._due = None, False
        self._lock = threading.RLock()  # callbacks may come on another thread while a cell runs
        size = _size()
        width, height = 100 * size * figure.get_size_inches()
        self._screen = Screen(width=width, height=height, size=size, alt=ALT)
        super().__init__([*self._rows(), self._screen])
        for control in controls.values():
            control.observe(self._move, names="value")
        self._screen.observe(self._sharpen, names="pixel_ratio")
        self._screen.on_msg(self._heard)
        self._moved()

    def _rows(self):
        return [widgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})]

    def values(self):
        """The current value of each control, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def _move(self, _change):
        """Follow a control. A page gets its answer before its picture: it sends the next move while
        that is drawn.
        """
        loop = _answering()
        if loop is None:
            self._moved()
        elif not self._due:
            self._due = True
            loop.call_soon(self._catch_up)

    def _catch_up(self):
        self._due = False
        self._moved()

    def _moved(self):
        self._guarded(lambda: self._show(self._update(**self.values())))

    def _heard(self, screen, _message, _buffers):
        screen.send("here")  # the page asks whether there is a kernel

    def _sharpen(self, change):
        """Draw as many pixels as the screen has: the page tells how many there are."""
        with self._lock:
            self._drawing.set_dpi(100 * self._screen.size * min(max(change.new, 1.0), 3.0))
            self._screen.png = self._drawing.png()

    def _guarded(self, action):
        """Do ``action``; if it raises, say so in the panel, since a page shows nothing of an error
        in a callback.
        """
        with self._lock:
            try:
                result = action()
            except Exception as error:
                self._failure = error
                self._screen.error = f"{type(error).__name__}: {error} Move a control to go on."
                return None
            self._screen.error, self._failure = "", None
            return result

    def _show(self, sentence):
        self.sentence = str(sentence or "")
        picture = self._drawing.png()
        with self._screen.hold_sync():
            self._screen.set_trait("sentence", self.sentence)
            self._screen.set_trait("png", picture)
            self._screen.set_trait("error", "")

    def describe(self):
        """One line of text: where the controls stand. It is what a saved notebook compares."""
        settings = ", ".join(
            f"{label_of(name, control)} = {control.value}"
            for name, control in self.controls.items()
        )
        return f"Interactive panel ({settings})."

    def _says(self):
        return (
            f"{type(self._failure).__name__}: {self._failure}" if self._failure else self.sentence
        )

    def _ipython_display_(self):
        """Show the live panel; after it stand, for where no kernel runs, its picture and its
        sentence.
        """
        display(self._live(), raw=True)
        self._store()

    def _live(self):
        return self._repr_mimebundle_() | {"text/plain": self.describe()}

    def _store(self):
        """Store what GitHub, an exported page, and a notebook that was opened again can show."""
        picture = base64.b64encode(self._screen.png).decode("ascii")
        alt = {"image/png": {"alt": self.sentence or ALT}}
        display({"image/png": picture, "text/plain": ALT}, metadata=alt, raw=True)
        note = f"{self._says()} To move the controls, run this cell.".strip()
        display({"text/html": f"<p>{html.escape(note)}</p>", "text/plain": note}, raw=True)

    def still(self, **values):
        """Return (png, sentence) at these values of controls, twice as fine as the panel, which
        stays as it is.
        """
        with self._lock:
            try:
                sentence = self._update(**self.values() | values)
                return self._fine_png(), str(sentence or "")
            finally:
                self._moved()

    def _fine_png(self):
        self._drawing.png()  # settles the layout, and notices what has changed
        canvas = self._drawing.canvas
        figure = canvas.figure
        figure.dpi, before = 200, figure.dpi  # two pixels for each one of the page
        try:
            canvas.draw()
            return png(canvas)
        finally:
            figure.dpi = before


def _answering():
    """The event loop of a kernel that is about to answer a page; None if it was not a page that
    moved a control.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or kernel.get_parent().get("msg_type") != "comm_msg":
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # another thread, that has none
        return None


def _size():
    """How large panels shall be, 1 if nobody says."""
    text = os.environ.get("EXPLORE_SIZE", "1")
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise ValueError(f"EXPLORE_SIZE is {text!r}, but it must be a number above 0, such as 1.5")
    return size


def label_of(name, control):
    return getattr(control, "description", "") or name
