"""Checks for exercises: they take the reader's own function or net, and answer in one sentence.

An Exercise knows what a right solution does, and which mistakes people make. Its ``check`` lets the
reader's solution work on a few inputs, the *cases*, and compares what comes out: with the right
solution, then with each mistake. The reader's code runs on a thread of its own, with a time limit,
and nothing that it raises, returns or prints gets further than this module. One thing cannot be
stopped: a single call into C that never returns and keeps all other threads waiting, such as 10 **
10 ** 9. There the kernel has to be restarted.
"""

import contextlib
import copy
import ctypes
import dis
import functools
import inspect
import io
import re
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from types import CodeType, EllipsisType, FunctionType
from typing import NamedTuple

import numpy as np

MARKS = {"right": "✓", "wrong": "✗", "not done": "…"}
COLOURS = {
    "right": "#0072b2",
    "wrong": "#d55e00",
    "not done": "#999999",
}  # two that the colour-blind can tell apart
IDLE = {
    "RESUME",
    "NOP",
    "LOAD_CONST",
    "RETURN_CONST",
    "RETURN_VALUE",
}  # what a function of a docstring and ... does
NOT_DONE = "not done yet; write your code in place of the three dots, run that cell, then this one"
answers = {}  # the last Answer to each exercise, by its name: kept in this kernel only


class Mistake(Exception):
    """Raised by an exercise's own ``observe``, with the whole sentence for the reader."""


class Outcome(NamedTuple):
    """What a solution did in one case: named arrays, or the fault that kept it from giving them."""

    arrays: dict | None = None
    fault: str = ""
    changed: str = ""  # what it did to its inputs
    done: bool = True


@dataclass(frozen=True)
class Answer:
    """The answer to a submission: true if it is right. ``status`` is "right", "wrong" or "not
    done".
    """

    title: str
    status: str
    sentence: str

    def __bool__(self):
        return self.status == "right"

    def __repr__(self):
        return f"{MARKS[self.status]} {self.title}: {self.sentence}"

    def _repr_html_(self):
        style = f"border-left: 5px solid {COLOURS[self.status]}; padding: 0.3em 0.8em"
        return f'<div style="{style}">{MARKS[self.status]} <b>{escape(self.title)}:</b> {escape(self.sentence)}</div>'


