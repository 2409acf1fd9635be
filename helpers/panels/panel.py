"""A panel: a picture, a sentence that says in words what it shows, and its controls."""

import asyncio
import inspect
import os
import threading
from pathlib import Path

import anywidget
import ipywidgets as widgets
import traitlets
from IPython import get_ipython
from IPython.display import display
from matplotlib.artist import Artist

from helpers.panels import page
from helpers.panels.ahead import Ahead, Selection, find_place, forget_all, value_at
from helpers.panels.drawing import Drawing, encode
from helpers.setup.language import translate, with_decimal_sign

HERE = Path(__file__).parent
ALT = translate("The picture of this panel; the sentence with it says what it shows.")
WORDS = {  # of the page
    "exact": translate(", exact value"),
    "silent": translate(
        "The kernel does not answer. If it is busy, or the network is gone, wait. If the kernel is "
        "gone, run this cell again."
    ),
}
GO_ON = translate("Move a control to go on.")
INVITATION = translate("To move the controls, run this cell.")
ASKED = "are you there?"  # by a page that waits for a picture
RESULT = ["png", "sentence", "error", "places", "running"]
MAX_RATIO = 3.0  # device pixels per CSS pixel; more are not drawn
STILL_DPI = 200  # two pixels of a still for each CSS pixel of the page


class Screen(anywidget.AnyWidget):
    """Picture, sentence and error on the page, changed together in one message.

    png: the picture. alt: its alternative text. sentence, error: the texts below it.
    width, height: of the picture on the page, in CSS pixels. size: the scale of the whole panel.
    running: whether a film runs; the page then gives a sign of life each second.
    pixel_ratio: device pixels per CSS pixel, which the page reports; 0 until then.
    controls: of the panel. places: where they are in the picture, see ``Ahead.here``.
    stand_in: the text below the picture that a saved notebook keeps; both are hidden on the page.
    words: what the page itself says.
    """

    _esm = page.code(*(HERE / f"{part}.js" for part in ("numbers", "answers", "panel")))
    _css = HERE / "panel.css"
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    width = traitlets.Float().tag(sync=True)
    height = traitlets.Float().tag(sync=True)
    size = traitlets.Float(1.0).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    pixel_ratio = traitlets.Float(0.0).tag(sync=True)
    controls = traitlets.List().tag(sync=True, **widgets.widget_serialization)
    places = traitlets.Unicode().tag(sync=True)
    stand_in = traitlets.Unicode().tag(sync=True)
    words = traitlets.Dict(WORDS).tag(sync=True)


