"""Controls and a figure make one interactive panel: fast, safe on any thread, honest about errors.

A panel shows a picture, a sentence that says in words what the picture shows, and the controls. Saved notebooks keep
picture and sentence. The figure is drawn off screen, only what a move changed is drawn again, and picture and sentence
go to the page in one message. What only the page can do stands in ``explore.js``. For a projector, set the environment
variable EXPLORE_SIZE (1.5: one and a half times as large) before the panels are made.
"""

import asyncio
import base64
import html
import inspect
import os
import struct
import threading
import time
import weakref
import zlib
from functools import partial
from pathlib import Path

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from IPython import get_ipython
from IPython.display import display
from isal import isal_zlib
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.spines import Spine
from matplotlib.text import Text

ALT = "The picture of this panel; the sentence with it says what it shows."


def explore(figure, update, labels=None, **controls):
    """Return a panel that calls ``update(name=value, ...)`` at every move of a control and redraws ``figure``.

    ``update`` changes artists of ``figure`` (an own matplotlib Figure, not pyplot's) and returns a sentence about the
    picture. Controls start at the default values of its arguments. A control is an ipywidgets widget, or short for one:
    (low, high) or (low, high, step) is a slider, a list the choices of a drop-down, a bool a checkbox. ``labels`` gives
    a control the name (and unit) that the reader sees; without it that is the name of the argument.
    A generator as ``update`` makes a Film: each ``yield (done, sentence)``, done between 0 and 1, is one more picture.
    Raises ValueError if a control is not an argument of ``update``, or has no value to start from, and if EXPLORE_SIZE
    is not a number above 0.
    """
    unknown = set(labels or {}) - set(controls)
    if unknown:
        raise ValueError(f"labels for {sorted(unknown)}, but the controls are {sorted(controls)}")
    kind = Film if inspect.isgeneratorfunction(update) else Panel
    return kind(figure, update, {name: _control(update, name, short, labels or {}) for name, short in controls.items()})


class Screen(anywidget.AnyWidget):
    """The part of a panel that shows something: picture, sentence and error, changed together in one message."""

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
    pixel_ratio = traitlets.Float(0.0).tag(sync=True)  # device pixels per CSS pixel, once the page says it


class Panel(widgets.VBox):
    """The panel of ``explore``: ``controls`` by name, and ``sentence``, what is said about the current picture."""

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
        """Follow a control. A page gets its answer before its picture: it sends the next move while that is drawn."""
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
        """Do ``action``; if it raises, say so in the panel, since a page shows nothing of an error in a callback."""
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
        png = self._drawing.png()
        with self._screen.hold_sync():
            self._screen.set_trait("sentence", self.sentence)
            self._screen.set_trait("png", png)
            self._screen.set_trait("error", "")

    def describe(self):
        """One line of text: where the controls stand. It is what a saved notebook compares."""
        settings = ", ".join(f"{_name(name, control)} = {control.value}" for name, control in self.controls.items())
        return f"Interactive panel ({settings})."

    def _says(self):
        return f"{type(self._failure).__name__}: {self._failure}" if self._failure else self.sentence

    def _ipython_display_(self):
        """Show the live panel; after it stand, for where no kernel runs, its picture and its sentence."""
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
        """Return (png, sentence) at these values of controls, twice as fine as the panel, which stays as it is."""
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
            return _png(canvas)
        finally:
            figure.dpi = before


