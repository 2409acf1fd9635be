"""A reel runs a film: its generator, its thread, its clock, and the stills that it keeps.

It knows no widgets: everything that a reader sees goes through the callbacks of ``Reel``.
"""

import threading
import time
import weakref
from math import inf
from numbers import Real

STILLS = 20  # parts of a film; one still is kept of each, and one of its end
END = object()  # no frame
SHARE = 9  # the computation gets nine times as long as the drawing of the picture before


class Reel:
    """Run a generator of frames (done, sentence), done from 0 to 1; one reel at a time.

    Pausing loses nothing. All callbacks are called on the thread that runs the reel.

    frames: a function that returns the generator, at its beginning.
    follow: is given done and sentence of every frame.
    show: draws the frame that was followed last.
    keep: returns a still of that frame, or None if no stills are wanted.
    guard: calls a function and returns its result; None if it raised, which ends the film.
    report: is told "running", "paused" and "unwatched".
    now: the clock, in seconds.
    """

    patience = 5.0  # seconds without a sign of life, see ``hear``, after which a thread pauses
    _latest = staticmethod(lambda: None)  # the reel that was started last, while it exists

    @staticmethod
    def any_runs():
        """Return whether a reel runs."""
        return getattr(Reel._latest(), "running", False)

    def __init__(self, frames, follow, show, keep, guard, report, *, now=time.monotonic):
        self._make_frames, self._follow, self._show, self._keep = frames, follow, show, keep
        self._guard, self._report, self._now = guard, report, now
        self.unwatched = False  # paused because nobody gave a sign of life
        self.stills = {}  # {done: still}; with one at 1.0 the film has run to its end
        self._frames = self._thread = None
        self.running = False  # whether frames are being computed, on whichever thread
        self._next_picture = self._last_heard = -inf
        self._lock = threading.RLock()

    def hear(self):
        """Note a sign of life: somebody is watching."""
        self._last_heard = self._now()

    def start(self):
        """Continue on a separate thread; from the beginning if the film has ended."""
        if self._take_turn():
            self.hear()
            self._thread = threading.Thread(target=self._run, args=(self.patience,), daemon=True)
            self._thread.start()

    def play(self):
        """Continue to the end on this thread. An interrupt ends the film, and is raised again."""
        try:
            if self._take_turn():
                self._run()
        except KeyboardInterrupt:
            self._frames = None  # a generator that was interrupted is over
            raise

    def pause(self):
        """Stop after the current frame; return when no thread of this reel runs any more."""
        self.running = False
        thread, self._thread = self._thread, None
        if thread not in (None, threading.current_thread()):
            thread.join()
        self.unwatched = False

    def step(self):
        """Pause, and show one more frame."""
        self.pause()
        self._advance(at_once=True)

    def reset(self):
        """Throw the computation away, and show the first frame of a new one."""
        self.pause()
        self._rewind()

    def _take_turn(self):
        """Pause the reel that ran before, and get ready; return False if this one runs already."""
        other = Reel._latest()
        if other not in (None, self):
            other.pause()
        with self._lock:
            if self.running:
                return False
            if self._frames is None:
                self._rewind()
            self.unwatched = False
            self.running = True
            Reel._latest = weakref.ref(self)
            return True

    def _run(self, patience=inf):
        self._report("running")
        try:
            while self._go_on(patience):
                pass
        finally:
            self.running = False
            self._report("paused")
            if self._frames is not None:  # the frames before a pause may not have been drawn
                self._guard(self._show)

    def _go_on(self, patience):
        with self._lock:
            if not self.running:
                return False
            if self._now() >= self._last_heard + patience:
                self.unwatched = True
                self._report("unwatched")
                return False
            return self._advance()

    def _rewind(self):
        with self._lock:
            old, self._frames = self._frames, None
            if old is not None:
                self._guard(old.close)
            self.stills, self._frames = {}, self._make_frames()
            self._advance(at_once=True)

    def _advance(self, at_once=False):
        """Take the next frame; return False at the end of the film and after an error."""
        with self._lock:
            if self._frames is None:
                return False
            going = bool(self._guard(lambda: self._take_frame(at_once)))
            if not going:
                self._frames = None  # at its end, or since it raised
            return going

    def _take_frame(self, at_once):
        frame = next(self._frames, END)
        if frame is END:
            self._show()
            self._keep_still(1.0)
            return False
        is_frame = isinstance(frame, tuple) and len(frame) == 2 and isinstance(frame[0], Real)
        if not (is_frame and 0 <= frame[0] <= 1 + 1e-9):  # a sum of steps may miss 1
            raise ValueError(
                f"update yields {frame!r}, but a film yields (done, sentence), done from 0 to 1"
            )
        self._follow(*frame)
        self._keep_still(frame[0])
        began = self._now()
        if at_once or began >= self._next_picture:
            self._show()
            ended = self._now()
            self._next_picture = ended + SHARE * (ended - began)
        return True

    def _keep_still(self, done):
        part = int(STILLS * done + 1e-9) / STILLS
        if part not in self.stills or part == 1.0:  # the end is the last of its frames
            still = self._keep()
            if still is not None:
                self.stills[part] = still
