"""Say what is wrong with a solution, in one sentence with the numbers that show it."""

import dis
import re
import traceback
from types import CodeType, FunctionType

import numpy as np

from helpers.setup.language import translate

NOT_DONE = translate(
    "not done yet; write your code in place of the three dots, run that cell, then this one"
)


def verdict(exercise, solution, outcomes):
    """Return the status of a solution and the sentence about it, without its full stop."""
    if not outcomes[0].done:
        return "not done", NOT_DONE
    read = _globals_read(code_of(solution))
    if said := _flaw(exercise, outcomes):
        arrays = [name for name in sorted(read) if is_array(solution.__globals__.get(name))]
        also = "; it also takes {names} from the notebook, and not from its arguments"
        return "wrong", said + translate(also, names=", ".join(arrays)) * bool(arrays)
    for one in outcomes:
        if one.borrowed:
            return "wrong", translate(
                "the numbers are right, but it calls {function}, which is ready-made; write the "
                "steps yourself, without it",
                function=one.borrowed,
            )
    return "right", translate(exercise.praise)


def code_of(solution):
    """The code of a function; None for any other object."""
    return solution.__code__ if type(solution) is FunctionType else None


def _globals_read(code):
    """The global names that a function reads."""
    if code is None:
        return set()
    inner = [part for part in code.co_consts if type(part) is CodeType]  # comprehensions, lambdas
    own = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return own.union(*map(_globals_read, inner))


def _flaw(exercise, outcomes):
    """Say what is wrong in the first case that is; "" if none is."""
    for one in outcomes:
        if one.changed:
            return translate(
                "it changes its input in place, which the caller still needs: {change}; work on a "
                "new array",
                change=one.changed,
            )
    pairs = zip(outcomes, exercise.expected, strict=False)
    agreed = [_agree(one.arrays, e, exercise.tolerance) for one, e in pairs]
    if all(agreed):
        return ""
    at = agreed.index(False)
    labels = [translate(label) for label, _ in exercise.known_cases]
    said = outcomes[at].fault or _evidence(exercise, outcomes[at].arrays, at)
    if labels[at]:
        said = translate("for {case}, {said}", case=labels[at], said=said)
    if named := _named_mistake(exercise, outcomes):
        return f"{translate(named)}: {said}"
    if not at:
        return said
    known = translate("the first {count} cases", count=at) if at > 3 else ", ".join(labels[:at])
    return translate("right for {cases}, but {said}", cases=known, said=said)


def _agree(arrays, expected, tolerance):
    if arrays is None or expected is None:
        return arrays is expected
    return all(
        name in arrays
        and arrays[name].shape == e.shape
        and np.allclose(arrays[name], e, tolerance, tolerance)
        for name, e in expected.items()
    )


def _named_mistake(exercise, outcomes):
    """The sentence of the mistake that does the same as the solution in every case, or None."""
    for sentence, wrong in exercise.wrong_outcomes.items() if outcomes[0].arrays else ():
        pairs = zip(outcomes, wrong, strict=False)  # a mistake that fails at once has one outcome
        if all(_agree(mine.arrays, theirs.arrays, exercise.tolerance) for mine, theirs in pairs):
            return sentence
    return None


def _evidence(exercise, arrays, at):
    """Say which array is the first that is wrong in case ``at``, with the numbers that show it."""
    expected, tolerance = exercise.expected[at], exercise.tolerance
    if arrays is None:
        return translate("it is not done")
    name = next(n for n, e in expected.items() if not _agree(arrays, {n: e}, tolerance))
    if name not in arrays:
        return translate("there is no {name!r}", name=name)
    got, wanted, what = arrays[name], expected[name], name or translate("the result")
    if got.shape != wanted.shape:
        should = "{what} has shape {got} and should have {wanted}"
        number = "{what} has shape {got} and should be one number"
        shapes = {"got": got.shape, "wanted": wanted.shape}
        return translate(should if wanted.shape else number, what=what, **shapes)
    if not np.isfinite(got).all():  # point to a number that is not finite
        got = np.where(np.isfinite(got), wanted, got)
    where, should, found = first_difference(wanted, got, tolerance, name)
    sentence = exercise.says.get(name, "{where} should be {expected}, and yours is {got}")
    return translate(sentence, where=where, expected=should, got=found)


def first_difference(wanted, got, tolerance=0.0, name=""):
    """Return where two arrays differ first, in words, and both numbers.

    name: of the arrays; without one, they are the result.
    """
    differs = ~np.isclose(got, wanted, tolerance, tolerance, equal_nan=True)
    place = tuple(map(int, np.argwhere(differs)[0]))
    numbers = [float(array[place]) + 0.0 for array in (wanted, got)]  # + 0.0: no -0
    should, found = map(_shown, numbers)
    if should == found:
        off = abs(numbers[1] - numbers[0])
        found += translate(", which differs by {difference:.1g}", difference=off)
    if not place:
        return name or translate("the result"), should, found
    where = "entry {place} of {name}" if name else "entry {place} of the result"
    return translate(where, place=list(place), name=name), should, found


def _shown(number):
    """A number in few digits, and a whole number in all of them: 34090, not 3.409e+04."""
    return f"{number:.0f}" if number.is_integer() and abs(number) < 1e9 else f"{number:.4g}"


def is_array(value):
    """Whether it is an array or a tensor, without importing torch."""
    return type(value).__name__ in ("ndarray", "Tensor")


def detached(value):
    """A tensor's numbers, without its history; anything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def type_in_words(value):
    """The type of an object in words, without calling the object's own methods."""
    name = type(value).__name__
    if is_array(value):
        return translate("a tensor") if name == "Tensor" else translate("an array of NumPy")
    if isinstance(value, tuple | list):
        return translate("a {kind} of {count}", kind=name, count=len(value))
    article = "an {kind}" if name[:1].lower() in "aeiou" else "a {kind}"
    return translate(article, kind=name[:40])


def line_in_words(code, line):
    """A line of a file, counted from the first of a function: " in line 2"."""
    return translate(" in line {line}", line=line - code.co_firstlineno + 1)


def error_in_words(error, solution=None):
    """An exception in words: its type, the line of the solution, its text without addresses."""
    code, place = code_of(solution), ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code is code:
            place = line_in_words(code, line)
    try:
        text = " ".join(re.sub(r"\b0x[0-9a-fA-F]+", "0x...", str(error)).split())[:160].rstrip(".")
    except BaseException:
        text = ""
    return f"{type(error).__name__}{place}{': ' if text else ''}{text}"