class Film(Panel):
    """A panel whose pictures come one after another, as a computation goes on: start, pause, step, reset.

    The computation runs on a thread of its own, or with ``play`` in the cell that calls it. Pausing loses nothing, and
    what the generator has stored by then is kept. Moving a control goes back to the beginning. While a film runs on its
    thread, the page gives a sign of life each second; after ``patience`` seconds without one, because the notebook was
    closed or the kernel is busy with a cell, the film pauses.
    """

    patience = 5.0
    _latest = staticmethod(lambda: None)  # the film that was started last: one at a time has the machine

    def __init__(self, figure, update, controls):
        self._frames, self._thread, self._running = None, None, threading.Event()
        self._next_picture = self._last_heard = 0.0
        self._buttons = {
            name: widgets.Button(description=name, icon=icon, layout={"width": "6.5em"})
            for name, icon in {"start": "play", "pause": "pause", "step": "step-forward", "reset": "refresh"}.items()
        }
        self._bar = widgets.FloatProgress(min=0.0, max=1.0, description="done", layout={"width": "100%"})
        self._note = widgets.HTML()
        super().__init__(figure, update, controls)
        for name, button in self._buttons.items():
            button.on_click(partial(self._pressed, name))

    def _pressed(self, name, _button):
        getattr(self, name)()

    def _rows(self):
        return [*super()._rows(), widgets.HBox(list(self._buttons.values())), self._bar, self._note]

    def _heard(self, screen, message, buffers):
        self._last_heard = time.monotonic()
        super()._heard(screen, message, buffers)

    def _moved(self):
        self.reset()

    def start(self):
        """Go on from where the film stands, on a thread of its own; from the beginning, if it has ended."""
        if not self._take_the_stage():
            return
        self._last_heard = time.monotonic()
        self._note.value = ""
        self._thread = threading.Thread(target=self._run, args=(self._is_watched,), daemon=True)
        self._thread.start()

    def _is_watched(self):
        watched = time.monotonic() < self._last_heard + self.patience
        if not watched:
            self._note.value = "<p>Paused: the page was closed, or the kernel had other work. Press start to go on.</p>"
        return watched

    def pause(self):
        """Stop after the current picture; ``start`` or ``play`` goes on from there."""
        self._running.clear()
        thread, self._thread = self._thread, None
        if thread not in (None, threading.current_thread()):
            thread.join()

    def step(self):
        """Show one more picture."""
        self.pause()
        self._advance(at_once=True)

    def reset(self):
        """Throw the computation away and stand at its first picture again, with the controls as they are now."""
        self.pause()
        self._rewind()

    def play(self):
        """Show the panel, run it to its end in this cell, and store its last picture.

        The stop button of Jupyter ends it early; what was computed until then is kept. The panel's own buttons and
        controls rest meanwhile, since a busy kernel hears them only after the cell.
        Raises what the computation raised, so that a cell with a broken film does not pass for a good one.
        """
        self.pause()
        self._rest(True, "Running in this cell. Jupyter's stop button ends it early and keeps what was computed.")
        display(self._live(), raw=True)
        interrupted = False
        try:
            if self._take_the_stage():
                self._run()
        except KeyboardInterrupt:
            interrupted, self._frames = True, None  # a generator that was interrupted is over
        self._rest(False, "Stopped early; what was computed until then is kept." if interrupted else "")
        self._store()
        if self._failure:
            raise self._failure

    def _rest(self, resting, note):
        for part in (*self.controls.values(), *self._buttons.values()):
            part.disabled = resting
        self._note.value = f"<p>{note}</p>" if note else ""

    def describe(self):
        """One line of text: where the controls stand, in the words that fit a live panel."""
        settings = ", ".join(f"{_name(name, control)} = {control.value}" for name, control in self.controls.items())
        return f"Live panel ({settings})."

    def _says(self):
        return "A live training, and the last picture of it."

    def _take_the_stage(self):
        """Get ready to run, and pause the film that ran before; return False if this one runs already."""
        other = Film._latest()
        if other not in (None, self):
            other.pause()
        with self._lock:
            if self._running.is_set():
                return False
            if self._frames is None:
                self._rewind()
            self._running.set()
            Film._latest = weakref.ref(self)
            return True

    def _rewind(self):
        with self._lock:
            self._close()
            self._kept, self._frames = {}, self._update(**self.values())
            self._advance(at_once=True)

    def _run(self, is_watched=lambda: True):
        self._screen.running = True
        try:
            going = True
            while going:
                with self._lock:
                    going = self._running.is_set() and is_watched() and self._advance()
        finally:
            self._running.clear()
            self._screen.running = False
            if self._frames is not None:  # paused: the last frames may not have been drawn
                self._guarded(lambda: self._show(self.sentence))

    def _advance(self, at_once=False):
        """Ask for the next picture; return False at the end of the film or after an error."""
        with self._lock:
            if self._frames is None:
                return False
            going = self._guarded(lambda: self._draw_next(at_once)) is True
            if self._failure:
                self._frames = None  # a generator that raised is over
            return going

    def _draw_next(self, at_once=False):
        frame = next(self._frames, None)
        if frame is None:
            self._close()
            self._show(self.sentence)
            return False
        self._bar.value, self.sentence = frame
        self._keep()
        now = time.monotonic()
        if at_once or now >= self._next_picture:
            self._show(self.sentence)
            # Drawing takes time from the computation: leave it a tenth at most.
            self._next_picture = time.monotonic() + 9 * (time.monotonic() - now)
        return True

    def _close(self):
        if self._frames is not None:
            self._frames.close()
        self._frames = None

    recording = False  # set on the class, before a film runs: keep stills of it

    def stills(self):
        """Return [(done, png, sentence)], some twenty moments from the first picture to the last, done from 0 to 1.

        Those that were kept while it ran; a film that has not run to its end is run, and goes back to its beginning.
        """
        kept = self._kept if 20 in self._kept else self._recorded()
        return [(at / 20, *still) for at, still in sorted(kept.items())]

    def _recorded(self):
        Film.recording, before = True, Film.recording
        try:
            self.reset()
            self._take_the_stage()
            self._run()
            if self._failure:
                raise self._failure
            return self._kept
        finally:
            Film.recording = before
            self.reset()

    def _keep(self):
        at = int(20 * self._bar.value + 1e-9)
        if Film.recording and (at not in self._kept or at == 20):
            self._kept[at] = self._fine_png(), self.sentence


