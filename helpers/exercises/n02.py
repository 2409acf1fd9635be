"""Exercises of notebook 2: a step of weight decay, its half-life, a block that multiplies by c."""

import math

import numpy as np

from helpers.block import block
from helpers.exercises.checks import Exercise
from helpers.exercises.saying import detached
from helpers.exercises.watching import call, in_parts
from helpers.setup.language import translate


def step_cases():
    rng = np.random.default_rng(0)
    W, G = np.array([[2.0, -1.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [-1.0, 2.0]])
    return [
        ("strength 0.5 and learning rate 0.1", (W, G, 0.5, 0.1)),
        ("a gradient of 0", (W, np.zeros((2, 2)), 0.25, 0.2)),
        ("strength 0", (W, G, 0.0, 0.1)),
        ("a W of shape (3, 5)", (rng.normal(size=(3, 5)), rng.normal(size=(3, 5)), 0.3, 0.7)),
    ]


decay_step = Exercise(
    name="decay_step",
    title="One step with weight decay",
    right=lambda W, gradient, strength, learning_rate: (
        W - learning_rate * (gradient + strength * W)
    ),
    praise="right: the data and the decay pull at the same W, and the learning rate scales both",
    cases=step_cases,
    mistakes={
        "the decay is missing": lambda W, G, s, r: W - r * G,
        "the gradient of the loss is missing": lambda W, G, s, r: W - r * s * W,
        "the decay is not multiplied by the learning rate": lambda W, G, s, r: W - r * G - s * W,
        "the gradient is not multiplied by the learning rate": lambda W, G, s, r: W - G - r * s * W,
        "the decay has the wrong sign and makes W larger": lambda W, G, s, r: W - r * (G - s * W),
        "the step goes uphill": lambda W, G, s, r: W + r * (G + s * W),
        "the decay acts on the W that the gradient has already moved": lambda W, G, s, r: (
            (1 - r * s) * (W - r * G)
        ),
        "the derivative of strength / 2 * W**2 is strength * W, without a 2": lambda W, G, s, r: (
            W - r * (G + 2 * s * W)
        ),
        "the half of strength / 2 * W**2 is gone after differentiation": lambda W, G, s, r: (
            W - r * (G + s / 2 * W)
        ),
        "the penalty itself is taken off, not its derivative": lambda W, G, s, r: (
            W - r * (G + s / 2 * W**2)
        ),
        "the penalty is one number for W, and its derivative is a matrix": lambda W, G, s, r: (
            W - r * (G + s / 2 * np.sum(W**2))
        ),
        "W is not squared in the derivative": lambda W, G, s, r: W - r * (G + s * W**2),
        "each entry shrinks by the same amount, not by the same factor": lambda W, G, s, r: (
            W - r * (G + s * np.sign(W))
        ),
        "strength and learning rate are swapped": lambda W, G, s, r: W - s * (G + r * W),
        "this is the change of W, not the new W": lambda W, G, s, r: -r * (G + s * W),
        "this is what is taken off W, not the new W": lambda W, G, s, r: r * (G + s * W),
    },
)


def half_cases():
    pairs = [(0.01, 0.1), (0.6, 0.5), (0.5, 0.5), (1.0, 0.5), (0.4, 0.5)]
    return [(f"strength {s:g} and learning rate {r:g}", (s, r)) for s, r in pairs]


def steps(strength, learning_rate):
    """The t with (1 - learning_rate * strength)**t = 1/2."""
    return math.log(0.5) / math.log(1 - learning_rate * strength)


def half(strength, learning_rate):
    """The smallest whole number of steps; a tiny bit is taken off against rounding."""
    return math.ceil(steps(strength, learning_rate) - 1e-9)


steps_to_half = Exercise(
    name="steps_to_half",
    title="How many steps to half of W?",
    right=half,
    praise="right: the number of steps is ln 2 / -ln(1 - learning rate x strength), rounded up",
    cases=half_cases,
    mistakes={
        "this is rounded down, so that W has not reached its half": lambda s, r: int(steps(s, r)),
        "this is rounded to the nearest number, and can be one step short": lambda s, r: round(
            steps(s, r)
        ),
        "steps are whole numbers": steps,
        "this takes (1 - x)**t for exp(-x t), which is only near for small x": lambda s, r: (
            math.ceil(math.log(2) / (r * s))
        ),
        "this takes off the same amount in each step, but W shrinks by a factor": lambda s, r: (
            math.ceil(0.5 / (r * s))
        ),
        "1/2 over rate x strength is right if each step takes off the same amount": lambda s, r: (
            0.5 / (r * s)
        ),
        "exactly half is enough, and this takes one step more there": lambda s, r: (
            half(s, r) + (r * s == 0.5)
        ),
        "after 0 steps W is still whole; does the loop begin, and does it count": lambda s, r: 0,
        "it stops after the first step; return is inside the loop, or W is multiplied by rate x "
        "strength, not by 1 minus that": lambda s, r: 1,
        "this is where the square of the norm has halved": lambda s, r: math.ceil(
            steps(s, r) / 2 - 1e-9
        ),
        "the learning rate is forgotten": lambda s, r: half(s, 1.0),
        "the strength is forgotten": lambda s, r: half(1.0, r),
        "this is one step too many": lambda s, r: half(s, r) + 1,
    },
)


def scaling_cases():
    rng = np.random.default_rng(1)
    return [
        (f"c = {c:g} and {units} units", (c, units, rng.integers(0, 6, (units, 4)).astype(float)))
        for c, units in [(3.0, 2), (0.5, 2), (0.0, 3), (1.0, 5), (2.0, 1)]
    ]


def output_of_the_block(solution, c, units, a):
    """The output of the inside block for a, with the reader's W1, b1, W2, b2."""
    parts = in_parts(solution(c, units), ("W1", "b1", "W2", "b2"), translate("arrays"))
    numbers = parts.values()
    if any(one is None or one is ... for one in numbers):
        return ...
    return call("with these numbers the block", block, a, *map(detached, numbers))


def scaled(second=lambda c: c - 1, first=lambda c: 1, bias=lambda c: 0.0):
    """A solution with W1 = first(c) * I, W2 = second(c) * I and b2 = bias(c)."""

    def solution(c, units):
        zero = np.zeros((units, 1))
        return first(c) * np.eye(units), zero, second(c) * np.eye(units), zero + bias(c)

    return solution


scaling_block = Exercise(
    name="scaling_block",
    title="A block that multiplies by c",
    right=scaled(),
    praise="right: the shortcut brings a, and the branch adds (c - 1) a",
    cases=scaling_cases,
    observe=output_of_the_block,
    mistakes={
        "the block returns (c + 1) a, since the shortcut already brings a once": scaled(
            lambda c: c
        ),
        "c - 1 is negative for c below 1 and has to arrive, and here it is cut off at 0": scaled(
            lambda c: 1, first=lambda c: c - 1
        ),
        "both W hold the factor, so the branch multiplies by it twice": scaled(
            first=lambda c: c - 1
        ),
        "for c below 1 the branch has to take away, and here it adds": scaled(lambda c: abs(c - 1)),
        "the branch takes away what it should add": scaled(lambda c: 1 - c),
        "the branch is silent, so this is the identity for every c": scaled(lambda c: 0),
        "c - 1 is in a bias, which is added to every unit, whatever its a is": scaled(
            lambda c: 0, bias=lambda c: c - 1
        ),
        "W full of ones adds up all units; the identity matrix keeps them apart": lambda c, n: (
            np.ones((n, n)),
            *scaled()(c, n)[1:],
        ),
    },
)
