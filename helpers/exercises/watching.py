"""Run a solution on the inputs of a case, with a time limit, and keep what it did: an Outcome."""

import contextlib
import copy
import dis
import io
import re
import signal
import threading
import traceback
from types import EllipsisType
from typing import NamedTuple

import numpy as np

from helpers.exercises.saying import (
    code_of,
    detached,
    error_in_words,
    first_difference,
    is_array,
    type_in_words,
)

# The instructions of a function that consists of a docstring and three dots.
IDLE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


class Mistake(Exception):
    """Raised by the ``observe`` of an exercise, with the whole sentence for the reader."""


class Stopped(BaseException):
    """Raised inside a solution to end it; no ``except Exception`` of the solution holds it up."""


class Outcome(NamedTuple):
    """What a solution did in one case: named arrays, or the fault that kept it from giving them."""

    arrays: dict | None = None
    fault: str = ""
    changed: str = ""  # what it did to its inputs
    done: bool = True


class Sink(io.TextIOBase):
    """Takes what a solution prints, megabytes if need be, and keeps only the count."""

    characters = 0

    def write(self, text):
        self.characters += len(text)
        return len(text)


def outcome(exercise, solution, arguments):
    """Run a solution on copies of the arguments. Whatever it raises becomes a sentence."""
    given = copy.deepcopy(arguments)
    try:
        arrays = _arrays(_result(exercise, solution, given), exercise.parts)
        if not arrays:
            return Outcome(done=False)
        return Outcome(arrays, changed=_change(exercise.names, arguments, given))
    except NotImplementedError:
        return Outcome(done=False)
    except Mistake as mistake:
        return Outcome(fault=str(mistake))
    except Stopped:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the solution's own
        shapes = _shapes(error, exercise.names, arguments)
        return Outcome(fault=f"it raises {error_in_words(error, solution)}{shapes}")


def _result(exercise, solution, given):
    """What is compared of a solution; None or ... if it is not done. Raises Mistake."""
    if solution is None or solution is ...:
        return None
    if exercise.cases and not callable(solution):
        taken = "its name may have been given to a result: run the cell with def again"
        raise Mistake(f"it should be a function, and is {type_in_words(solution)}; {taken}")
    if exercise.observe:
        value = exercise.observe(solution, *given)
    else:
        value = solution(*given) if exercise.cases else solution
    if value is None and not _is_stub(solution):
        raise Mistake("it returns None, as a function does that ends without return")
    return value


def _is_stub(solution):
    """Whether the body of a function is empty: a docstring, or three dots."""
    code = code_of(solution)
    return code is None or {step.opname for step in dis.get_instructions(code)} <= IDLE


def _arrays(value, parts):
    """Return {name: copy as an array of floats}; None if something is not done yet.

    Raises Mistake for anything but numbers, and for another number of ``parts``.
    """
    if value is None or value is ...:
        return None
    if parts:
        values = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(values, tuple | list) or len(values) != len(parts):
            wanted = f"it should return {len(parts)} values ({', '.join(parts)})"
            raise Mistake(f"{wanted}, and returns {type_in_words(value)}")
        value = dict(zip(parts, values, strict=True))
    named = value if isinstance(value, dict) else {"": value}
    if any(isinstance(entry, EllipsisType | None) for entry in named.values()):
        return None
    return {name: _array(entry) for name, entry in named.items()}


def _array(value):
    try:
        array = np.asarray(detached(value))
    except Exception:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise Mistake(f"it should give numbers, and gives {type_in_words(value)}")
    return np.array(array, dtype=float)


def _change(names, arguments, given):
    """Say which of the arrays in ``given`` is no longer what it was; "" if none."""
    for name, *pair in zip(names, arguments, given, strict=True):
        if not is_array(pair[0]):
            continue
        before, after = (np.asarray(detached(array)) for array in pair)
        if before.shape != after.shape:
            return f"the shape of {name} was {before.shape} and is now {after.shape}"
        if not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
            entry, was, now = first_difference(before, after)
            return f"{entry}{name} was {was} and is now {now}"
    return ""


def _shapes(error, names, arguments):
    """The shapes of the arguments, after an error that speaks of shapes in NumPy's words."""
    pairs = zip(names, arguments, strict=True)
    shapes = [f"{name} {one.shape}" for name, one in pairs if isinstance(one, np.ndarray)]
    about = type(error) is ValueError and re.search("shapes|dimension", error_in_words(error))
    return f"; it was given {', '.join(shapes)}" if about and shapes else ""


def in_time(job, seconds):
    """Return job(). Raise TimeoutError after ``seconds``, KeyboardInterrupt for the stop button.

    Both are signals. They end Python code and a sleep at once, but wait for the end of a call into
    C: from 10**10**9 only a restart of the kernel helps. On Windows and outside the main thread
    there are no such signals, and a job runs without a limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        return job()
    rung, result = [], None

    def ring(number, frame):
        rung.append(number)
        if any(step.f_code is job.__code__ for step, _ in traceback.walk_stack(frame)):
            # Time to tidy up; then, for a job that catches everything, pauses of 2 to 100
            # microseconds, never twice the same, until one ends outside its try blocks.
            pause = 0.1 if len(rung) < 3 else 2e-6 * (1 + len(rung) % 50)
            signal.setitimer(signal.ITIMER_REAL, pause, 0.1)
            raise Stopped

    with contextlib.suppress(Stopped), _signals(ring, seconds):
        result = job()
    if signal.SIGINT in rung:
        raise KeyboardInterrupt
    if rung:
        stopped = f"not finished after {seconds:g} seconds, so it was stopped"
        raise TimeoutError(f"{stopped}; look for a loop that never ends")
    return result


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