class Drawing:
    """A figure that is drawn again and again: what stays the same is drawn once and kept as a background.

    In each axes, everything above the lowest artist that ever changed is drawn afresh over the background, so that
    what covers what stays as in a full drawing. Texts beside the axes (titles) cover nothing and are left alone. A
    change of anything else (limits, ticks, titles of the figure, artists that come or go) draws all of it again. Axes
    must not overlap.
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
        arranged = [(axes.get_position().bounds, axes.get_visible(), axes.axison) for axes in self.canvas.figure.axes]
        arranged += map(id, watched)
        if self._background is None or arranged != self._arranged or not changed <= self._moving:
            # The first drawing shows nothing of what will move; from the second on, it is known.
            first, self._background = self._background is None, None
            if not first:
                self._moving |= {artist for artist in changed if not isinstance(artist, Axis | Spine)}
            self._moving &= set(watched)
            self._draw_background()
            self._arranged = arranged
        self.canvas.restore_region(self._background)
        for artist in self._foreground():
            artist.draw(self.canvas.get_renderer())
        for artist in watched:
            artist.stale = False
        return _png(self.canvas)

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
        self.canvas.figure.set_layout_engine("none")  # nothing shall move aside while a slider is dragged
        self._beside = {text for text in foreground if text not in self._moving and _is_beside(text)}
        for text in self._beside:
            text.draw(self.canvas.get_renderer())
        self._background = self.canvas.copy_from_bbox(self.canvas.figure.bbox)

    def _foreground(self):
        """What is drawn over the background, axes by axes, lowest first."""
        above = []
        for axes in self.canvas.figure.axes:
            moving = [artist.get_zorder() for artist in axes.get_children() if artist in self._moving]
            if moving and axes.get_visible():
                high = [a for a in axes.get_children() if a.get_zorder() >= min(moving) and _is_drawn(a, axes)]
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


def _png(canvas):
    """The canvas as a PNG without filters: half the time of a general encoder, and no larger for drawings."""
    pixels = np.asarray(canvas.buffer_rgba())
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 4 * width), dtype=np.uint8)  # each row begins with its filter, 0 for none
    rows[:, 1:] = pixels.reshape(height, -1)
    head, data = struct.pack(">2I5B", width, height, 8, 6, 0, 0, 0), isal_zlib.compress(rows, 1)
    parts = {b"IHDR": head, b"IDAT": data, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _answering():
    """The event loop of a kernel that is about to answer a page; None if it was not a page that moved a control."""
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


def _control(update, name, short, labels):
    """Turn the short form of a control into a widget that starts at the default value of its argument."""
    parameters = inspect.signature(update).parameters
    if name not in parameters:
        raise ValueError(f"update has no argument {name!r}; its arguments are {', '.join(parameters)}")
    if isinstance(short, widgets.Widget):
        return short
    value = parameters[name].default
    if value is inspect.Parameter.empty:
        raise ValueError(f"update needs a default value for {name!r}: that is where the control starts")
    label = labels.get(name, name.replace("_", " "))
    look = {"description": label, "tooltip": label, "value": value, "style": {"description_width": "initial"}}
    if isinstance(short, bool):
        return widgets.Checkbox(**look, indent=False)
    if isinstance(short, list):
        return _choice(name, short, look)
    return _slider(name, short, look)


def _choice(name, choices, look):
    values = [choice[1] if isinstance(choice, tuple) else choice for choice in choices]
    if look["value"] not in values:
        raise ValueError(f"{name!r} starts at {look['value']!r}, which is not among its choices {values}")
    return widgets.Dropdown(options=choices, **look)


def _slider(name, short, look):
    if not isinstance(short, tuple) or len(short) not in (2, 3) or not short[0] <= look["value"] <= short[1]:
        raise ValueError(
            f"{name!r} starts at {look['value']!r}: give it (low, high) or (low, high, step) around that, not {short!r}"
        )
    low, high, *step = short
    whole = all(isinstance(number, int) for number in (*short, look["value"]))
    slider = widgets.IntSlider if whole else widgets.FloatSlider
    # The track keeps its length beside a long name.
    look["layout"] = {"width": f"{19 + 0.55 * len(look['description']):.0f}em", "max_width": "100%"}
    return slider(min=low, max=high, step=step[0] if step else (1 if whole else (high - low) / 100), **look)


def _name(name, control):
    return getattr(control, "description", "") or name
