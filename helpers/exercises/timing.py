"""A time limit for a job, in seconds of computing: a busy machine does not shorten it."""

import contextlib
import signal
import threading
import time
import traceback

from helpers.setup.language import translate

# A job that waits, or that a busy machine lets wait, may take this many times its limit.
PATIENCE = 12


class Stopped(BaseException):
    """Raised inside a solution to end it; no ``except Exception`` of the solution holds it up."""


def in_time(job, seconds):
    """Return job(). Raise TimeoutError when a Stopwatch says so, KeyboardInterrupt for the stop
    button.

    Both are signals. They end Python code and a sleep at once, but wait for the end of a call into
    C: from 10**10**9 only a restart of the kernel helps. On Windows and outside the main thread
    there are no such signals, and a job runs without a limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        return job()
    rung, result, watch = [], None, Stopwatch(seconds)

    def ring(number, frame):
        if number == signal.SIGALRM and not rung and watch.left() > 0:
            signal.setitimer(signal.ITIMER_REAL, max(watch.left(), 0.01), 0.1)
            return
        rung.append(number)
        if any(step.f_code is job.__code__ for step, _ in traceback.walk_stack(frame)):
            signal.setitimer(signal.ITIMER_REAL, _pause(len(rung)), 0.1)
            raise Stopped

    with contextlib.suppress(Stopped), _signals(ring, seconds):
        result = job()
    if signal.SIGINT in rung:
        raise KeyboardInterrupt
    if rung:
        raise TimeoutError(watch.verdict)
    return result


def _pause(rung):
    """Seconds until the next signal: time to tidy up, then, for a job that catches everything, 2 to
    100 microseconds, never twice the same, until one ends outside its try blocks.
    """
    return 0.1 if rung < 3 else 2e-6 * (1 + rung % 50)


class Stopwatch:
    """What counts is the computing time of this thread, so that a busy machine stops nobody; only
    after PATIENCE times ``seconds`` on the clock is a job stopped that waits.
    """

    def __init__(self, seconds):
        self.seconds, self.verdict = seconds, ""
        self.started = time.thread_time(), time.monotonic()

    def left(self):
        """Seconds until the job has to be stopped; 0 or less says so in ``verdict``."""
        computed, passed = time.thread_time() - self.started[0], time.monotonic() - self.started[1]
        if computed >= self.seconds:
            self.verdict = translate(
                "not finished after {seconds:g} seconds of computing, so it was stopped; look for "
                "a loop that never ends",
                seconds=self.seconds,
            )
        elif passed >= PATIENCE * self.seconds:
            self.verdict = translate(
                "not finished after {passed:.2g} seconds, so it was stopped; for only "
                "{computed:.2g} of them it was computing: either it waits (sleep, input), or the "
                "machine is busy, and you can run this cell again later",
                passed=passed,
                computed=computed,
            )
        return min(self.seconds - computed, PATIENCE * self.seconds - passed)


@contextlib.contextmanager
def _signals(handler, seconds):
    """Call ``handler`` after ``seconds`` and for the stop button; then put back what was there."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGALRM, signal.SIGINT)}
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in before:
            signal.signal(number, before[number])
        signal.setitimer(signal.ITIMER_REAL, *timer)
