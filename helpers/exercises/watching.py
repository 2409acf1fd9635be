"""Run a solution on the inputs of a case, and keep what it did: an Outcome."""

import contextlib
import copy
import dis
import inspect
import io
import random
import re
import sys
import traceback
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from types import EllipsisType, FunctionType, ModuleType
from typing import NamedTuple

import numpy as np

from helpers.exercises.saying import (
    code_of,
    detached,
    error_in_words,
    first_difference,
    is_array,
    line_in_words,
    type_in_words,
)
from helpers.exercises.timing import Stopped
from helpers.setup.language import translate

# The instructions of a function that consists of a docstring and three dots.
IDLE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


class Mistake(Exception):
    """Raised by the ``observe`` of an exercise, with the whole sentence for the reader."""


class NotDone(Exception):
    """Raised for a stub: it returns three dots or nothing, or raises NotImplementedError."""


class Outcome(NamedTuple):
    """What a solution did in one case: named arrays, or the fault that kept it from giving them."""

    arrays: dict | None = None
    fault: str = ""
    changed: str = ""  # what it did to its inputs
    borrowed: str = ""  # the ready-made function that it called, though it was asked not to
    done: bool = True


class Sink(io.TextIOBase):
    """Takes what a solution prints, megabytes if need be, and keeps only the count."""

    characters = 0

    def write(self, text):
        self.characters += len(text)
        return len(text)


