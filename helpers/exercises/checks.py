"""Checks for exercises: they take the reader's own function or net, and answer in one sentence.

An Exercise knows what a right solution does, and which mistakes people make. Its ``check`` runs the
reader's solution on a few inputs, the *cases*, and compares the results with those of the right
solution, then with those of each mistake. Whatever the solution raises, returns or prints ends
here: ``watching`` runs it, ``timing`` stops it, ``saying`` finds the words.
"""

import contextlib
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from helpers.exercises import marks
from helpers.exercises.saying import error_in_words, type_in_words, verdict
from helpers.exercises.timing import in_time
from helpers.exercises.watching import Mistake, Sink, all_as_it_was, as_numbers, outcome
from helpers.setup.language import translate

STATUS = {  # its mark, a colour that the colour-blind can tell from the others, words for the list
    "right": ("✓", "#0072b2", translate("done")),
    "wrong": ("✗", "#d55e00", translate("not right yet")),
    "not done": ("…", "#999999", translate("not done yet")),
}
answers = {}  # the last Answer to each exercise, by its name
keeping = SimpleNamespace(path=None)  # the file of ``keep``; without it, the kernel alone remembers


@dataclass(frozen=True)
class Answer:
    """The answer to a submission: its ``status`` is a key of STATUS, and "right" makes it true."""

    title: str
    status: str
    sentence: str

    def __bool__(self):
        return self.status == "right"

    def __repr__(self):
        return f"{STATUS[self.status][0]} {self.title}: {self.sentence}"

    def _repr_html_(self):
        mark, colour, _ = STATUS[self.status]
        said = f"{mark} <b>{escape(self.title)}:</b> {escape(self.sentence)}"
        return f'<div style="border-left: 5px solid {colour}; padding: 0.3em 0.8em">{said}</div>'


