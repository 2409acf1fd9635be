"""A film: a panel whose pictures come one after another, as a computation goes on."""

import threading
import time
import weakref
from functools import partial

import ipywidgets as widgets
from IPython.display import display

from helpers.panels.panel import Panel, label_of


class Film(Panel):
    """A panel whose pictures come one after another, as a computation goes on: start, pause, step,
    reset.

    The computation runs on a thread of its own, or with ``play`` in the cell that calls it. Pausing
    loses nothing, and what the generator has stored by then is kept. Moving a control goes back to
    the beginning. While a film runs on its thread, the page gives a sign of life each second; after
    ``patience`` seconds without one, because the notebook was closed or the kernel is busy with a
    cell, the film pauses.
    """

    patience = 5.0
    _latest = staticmethod(
        lambda: None
    )  # the film that was started last: one at a time has the machine

    def __init__(self, figure, update, controls):
        self._frames, self._thread, self._running = None, None, threading.Event()
        self._next_picture = self._last_heard = 0.0
        self._buttons = {
            name: widgets.Button(description=name, icon=icon, layout={"width": "6.5em"})
            for name, icon in {
                "start": "play",
                "pause": "pause",
                "step": "step-forward",
                "reset": "refresh",
            }.items()
        }
        self._bar = widgets.FloatProgress(
            min=0.0, max=1.0, description="done", layout={"width": "100%"}
        )
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
        """Go on from where the film stands, on a thread of its own; from the beginning, if it has
        ended.
        """
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
        """Throw the computation away and stand at its first picture again, with the controls as
        they are now.
        """
        self.pause()
        self._rewind()

    def play(self):
        """Show the panel, run it to its end in this cell, and store its last picture.

        The stop button of Jupyter ends it early; what was computed until then is kept. The panel's
        own buttons and controls rest meanwhile, since a busy kernel hears them only after the cell.
        Raises what the computation raised, so that a cell with a broken film does not pass for a
        good one.
        """
        self.pause()
        self._rest(
            True,
            "Running in this cell. Jupyter's stop button ends it early and keeps what was computed.",
        )
        display(self._live(), raw=True)
        interrupted = False
        try:
            if self._take_the_stage():
                self._run()
        except KeyboardInterrupt:
            interrupted, self._frames = True, None  # a generator that was interrupted is over
        self._rest(
            False, "Stopped early; what was computed until then is kept." if interrupted else ""
        )
        self._store()
        if self._failure:
            raise self._failure

    def _rest(self, resting, note):
        for part in (*self.controls.values(), *self._buttons.values()):
            part.disabled = resting
        self._note.value = f"<p>{note}</p>" if note else ""

    def describe(self):
        """One line of text: where the controls stand. It is what a saved notebook compares."""
        settings = ", ".join(
            f"{label_of(name, control)} = {control.value}"
            for name, control in self.controls.items()
        )
        return f"Live panel ({settings})."

    def _says(self):
        return "A live training, and the last picture of it."

    def _take_the_stage(self):
        """Get ready to run, and pause the film that ran before; return False if this one runs
        already.
        """
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

    def still(self, **_values):
        """A film has no one picture for the values of its controls. Raises TypeError."""
        raise TypeError("a film has stills(), not still()")

    def stills(self):
        """Return [(done, png, sentence)], some twenty moments from the first picture to the last,
        done from 0 to 1.

        Those that were kept while it ran; a film that has not run to its end is run, and goes back
        to its beginning.
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