class Panel(widgets.VBox):
    """Controls, a figure that follows them, and a sentence about the picture; see ``explore``.

    ``controls``, {name: ipywidgets widget}, and ``sentence``, about the current picture, are
    attributes. Nothing else may draw the figure. An error in ``update`` is shown in the panel, and
    the next move of a control goes on. Any thread may move a control.
    """

    _title = translate("Interactive panel")
    _stored = ""  # the text under the picture in a saved notebook; the sentence if there is none

    def __init__(self, figure, update, controls, ahead=True):
        self.controls, self.sentence = controls, ""
        self._update, self._drawing = update, Drawing(figure)
        self._failure, self._due = None, False
        self._lock = threading.RLock()  # callbacks may come on another thread while a cell runs
        size = _read_size()
        width, height = 100 * size * figure.get_size_inches()
        parts = list(controls.values())
        self._screen = Screen(width=width, height=height, size=size, alt=ALT, controls=parts)
        self._ahead = Ahead(controls, self._draw_at, self._screen, self._lock, on=ahead)
        super().__init__([*self._lay_out(), self._screen, page.lacking()])
        for control in controls.values():  # two choices may have one value
            control.observe(self._move, "index" if isinstance(control, Selection) else "value")
        self._screen.observe(self._sharpen, names="pixel_ratio")
        self._screen.on_msg(self._answer)
        self._moved()

    def values(self):
        """Return the current value of each control, by name."""
        places = {name: find_place(control) for name, control in self.controls.items()}
        return {
            name: control.value if places[name] is None else value_at(control, places[name])
            for name, control in self.controls.items()
        }

    def still(self, **values):
        """Return (png, sentence) at these values of controls, twice as fine as on the page.

        The panel itself does not change. Raises what ``update`` raises.
        """
        with self._lock:
            return self._draw_at(self.values() | values, self._draw_finely)

    def describe(self):
        """Return the values of the controls as one line, which tests of saved notebooks compare."""
        values = [f"{label(name, at)} = {read_out(at)}" for name, at in self.controls.items()]
        return in_words(f"{self._title} ({', '.join(values)}).")

    def _lay_out(self):
        """Return the rows above the picture."""
        return [widgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})]

    def _move(self, change):
        """Follow a control. A page is answered first, so that it sends the next move meanwhile."""
        self._ahead.stop()
        loop = _find_loop()
        if loop is None:
            self._moved()
        elif not self._due:
            self._due = True
            loop.call_soon(self._catch_up, change.owner, loop)

    def _catch_up(self, control, loop):
        self._due = False
        self._moved()
        if not self._failure:
            self._ahead.rest(control, loop)

    def _moved(self):
        self._guarded(lambda: self._show(self._update(**self.values())))

    def _answer(self, screen, message, _buffers):
        if message == ASKED:
            screen.send("here")
            self._tell_again()
        self._ahead.hear(message, None if self._failure else _find_loop())

    def _tell_again(self):
        """Send what the page may have missed while the line was cut."""
        self._screen.send_state(RESULT)

    def _sharpen(self, change):
        """Draw as many pixels as the screen has, now that the page has told their number."""
        self._ahead.forget()
        with self._lock:
            self._drawing.set_dpi(100 * self._screen.size * min(max(change.new, 1.0), MAX_RATIO))
            if self._ahead.on:  # names of curves follow the layout, which the first drawing settled
                self._moved()
            if self._failure or not self._ahead.on:
                self._screen.png = self._drawing.draw()

    def _guarded(self, action):
        """Return the result of an action; show an error in the panel, since a page would not."""
        forget_all(but=self._ahead)
        with self._lock, self._screen.hold_sync():  # one message tells the page all
            try:
                result = action()
            except (Exception, SystemExit) as error:  # which would end the kernel
                self._failure = error
                self._ahead.forget()
                self._screen.places = self._ahead.here()
                self._screen.error = f"{type(error).__name__}: {error} {GO_ON}"
                return None
            self._screen.error, self._failure = "", None
            return result

    def _show(self, sentence):
        self.sentence = in_words(sentence)
        picture = self._drawing.draw()
        self._ahead.compare((picture, self.sentence))
        self._screen.places, self._screen.sentence = self._ahead.here(), self.sentence
        self._screen.png = picture

    def _draw_at(self, values, draw=None):
        """Return (png, sentence) at these values of controls; the panel stays as it is."""
        try:
            sentence = self._update(**values)
            return (draw or self._drawing.draw)(), in_words(sentence)
        finally:
            self._update(**self.values())

    def _draw_finely(self):
        self._drawing.draw()  # settles the layout, and notices what has changed
        canvas = self._drawing.canvas
        figure = canvas.figure
        figure.dpi, before = STILL_DPI, figure.dpi
        try:
            canvas.draw()
            return encode(canvas)
        finally:
            figure.dpi = before

    def _ipython_display_(self):
        self._display_live()
        self._store()

    def _display_live(self):
        display(page.view(self, self.describe()), raw=True)

    def _store(self):
        """Display picture and sentence, for GitHub, exported pages and notebooks opened again."""
        text = self._stored or self.sentence
        if self._failure and not self._stored:
            text = f"{type(self._failure).__name__}: {self._failure}"
        note = f"{text} {INVITATION}".strip()
        self._screen.stand_in = note
        page.store(self._screen.png, self.sentence or ALT, note)


def in_words(sentence):
    """Return what ``update`` says as the reader sees it.

    Raises ValueError for a generator, and for a figure, which would not be shown.
    """
    kinds = inspect.isgenerator, inspect.isawaitable, inspect.isasyncgen
    if any(is_kind(sentence) for is_kind in kinds):
        mend = "of a film, it must be the generator function itself"
    elif isinstance(sentence, Artist):
        mend = "the panel shows the figure that explore was given, so change that one"
    else:
        return with_decimal_sign("" if sentence is None else str(sentence))
    raise ValueError(
        f"update returns a {type(sentence).__name__}, but must return a sentence; {mend}"
    )


def label(name, control):
    """Return the name of a control that the reader sees."""
    return getattr(control, "description", "") or name


def read_out(control):
    """Return the value of a control as the reader sees it: of a choice, its name."""
    if not isinstance(control, Selection) or control.index is None:
        return control.value
    return control._options_labels[control.index]  # SelectionSlider(value=0) has an empty label


def _find_loop():
    """Return the event loop of the kernel if a page moved the control; None otherwise."""
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or kernel.get_parent().get("msg_type") != "comm_msg":
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # another thread, that has none
        return None


def _read_size():
    """Return the scale of panels, from EXPLORE_SIZE; 1 by default."""
    text = os.environ.get("EXPLORE_SIZE", "1")
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise ValueError(f"EXPLORE_SIZE is {text!r}, but it must be a number above 0, such as 1.5")
    return size
