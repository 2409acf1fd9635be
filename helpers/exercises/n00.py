"""Exercises of notebook 0, the warm-up: one layer, the parameters of a net, the training error."""

import numpy as np

from helpers.block import relu
from helpers.exercises.checks import Exercise, entries


def whole_numbers(rng, *shape):
    """Whole numbers from -2 to 2, as floats."""
    return rng.integers(-2, 3, shape).astype(float)


def layer_cases():
    small = (
        np.array([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]]),
        np.array([[1.0, -1.0], [2.0, 1.0]]),
        np.array([[1.0], [-3.0]]),
    )
    cases = [("the small example", small)]
    for units, inputs, examples in [(3, 3, 1), (4, 2, 5), (2, 6, 3)]:
        rng = np.random.default_rng(units)
        arguments = (
            rng.integers(0, 4, (inputs, examples)).astype(float),
            whole_numbers(rng, units, inputs),
            whole_numbers(rng, units, 1),
        )
        cases.append(
            (
                f"{units} units, {inputs} inputs and {examples} example{'s' * (examples > 1)}",
                arguments,
            )
        )
    fractions = [
        np.random.default_rng(1).integers(-7, 8, shape) / 4 for shape in [(3, 4), (4, 3), (4, 1)]
    ]
    return [*cases, ("quarters, some of them below 0, also in a", tuple(fractions))]


plain_layer = Exercise(
    name="plain_layer",
    title="One layer",
    right=lambda a, W, b: relu(W @ a + b),
    praise="right: multiply, add, and then g",
    cases=layer_cases,
    mistakes={
        "g is missing, so there are negative numbers": lambda a, W, b: W @ a + b,
        "b is forgotten": lambda a, W, b: relu(W @ a),
        "b is added after g, and it belongs inside": lambda a, W, b: relu(W @ a) + b,
        "g keeps the negative numbers and sets the others to zero": lambda a, W, b: np.minimum(
            W @ a + b, 0
        ),
        "the absolute value turns negative numbers round, and g sets them to zero": lambda a, W, b: (
            np.abs(W @ a + b)
        ),
        "this says where the sum is above zero, and g returns the sum itself there": lambda a, W, b: (
            (W @ a + b > 0) * 1.0
        ),
        "this adds a, which is what a shortcut does, and no shortcut was asked for": lambda a, W, b: (
            relu(W @ a + b + a)
        ),
        "g is applied to the input too": lambda a, W, b: relu(W @ relu(a) + b),
        "the absolute value of the input is not the input": lambda a, W, b: relu(W @ np.abs(a) + b),
        "the result is cut to whole numbers": lambda a, W, b: np.trunc(relu(W @ a + b)),
        "b is subtracted": lambda a, W, b: relu(W @ a - b),
        "W is transposed": lambda a, W, b: relu(W.T @ a + b),
    },
)


PIXELS, WIDTH, CLASSES, LAYERS = 64, 32, 10, 32  # of the nets in the race


def count(bias=1, blocks=LAYERS // 2 - 1, ends=1, on_each_shortcut=0):
    """The numbers that are asked for, with ``bias`` numbers b for each unit and ``ends``, the first
    and last layer.
    """
    block = 2 * (WIDTH * WIDTH + bias * WIDTH)
    first, last = PIXELS * WIDTH + bias * WIDTH, WIDTH * CLASSES + bias * CLASSES
    return {
        "blocks": blocks,
        "parameters of a block": block,
        "parameters of the plain net": blocks * block + ends * (first + last),
        "more in the residual net": blocks * on_each_shortcut,
    }


def numbers_given(given):
    """The reader's numbers, {name: number}."""
    return entries(given, list(count()))


counted = Exercise(
    name="counted",
    title="Count the parameters",
    right=count(),
    praise="right: a W and a b for each layer, and nothing for the shortcut",
    observe=numbers_given,
    mistakes={
        "the b are forgotten, and they are learned too": count(bias=0),
        "this leaves out the first and the last layer": count(ends=0),
        "this gives the shortcut a matrix, but it hands on its input as it is": count(
            on_each_shortcut=WIDTH * WIDTH
        ),
        "this counts the numbers that travel on the shortcut, but they are not learned": count(
            on_each_shortcut=WIDTH
        ),
    },
    says={
        "blocks": "a block has two layers, and the first and the last layer of the 32 stand in no "
        "block; your number of blocks is {got}",
        "parameters of a block": "a block has two layers, each with a W and a b, from 32 numbers "
        "to 32; your number of parameters is {got}",
        "parameters of the plain net": "the first layer goes from 64 numbers to 32, the last from "
        "32 to 10, and between them are the blocks; your number of "
        "parameters is {got}",
        "more in the residual net": "ask what has to be learned to add the input back; your number "
        "is {got}",
    },
    tolerance=0.0,
)


def score_cases():
    """Scores (classes, images) without ties, and labels: right for every third image."""
    cases = []
    for classes, images in [(3, 4), (10, 10), (10, 1), (10, 8), (5, 3)]:
        rng = np.random.default_rng(classes + images)
        scores = rng.permutation(classes * images).reshape(classes, images) / 10.0 - 2.0
        labels = (scores.argmax(axis=0) + (np.arange(images) % 3 > 0)) % classes
        cases.append(
            (f"{classes} classes and {images} image{'s' * (images > 1)}", (scores, labels))
        )
    scores = np.array([[0.5, 2.0, -1.0, 0.1], [1.5, 1.0, -2.0, 0.2], [-0.5, 0.0, -3.0, 0.3]])
    return [("the small example", (scores, np.array([1, 0, 2, 2]))), *cases]


def wrong(scores, labels):
    return scores.argmax(axis=0) != labels


percent_wrong = Exercise(
    name="percent_wrong",
    title="The training error",
    right=lambda scores, labels: 100 * np.mean(wrong(scores, labels)),
    praise="right: the largest score names the digit, and the error is the share of wrong names",
    cases=score_cases,
    mistakes={
        "these are the images that are right": lambda scores, labels: (
            100 - 100 * np.mean(wrong(scores, labels))
        ),
        "this is a fraction, and percent were asked for": lambda scores, labels: np.mean(
            wrong(scores, labels)
        ),
        "this is the fraction that is right": lambda scores, labels: (
            1 - np.mean(wrong(scores, labels))
        ),
        "this is how many images are wrong, not how many of a hundred": lambda scores, labels: (
            np.sum(wrong(scores, labels))
        ),
        "this divides by the number of classes, not of images": lambda scores, labels: (
            100 * np.sum(wrong(scores, labels)) / len(scores)
        ),
        "argmax without an axis is one place in the whole array": lambda scores, labels: (
            100 * np.mean(scores.argmax() != labels)
        ),
        "this takes the smallest score, and the net means the largest": lambda scores, labels: (
            100 * np.mean(scores.argmin(axis=0) != labels)
        ),
        "this is rounded to whole percent": lambda scores, labels: np.round(
            100 * np.mean(wrong(scores, labels))
        ),
        "this is cut to whole percent": lambda scores, labels: (
            100 * np.sum(wrong(scores, labels)) // len(labels)
        ),
        "this says for each image whether it is wrong, and one number was asked for": lambda scores, labels: (
            100.0 * wrong(scores, labels)
        ),
    },
)
