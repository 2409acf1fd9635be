"""A film: a panel whose pictures come one after another, as a computation goes on."""

import ipywidgets as widgets

from helpers.panels.panel import Panel, in_words
from helpers.panels.reel import Reel
from helpers.setup.language import translate

BUTTONS = {  # what they are called, and their icons
    "start": (translate("start"), "play"),
    "pause": (translate("pause"), "pause"),
    "step": (translate("step"), "step-forward"),
    "reset": (translate("reset"), "refresh"),
}
RUNNING = translate(
    "Running in this cell. Jupyter's stop button ends it early and keeps what was computed."
)
ALIVE = "alive"  # says a page that shows a film, each second and when it pauses
STOPPED = translate("Stopped early; what was computed until then is kept.")
UNWATCHED = translate(
    "Paused: the page was closed, or the kernel had other work. Press start to go on."
)


class Film(Panel):
    """A panel whose pictures come one after another: with start, pause, step and reset.

    ``update`` is a generator function of the controls; each ``yield (done, sentence)``, done from
    0 to 1, is one more picture. It runs on a separate thread, or, with ``play``, in the cell that
    calls it. Pausing loses nothing, and moving a control goes back to the beginning. Only one film
    runs at a time. On its thread it pauses when the page gives no sign of life for five seconds,
    because the notebook was closed, the line is cut or the kernel is busy with a cell; when the
    page is back, it goes on.
    """

    keeps_stills = False  # of itself while it runs; set on the class before films run
    _title = translate("Live panel")
    _stored = translate("A live training, and the last picture of it.")

    def __init__(self, figure, update, controls, _ahead=False):
        self._reel = Reel(
            frames=lambda: self._update(**self.values()),
            follow=self._follow,
            show=lambda: self._show(self.sentence),
            keep=lambda: (self._draw_finely(), self.sentence) if self.keeps_stills else None,
            guard=self._guarded,
            report=self._report,
        )
        self._buttons = {
            name: widgets.Button(description=text, icon=icon, layout={"width": "6.5em"})
            for name, (text, icon) in BUTTONS.items()
        }
        done = {"description": translate("done"), "layout": {"width": "100%"}}
        self._bar = widgets.FloatProgress(max=1.0, **done)
        self._note = widgets.HTML()
        super().__init__(figure, update, controls, ahead=False)
        for name, button in self._buttons.items():
            button.on_click(lambda _button, name=name: getattr(self, name)())

    def start(self):
        """Continue on a separate thread; from the beginning if the film has ended."""
        if not self._reel.running:
            self._say("")
        self._reel.start()

    def pause(self):
        """Stop after the current picture; ``start`` or ``play`` goes on from there."""
        self._reel.pause()

    def step(self):
        """Show one more picture."""
        self._reel.step()

    def reset(self):
        """Throw the computation away, and show the first picture for the controls as they are."""
        self._reel.reset()

    def play(self):
        """Show the panel, run it to its end in this cell, and store its last picture.

        Jupyter's stop button ends it early; what was computed until then is kept. Buttons and
        controls are disabled meanwhile, since a busy kernel hears them only after the cell. Raises
        what the computation raised, so that a cell with a broken film does not pass for a good one.
        """
        self.pause()
        self._disable(True, RUNNING)
        self._display_live()
        note = ""
        try:
            self._reel.play()
        except KeyboardInterrupt:
            note = STOPPED
        self._disable(False, note)
        self._store()
        if self._failure:
            raise self._failure

    def still(self, **_values):
        """Raise TypeError: the values of its controls do not fix one picture of a film."""
        raise TypeError("a film has stills(), not still()")

    def stills(self):
        """Return [(done, png, sentence)] for some twenty moments, from the first to the last.

        They were kept while the film ran, if ``keeps_stills`` was set; otherwise it runs now, and
        goes back to its beginning. Raises what the computation raises.
        """
        kept = self._reel.stills if 1.0 in self._reel.stills else self._run_for_stills()
        return [(done, *still) for done, still in sorted(kept.items())]

    def _run_for_stills(self):
        self.keeps_stills = True  # of this film alone
        try:
            self.reset()
            self._reel.play()
            if self._failure:
                raise self._failure
            return self._reel.stills
        finally:
            del self.keeps_stills
            self.reset()

    def _follow(self, done, sentence):
        self._bar.value, self.sentence = done, in_words(sentence)

    def _report(self, state):
        self._screen.running = state == "running"
        if state == "unwatched":
            self._say(UNWATCHED)

    def _disable(self, disabled, note):
        for part in (*self.controls.values(), *self._buttons.values()):
            part.disabled = disabled
        self._say(note)

    def _say(self, note):
        self._note.value = f"<p>{note}</p>" if note else ""

    def _lay_out(self):
        buttons = widgets.HBox(list(self._buttons.values()))
        return [*super()._lay_out(), buttons, self._bar, self._note]

    def _answer(self, screen, message, buffers):
        self._reel.hear()
        if message == ALIVE and self._reel.unwatched:
            self.start()
        super()._answer(screen, message, buffers)

    def _tell_again(self):
        super()._tell_again()
        for part in (self._bar, self._note, *self._buttons.values()):
            part.send_state()
        for control in self.controls.values():
            control.send_state("disabled")

    def _moved(self):
        self.reset()