@dataclass(frozen=True, eq=False)
class Exercise:
    """What a right solution does, and what the mistakes look like.

    name: an identifier; title: what the reader knows it by; praise: what is said of a right
    solution.
    right: a right solution. A solution is a function, or, without ``cases``, any value.
    mistakes: {sentence without its stop: a wrong solution}; the numbers that show it are added.
    cases: a function without arguments that returns a list of (label, arguments), the label as in
    "for one example". observe(solution, *arguments): what is compared, numbers in an array or
    {name: array}; by default, the solution is called. parts: names for what a solution returns as a
    tuple. says: {name: sentence} for when this array is wrong, with {where}, {expected} and {got}.
    without: names of ready-made functions that a solution may not use.
    tolerance: relative, and absolute as well, so that a result near 0 may be off by as much; 0 for
    equal bits.
    seconds: the time limit.
    """

    name: str
    title: str
    right: object
    praise: str
    mistakes: dict = field(default_factory=dict)
    cases: Callable | None = None
    observe: Callable | None = None
    parts: tuple = ()
    says: dict = field(default_factory=dict)
    without: tuple = ()
    tolerance: float = 1e-6
    seconds: float = 5.0

    def check(self, solution, seconds=None):
        """Return the Answer to ``solution``: a sentence, whatever it is and does. Remember it for
        ``progress``.
        """
        answers[self.name] = Answer(
            self.title, *self._judged(solution, self.seconds if seconds is None else seconds)
        )
        return answers[self.name]

    def _judged(self, solution, seconds):
        sink = _Sink()
        try:
            with (
                contextlib.redirect_stdout(sink),
                contextlib.redirect_stderr(sink),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                status, sentence = _verdict(
                    self, _in_time(lambda: self.outcomes(solution), seconds)
                )
                status, sentence = _with_what_it_reads(self, solution, status, sentence)
        except TimeoutError as error:
            status, sentence = "wrong", str(error)
        except (
            Exception
        ) as error:  # a solution can break numpy itself; the reader still gets a sentence
            status, sentence = "wrong", f"it cannot be checked, because of {_described(error)}"
        hidden = (
            " (What it prints is not shown here: call it in a cell of its own.)"
            if sink.characters
            else ""
        )
        return status, f"{sentence}.{hidden}"

    def outcomes(self, solution):
        """Return one Outcome for each case; only the first, if it is not done or already goes wrong
        there.
        """
        found = []
        for _, arguments in self.known_cases:
            found.append(_outcome(self, solution, arguments))
            if found[0].arrays is None:
                break
        return found

    @functools.cached_property
    def known_cases(self):
        """The cases, made once: [(label, arguments)]."""
        return self.cases() if self.cases else [("", ())]

    @functools.cached_property
    def names(self):
        """What the arguments of a case are called."""
        if self.observe:
            return list(inspect.signature(self.observe).parameters)[1:]
        return list(inspect.signature(self.right).parameters) if self.cases else []

    @functools.cached_property
    def expected(self):
        """The arrays of the right solution, {name: array} for each case."""
        return [outcome.arrays for outcome in self.outcomes(self.right)]

    @functools.cached_property
    def wrong_outcomes(self):
        """What each mistake does: {sentence: one Outcome for each case}."""
        return {sentence: self.outcomes(wrong) for sentence, wrong in self.mistakes.items()}


class Progress(NamedTuple):
    """Which exercises are done; shown at the end of a notebook."""

    lines: tuple
    done: int

    def __repr__(self):
        return "\n".join([f"{self.done} of {len(self.lines)} exercises done", *self.lines])


def progress(tasks):
    """Return the Progress through the exercises of a module; it knows only what was checked in this
    kernel.
    """
    exercises = [task for task in vars(tasks).values() if isinstance(task, Exercise)]
    known = [answers.get(task.name, Answer(task.title, "not done", "")) for task in exercises]
    words = {"right": "done", "wrong": "not right yet", "not done": "not done yet"}
    return Progress(
        tuple(f"{MARKS[a.status]} {a.title}: {words[a.status]}" for a in known),
        sum(map(bool, known)),
    )


def entries(given, names):
    """Return a reader's {name: numbers}, in the order of ``names``; None if one of them is not done
    yet.

    Raises Mistake for anything but a dictionary, for a name that is missing, and for a text in
    place of numbers.
    """
    if not isinstance(given, dict):
        raise Mistake(
            f"it should be a dictionary of {len(names)} entries, and yours is {kind(given)}"
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise Mistake(
            f"there is no entry {missing[0]!r}; the {len(names)} entries are: {', '.join(names)}"
        )
    found = {name: given[name] for name in names}
    if any(one is None or one is ... for entry in found.values() for _, one in _each(entry)):
        return None
    for name, entry in found.items():
        if isinstance(entry, str):
            raise Mistake(
                f"{name} should be given in numbers, without quotes, and yours is {entry!r:.40}"
            )
        for place, one in _each(entry):
            if isinstance(one, str):
                raise Mistake(
                    f"entry {list(place)} of {name} is {one!r:.40}, and should be a number"
                )
    return found


def _each(entry, place=()):
    """The entries of lists in lists, each with its place."""
    if not isinstance(entry, list | tuple):
        return [(place, entry)]
    return [found for number, one in enumerate(entry) for found in _each(one, (*place, number))]


# --- what a solution does
# -----------------------------------------------------------------------------------------


def _outcome(exercise, solution, arguments):
    """Let a solution work on copies of the arguments. Whatever it raises becomes a sentence."""
    given = copy.deepcopy(arguments)
    try:
        if solution is None or solution is ...:
            return Outcome(done=False)
        if exercise.cases and not callable(solution):
            taken = "its name may have been given to a result: run the cell with def again"
            return Outcome(fault=f"it should be a function, and is {kind(solution)}; {taken}")
        value = (
            exercise.observe(solution, *given)
            if exercise.observe
            else _called(exercise, solution, given)
        )
        if value is None and not _is_stub(solution):
            return Outcome(fault="it returns None, as a function does that ends without return")
        if value is None or value is ...:
            return Outcome(done=False)
        arrays = _arrays(value, exercise.parts)
        return (
            Outcome(arrays, changed=_change(exercise.names, arguments, given))
            if arrays
            else Outcome(done=False)
        )
    except NotImplementedError:
        return Outcome(done=False)
    except Mistake as mistake:
        return Outcome(fault=str(mistake))
    except TimeIsUp:
        raise
    except (
        BaseException
    ) as error:  # SystemExit and KeyboardInterrupt too: here they are the solution's own
        return Outcome(
            fault=f"it raises {_described(error, solution)}{_shapes(error, exercise.names, arguments)}"
        )


def _called(exercise, solution, given):
    return solution(*given) if exercise.cases else solution


def _is_stub(solution):
    """Whether a function has nothing to do: a docstring, or three dots."""
    code = _code(solution)
    return code is None or {step.opname for step in dis.get_instructions(code)} <= IDLE


def _code(solution):
    return (
        solution.__code__ if type(solution) is FunctionType else None
    )  # what is no function is not asked anything


def _arrays(value, parts):
    """Return {name: array of floats}, copies; None where something is not done yet. Raises Mistake
    for other things.
    """
    if parts:
        values = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(values, tuple | list) or len(values) != len(parts):
            raise Mistake(
                f"it should return {len(parts)} values ({', '.join(parts)}), and returns "
                f"{kind(value)}"
            )
        value = dict(zip(parts, values, strict=True))
    named = value if isinstance(value, dict) else {"": value}
    if any(isinstance(entry, EllipsisType | None) for entry in named.values()):
        return None
    return {name: _array(entry) for name, entry in named.items()}


def _array(value):
    try:
        array = np.asarray(_detached(value))
    except Exception:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise Mistake(f"it should give numbers, and gives {kind(value)}")
    return np.array(array, dtype=float)


def _detached(value):
    return (
        value.detach().cpu() if hasattr(value, "detach") else value
    )  # a tensor, without importing torch


def _is_array(value):
    return type(value).__name__ in ("ndarray", "Tensor")


def _change(names, arguments, given):
    """Say which of the arrays in ``given`` is no longer what it was."""
    for name, *pair in zip(names, arguments, given, strict=True):
        if not _is_array(pair[0]):
            continue
        before, after = (np.asarray(_detached(array)) for array in pair)
        if not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
            if before.shape != after.shape:
                return f"the shape of {name} was {before.shape} and is now {after.shape}"
            entry, was, now = _first_difference(before, after)
            return f"{entry}{name} was {was} and is now {now}"
    return ""


def kind(value):
    """An object in words, without asking it: its own words could be anything."""
    name = type(value).__name__
    if _is_array(value):
        return "a tensor" if name == "Tensor" else "an array of NumPy"
    if isinstance(value, tuple | list):
        return f"a {name} of {len(value)}"
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name[:40]}"


def _shapes(error, names, arguments):
    """The shapes of what was handed in, where an error speaks of shapes in numpy's words."""
    arrays = [
        (name, value)
        for name, value in zip(names, arguments, strict=True)
        if isinstance(value, np.ndarray)
    ]
    if (
        type(error) is not ValueError
        or not arrays
        or not re.search("shapes|dimension", _described(error))
    ):
        return ""
    return f"; it was given {', '.join(f'{name} {value.shape}' for name, value in arrays)}"


def _described(error, solution=None):
    """An exception in words: its type, the line of the solution, its text without what differs
    between machines.
    """
    code, place, step = _code(solution), "", error.__traceback__
    while step:
        if step.tb_frame.f_code is code:
            place = f" in line {step.tb_lineno - code.co_firstlineno + 1}"
        step = step.tb_next
    try:
        text = " ".join(re.sub(r"0x[0-9a-fA-F]+", "0x...", str(error)).split())[:160].rstrip(".")
    except BaseException:
        text = ""
    return f"{type(error).__name__}{place}{': ' if text else ''}{text}"


# --- what is said of it
# -------------------------------------------------------------------------------------------


def _verdict(exercise, outcomes):
    """Return status and sentence, without its stop."""
    if not outcomes[0].done:
        return "not done", NOT_DONE
    agreed = [
        _agree(o.arrays, e, exercise.tolerance)
        for o, e in zip(outcomes, exercise.expected, strict=False)
    ]
    if change := next((outcome.changed for outcome in outcomes if outcome.changed), None):
        return (
            "wrong",
            f"it changes its input in place, which the caller still needs: {change}; work on a new "
            "array",
        )
    if all(agreed) and len(agreed) == len(exercise.expected):
        return "right", exercise.praise
    at = agreed.index(False)
    named = _named_mistake(exercise, outcomes)
    return "wrong", _mistake(exercise, at, outcomes[at], named, all(agreed[:at]) and at > 0)


def _with_what_it_reads(exercise, solution, status, sentence):
    """Add what a function takes from the notebook and not from its arguments; a ready-made solution
    is none.
    """
    known = getattr(solution, "__globals__", {}) if _code(solution) else {}
    read = _globals_read(_code(solution)) if known else {}
    if status == "right" and (ready := [name for name in exercise.without if name in read]):
        return (
            "wrong",
            f"it hands the work to {ready[0]} in line {read[ready[0]]}; write the steps yourself",
        )
    arrays = [name for name in read if _is_array(known.get(name))]
    if status == "wrong" and arrays:
        sentence += (
            f"; it also takes {', '.join(arrays)} from the notebook, and not from its arguments"
        )
    return status, sentence


def _globals_read(code, first=None):
    """The global names that a function reads, each with the line, counted from its first one."""
    inner = [
        constant for constant in code.co_consts if type(constant) is CodeType
    ]  # comprehensions, lambdas
    found = {
        name: line
        for part in inner
        for name, line in _globals_read(part, code.co_firstlineno).items()
    }
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            found[step.argval] = step.positions.lineno - (first or code.co_firstlineno) + 1
    return found


def _agree(arrays, expected, tolerance):
    return arrays is not None and all(
        name in arrays
        and arrays[name].shape == e.shape
        and np.allclose(arrays[name], e, tolerance, tolerance)
        for name, e in expected.items()
    )


def _named_mistake(exercise, outcomes):
    """The sentence of the mistake that does the same as the solution in every case, or None."""
    for sentence, wrong in exercise.wrong_outcomes.items():
        same = [
            mine.arrays is None
            if theirs.arrays is None
            else _agree(mine.arrays, theirs.arrays, exercise.tolerance)
            for mine, theirs in zip(outcomes, wrong, strict=False)
        ]
        if all(same) and len(outcomes) == len(wrong) and outcomes[0].arrays:
            return sentence
    return None


def _mistake(exercise, at, outcome, named, right_before):
    """Say what is wrong in the case number ``at``, the first wrong one."""
    labels = [label for label, _ in exercise.known_cases]
    case = f"for {labels[at]}, " if labels[at] else ""
    if outcome.arrays is None:
        evidence = outcome.fault or "it is not done"
    else:
        evidence = _evidence(
            outcome.arrays, exercise.expected[at], exercise.tolerance, exercise.says
        )
    if named:
        return f"{named}: {case}{evidence}"
    return (
        f"right for {', '.join(labels[:at])}, but {case}{evidence}"
        if right_before
        else f"{case}{evidence}"
    )


def _evidence(arrays, expected, tolerance, says):
    """Say which array is the first that is wrong, with the numbers that show it."""
    name = next(n for n, e in expected.items() if not _agree(arrays, {n: e}, tolerance))
    of = f"{name} " if name else "the result "
    if name not in arrays:
        return f"there is no {name!r}"
    got, wanted = arrays[name], expected[name]
    if got.shape != wanted.shape:
        return f"{of}has shape {got.shape} and should {f'have {wanted.shape}' if wanted.shape else 'be one number'}"
    if not np.isfinite(got).all():
        got = np.where(np.isfinite(got), wanted, got)  # point to a number that is not one
    entry, should, found = _first_difference(wanted, got, tolerance)
    sentence = says.get(name, "{where} should be {expected}, and yours is {got}")
    return sentence.format(where=f"{entry}{name or 'the result'}", expected=should, got=found)


def _first_difference(wanted, got, tolerance=0.0):
    """Return the place of the first entry that differs, in words, and both numbers."""
    place = tuple(
        map(int, np.argwhere(~np.isclose(got, wanted, tolerance, tolerance, equal_nan=True))[0])
    )
    entry = f"entry {list(place)} of " if place else ""
    should, found = (float(array[place]) + 0.0 for array in (wanted, got))
    alike = (
        f", which differs by {abs(found - should):.1g}" if _shown(should) == _shown(found) else ""
    )
    return entry, _shown(should), _shown(found) + alike


def _shown(number):
    """A number in few digits, and a whole number in all of them: 34090, not 3.409e+04."""
    return f"{number:.0f}" if number.is_integer() and abs(number) < 1e9 else f"{number:.4g}"


# --- a thread with a time limit
# -----------------------------------------------------------------------------------


class TimeIsUp(BaseException):
    """Raised inside a solution that takes too long; no ``except Exception`` of the solution holds
    it up.
    """


class _Sink(io.TextIOBase):
    """Takes what a solution prints, megabytes if need be, and keeps the count alone."""

    characters = 0

    def write(self, text):
        self.characters += len(text)
        return len(text)


class _Worker(threading.Thread):
    """Runs a job once; ``stop`` makes it end at its next Python instruction, by an exception."""

    def __init__(self, job):
        super().__init__(
            daemon=True
        )  # one that cannot be stopped, in a long sleep, does not hold up the kernel
        self.job, self.result, self.error = job, None, None
        self.lock, self.over, self.ended = threading.Lock(), False, threading.Event()

    def run(self):
        try:
            self.result = self.job()
        except BaseException as error:
            self.error = error
        while not self.over:  # an exception that was sent late arrives here, where it does no harm
            with contextlib.suppress(BaseException), self.lock:
                self.over = True
        with contextlib.suppress(BaseException):
            for _ in range(100):  # Python looks for sent exceptions where a loop turns
                pass
        self.ended.set()

    def stop(self):
        with self.lock:
            if not self.over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self.ident), ctypes.py_object(TimeIsUp)
                )


def _in_time(job, seconds):
    """Return job(). Jupyter's stop button stops the job as well. Raises TimeoutError after
    ``seconds``.
    """
    worker = _Worker(job)
    worker.start()
    end = time.monotonic() + seconds
    try:  # in short waits, between which Python hears the stop button
        while not worker.ended.wait(min(0.05, seconds)) and time.monotonic() < end:
            pass
    finally:
        patience = (
            time.monotonic() + 0.3
        )  # for a solution that catches everything, a few more times
        while not worker.ended.is_set() and time.monotonic() < patience:
            worker.stop()
            worker.ended.wait(0.02)
    if not worker.ended.is_set():
        raise TimeoutError(
            f"not finished after {seconds:g} seconds, and it cannot be stopped; restart the kernel"
        )
    if isinstance(worker.error, TimeIsUp):
        raise TimeoutError(
            f"not finished after {seconds:g} seconds, so it was stopped; look for a loop that "
            "never ends"
        )
    if worker.error:
        raise worker.error
    return worker.result