@dataclass(frozen=True, eq=False)
class Exercise:
    """What a right solution does, and what the mistakes look like.

    name: an identifier.
    title: the name that the reader sees.
    right: a right solution: a function, or, without ``cases``, any value.
    praise: the sentence for a right solution, without its full stop.
    mistakes: {sentence without its full stop: a wrong solution}; the check adds the numbers.
    cases: a function without arguments that returns a list of (label, arguments), the label as in
        "for one example".
    observe: observe(solution, *arguments) returns what is compared, an array or {name: array}; by
        default, what the solution returns.
    parts: names for the entries of a tuple that a solution returns.
    says: {name: the sentence if this array is wrong}; {where}, {expected} and {got} are filled in.
    without: ready-made functions, or modules of them, that a solution may not call, by any name.
    tolerance: of relative and of absolute differences; 0 asks for equal bits.
    seconds: the time limit, in seconds of computing.
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
        """Return the Answer to any ``solution``, and remember it for ``progress``."""
        sink = Sink()
        try:
            with (
                all_as_it_was(),
                contextlib.redirect_stdout(sink),
                contextlib.redirect_stderr(sink),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")
                _ = self.expected  # before the clock starts, and before a solution can spoil it
                outcomes = in_time(lambda: self.outcomes(solution), seconds or self.seconds)
                status, sentence = verdict(self, solution, outcomes)
        except TimeoutError as error:
            status, sentence = "wrong", str(error)
        except Exception as error:  # a solution can break NumPy itself, and gets a sentence even so
            cause = error_in_words(error)
            sentence = translate("it cannot be checked, because of {error}", error=cause)
            status = "wrong"
        printed = translate(" (What it prints is not shown here: call it in a cell of its own.)")
        sentence += "." + printed * bool(sink.characters)
        return remember(self.name, Answer(translate(self.title), status, sentence))

    def outcomes(self, solution):
        """Return one Outcome for each case; only the first if that one holds no arrays."""
        found = []
        for _, arguments in self.known_cases:
            found.append(outcome(self, solution, arguments))
            if found[0].arrays is None:
                break
        return found

    @functools.cached_property
    def known_cases(self):
        """The cases, made once: [(label, arguments)]."""
        return self.cases() if self.cases else [("", ())]

    @functools.cached_property
    def names(self):
        """The names of the arguments of a case."""
        if self.observe:
            return list(inspect.signature(self.observe).parameters)[1:]
        return list(inspect.signature(self.right).parameters) if self.cases else []

    @functools.cached_property
    def expected(self):
        """The arrays of the right solution, {name: array} for each case.

        Raises RuntimeError if the check does not find it right: then it can judge no other.
        """
        found = self.outcomes(self.right)
        for one in found:
            if one.arrays is None or one.changed:
                said = one.fault or one.changed or "it is not done"
                raise RuntimeError(f"the check of {self.name} refuses its own solution: {said}")
        return [one.arrays for one in found]

    @functools.cached_property
    def wrong_outcomes(self):
        """The Outcomes of each mistake: {sentence: one for each case}."""
        return {sentence: self.outcomes(wrong) for sentence, wrong in self.mistakes.items()}


def remember(name, answer):
    """Keep an answer for ``progress``, and in the file of ``keep``; return it, with a word if the
    file cannot be written to.

    With a file, what was right stays so when the same cell runs with three dots again.
    """
    done = answer.status != "not done"
    if done or not keeping.path or name not in answers:
        answers[name] = answer
    if done and keeping.path:
        try:
            marks.append(keeping.path, (name, *astuple(answer)))
        except (OSError, ValueError) as error:
            lost = translate(" (This is not kept: {error}.)", error=error)
            return replace(answer, sentence=answer.sentence + lost)
    return answer


def keep(path="my_marks.csv"):
    """From now on keep all answers in a file, the kernel's so far too, and take those in it for
    known: they survive a restart of the kernel.

    Nothing is kept unless this is called, and nothing is sent anywhere. Several notebooks can use
    the same file, at the same time too. Raises ValueError for a file that ``keep`` or ``report``
    did not write, and OSError if it cannot be written to; then it is as it was.
    """
    path = Path(path).expanduser().resolve()
    known = {name: Answer(*fields) for name, *fields in marks.read(path)}
    is_new = path != keeping.path  # else the file may have newer answers, of another notebook
    own = {name: one for name, one in answers.items() if one.status != "not done" and is_new}
    marks.append(path, *((name, *astuple(one)) for name, one in own.items()))
    answers.update(known | own)
    keeping.path = path
    right = sum(map(bool, answers.values()))
    said = "Answers are kept in {path}; {right} are right so far."
    return translate(said, path=path, right=right)


def report(path="results.csv"):
    """Write all answers that are known to a CSV file, a line for each exercise.

    Lines of other exercises that the file has already stay: one file holds all notebooks. Raises
    ValueError for a file that ``report`` or ``keep`` did not write, and OSError if it cannot be
    written; then it is as it was.
    """
    path = Path(path).expanduser()
    lines = {line[0]: line for line in marks.read(path)}
    for name, answer in answers.items():
        lines[name] = (name, *astuple(answer))
    marks.write(path, lines.values())
    right = sum(line[2] == "right" for line in lines.values())
    said = "{path}: {right} of {total} exercises that were checked are right."
    return translate(said, path=path, right=right, total=len(lines))


class NotRight(AssertionError):
    """Raised by ``require``, with the sentence of the check."""


def require(task, solution, seconds=None):
    """Return the Answer to a right solution; raise NotRight, with its sentence, for any other.

    For automatic graders, which take an error for 0 points: nbgrader and others.
    """
    answer = task.check(solution, seconds)
    if not answer:
        raise NotRight(repr(answer))
    return answer


class Progress(NamedTuple):
    """Which exercises are done; shown at the end of a notebook."""

    lines: tuple
    done: int

    def __repr__(self):
        said = "{done} of {total} exercises done"
        return "\n".join([translate(said, done=self.done, total=len(self.lines)), *self.lines])


def progress(tasks):
    """Return the Progress: which exercises of a module were found right."""
    exercises = [task for task in vars(tasks).values() if isinstance(task, Exercise)]
    known = [
        answers.get(task.name, Answer(translate(task.title), "not done", "")) for task in exercises
    ]
    lines = (f"{STATUS[a.status][0]} {a.title}: {STATUS[a.status][2]}" for a in known)
    return Progress(tuple(lines), sum(map(bool, known)))


def picked(given, names):
    """Return a reader's {name: value} in the order of ``names``.

    Raises Mistake for anything but a dictionary, and for a missing name.
    """
    if not isinstance(given, Mapping):
        said = "it should be a dictionary of {count} entries, and yours is {kind}"
        raise Mistake(translate(said, count=len(names), kind=type_in_words(given)))
    for name in names:
        if name not in given:
            wanted = {"count": len(names), "names": ", ".join(map(str, names))}
            said = "there is no entry {name!r}; the {count} entries are: {names}"
            raise Mistake(translate(said, name=name, **wanted))
    return {name: given[name] for name in names}


def entries(given, names):
    """Return ``picked`` numbers, each as an array; None if one is not done yet.

    Raises Mistake where ``picked`` does, and for anything but numbers.
    """
    given = picked(given, names)
    numbers = [(name, place, one) for name in names for place, one in _each(given[name])]
    if any(one is None or one is ... for *_, one in numbers):
        return None
    for name, place, one in numbers:
        if isinstance(one, str):
            alone = "{name} should be given in numbers, without quotes, and yours is {given}"
            inside = "entry {place} of {name} is {given}, and should be a number"
            words = {"place": list(place), "name": name, "given": f"{one!r:.40}"}
            raise Mistake(translate(inside if place else alone, **words))
    return {name: as_numbers(given[name], name) for name in names}


def _each(entry, place=()):
    """The entries of lists in lists, each with its place."""
    if not isinstance(entry, list | tuple):
        return [(place, entry)]
    return [found for number, one in enumerate(entry) for found in _each(one, (*place, number))]
