"""Three small exercises, to try the checks on, and what checks have to leave alone."""

import signal

import numpy as np

from helpers.exercises.checks import Exercise


def double_cases():
    return [
        ("two numbers", (np.array([1.0, 2.0]),)),
        ("a negative number", (np.array([-3.0, 0.0, 5.0]),)),
    ]


double = Exercise(
    name="double",
    title="Double it",
    right=lambda x: 2 * x,
    praise="right: twice the input",
    cases=double_cases,
    mistakes={"this adds 2": lambda x: x + 2, "this squares": lambda x: x**2},
    seconds=10,
)
number = Exercise(
    "number", "A number", right=3.0, praise="right: it is 3", mistakes={"this is one too many": 4}
)
pair = Exercise(
    name="pair",
    title="Sum and difference",
    right=lambda x, y: (x + y, x - y),
    praise="right",
    cases=lambda: [("two arrays", (np.arange(3.0), np.ones(3)))],
    parts=("sum", "difference"),
    says={"difference": "the difference is off at {where}: {expected}, not {got}"},
)


def signals():
    """What a check has to leave as it was: two handlers and the time of a running timer, in s."""
    handlers = [signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGINT)]
    return handlers, signal.getitimer(signal.ITIMER_REAL)