@contextlib.contextmanager
def all_as_it_was():
    """Switch PyTorch's gradients on, if it is loaded; then put back what all code shares: them,
    PyTorch's dtype, and the generators of random numbers.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())  # noqa: NPY002
        if torch := sys.modules.get("torch"):
            stack.callback(torch.set_default_dtype, torch.get_default_dtype())
            stack.enter_context(torch.random.fork_rng(devices=[]))
            stack.enter_context(torch.enable_grad())
        yield


def outcome(exercise, solution, arguments):
    """Run a solution on copies of the arguments. Whatever it raises becomes a sentence."""
    if solution is None or solution is ...:
        return Outcome(done=False)
    given, borrowed = copy.deepcopy(arguments), []
    observe = exercise.observe or (lambda own, *given: own(*given) if exercise.cases else own)
    try:
        watched = _watched(exercise, solution, arguments, borrowed) if exercise.cases else solution
        arrays = _arrays(observe(watched, *given), exercise.parts)
        if not arrays:
            return Outcome(done=False)
        changed = _change(exercise.names, arguments, given)
        return Outcome(arrays, changed=changed, borrowed="".join(borrowed[:1]))
    except NotDone:
        return Outcome(done=False)
    except Mistake as mistake:
        return Outcome(fault=str(mistake), changed=_change(exercise.names, arguments, given))
    except Stopped:
        raise
    except BaseException as error:  # an object that refuses even to be looked at
        raises = error_in_words(error)
        return Outcome(fault=translate("it cannot be read: that raises {error}", error=raises))


def _watched(exercise, solution, arguments, borrowed):
    """A function: the solution, but it raises a Mistake for an error, or for None.

    ``borrowed`` grows by the ready-made functions that it calls.
    """
    if not callable(solution):
        said = (
            "it should be a function, and is {kind}; its name may have been given to a result: run "
            "the cell with def again"
        )
        raise Mistake(translate(said, kind=type_in_words(solution)))

    def watched(*given):
        try:
            with _noticing(exercise.without, solution, borrowed):
                result = solution(*given)
        except Stopped:
            raise
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the solution's own
            frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
            if isinstance(error, NotImplementedError) and frames[-1].f_code is code_of(solution):
                raise NotDone from None
            shapes = _shapes(error, exercise.names, arguments)
            raises = error_in_words(error, solution)
            raise Mistake(translate("it raises {error}", error=raises) + shapes) from None
        return _answered(solution, result)

    watched.__wrapped__ = solution
    return watched


def _answered(solution, result):
    """What a solution returned. Raises NotDone for that of a stub, and Mistake for None."""
    if result is ...:
        raise NotDone
    if result is None:
        code = code_of(inspect.unwrap(solution))  # of a stub: a docstring, or three dots
        if code is None or {step.opname for step in dis.get_instructions(code)} <= IDLE:
            raise NotDone
        raise Mistake(translate("it returns None, as a function does that ends without return"))
    return result


def call(words, function, *arguments):
    """Return function(*arguments); raise Mistake, "``words`` raises ...", for what it raises.

    For what a solution returned: a net that the check runs, the numbers of a block.
    """
    try:
        return function(*arguments)
    except Exception as error:
        said = translate("{what} raises {error}", what=words, error=error_in_words(error))
        raise Mistake(said) from error


@contextlib.contextmanager
def _noticing(ready_made, solution, found):
    """Meanwhile append to ``found`` which of the ``ready_made`` are called, by whatever name."""
    if not ready_made:
        yield
        return
    codes, before = _codes(ready_made), sys.getprofile()

    def notice(frame, event, _):
        if event == "call" and frame.f_code in codes:
            found.append(codes[frame.f_code] + _line_of(solution, frame.f_back))

    sys.setprofile(notice)
    try:
        yield
    finally:
        sys.setprofile(before)


def _codes(ready_made):
    """{code: name} of functions, and of all functions of a module."""
    found = {}
    for one in ready_made:
        is_module = isinstance(one, ModuleType)
        inside = [f for f in vars(one).values() if isinstance(f, FunctionType)] if is_module else []
        for function in inside or [one]:
            if not is_module or function.__module__ == one.__name__:
                name = f"{one.__name__.split('.')[-1]}." * is_module + function.__name__
                found[inspect.unwrap(function).__code__] = name
    return found


def _line_of(solution, frame):
    """ " in line 2": where in the solution a call came from; "" if that is not known."""
    code = code_of(solution)
    while frame and frame.f_code is not code:
        frame = frame.f_back
    return line_in_words(code, frame.f_lineno) if frame else ""


def _arrays(value, parts):
    """Return {name: copy as an array of floats}; None if something is not done yet.

    Raises Mistake for anything but numbers, and for another number of ``parts``.
    """
    if value is None:
        return None
    named = in_parts(value, parts) if parts else value
    named = named if isinstance(named, Mapping) else {"": named}
    if any(isinstance(entry, EllipsisType | None) for entry in named.values()):
        return None
    return {name: as_numbers(entry) for name, entry in named.items()}


def in_parts(value, parts, kind=""):
    """Return {part: one of the values that a solution returned}, by order or by name.

    Raises Mistake for another number of them.
    """
    if isinstance(value, Mapping) and set(value) == set(parts):
        return {part: value[part] for part in parts}
    values = list(value.values()) if isinstance(value, Mapping) else value
    if is_array(value) and value.shape[:1] == (len(parts),):
        values = list(value)
    if not isinstance(values, tuple | list) or len(values) != len(parts):
        wanted = {"values": kind or translate("values"), "names": ", ".join(parts)}
        said = "it should return {count} {values} ({names}), and returns {given}"
        raise Mistake(translate(said, count=len(parts), **wanted, given=type_in_words(value)))
    return dict(zip(parts, values, strict=True))


def as_numbers(value, name=""):
    """Return numbers, tensors, lists of either, as an array of floats; raise Mistake for others."""
    try:
        array = np.asarray(detached(value))
        if array.dtype == object:  # fractions, decimals, lists of tensors
            array = np.vectorize(_number, otypes=[float])(array)
    except Exception:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        given = type_in_words(value)
        if name:
            said = "{name} should be numbers, and is {kind}"
            raise Mistake(translate(said, name=name, kind=given))
        raise Mistake(translate("it should give numbers, and gives {kind}", kind=given))
    return np.array(array, dtype=float)


def _number(entry):
    """One entry of an array of objects as a float. Raises TypeError for what is no number."""
    if isinstance(entry, Real | Decimal) or is_array(entry):
        return float(entry)
    raise TypeError


def _change(names, arguments, given):
    """Say which of the arrays in ``given`` is no longer what it was; "" if none."""
    for name, *pair in zip(names, arguments, given, strict=True):
        if not is_array(pair[0]):
            continue
        before, after = (np.asarray(detached(array)) for array in pair)
        if before.shape != after.shape:
            said = "the shape of {name} was {before} and is now {after}"
            return translate(said, name=name, before=before.shape, after=after.shape)
        if not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
            what, was, now = first_difference(before, after, name=name)
            return translate("{what} was {was} and is now {now}", what=what, was=was, now=now)
    return ""


def _shapes(error, names, arguments):
    """The shapes of the arguments, after an error that speaks of shapes in NumPy's words."""
    pairs = zip(names, arguments, strict=True)
    shapes = [f"{name} {one.shape}" for name, one in pairs if isinstance(one, np.ndarray)]
    about = type(error) is ValueError and re.search("shapes|dimension", error_in_words(error))
    given = translate("; it was given {arguments}", arguments=", ".join(shapes))
    return given if about and shapes else ""
