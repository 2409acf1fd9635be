"""Exercises of notebook 0, the warm-up: one layer, the parameters of a net, the training error."""

import numpy as np

from helpers.block import relu
from helpers.exercises.checks import Exercise, entries


def layer_cases():
    small = (
        np.array([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]]),
        np.array([[1.0, -1.0], [2.0, 1.0]]),
        np.array([[1.0], [-3.0]]),
    )
    cases = [("the small example", small)]
    for units, inputs, examples in [(3, 3, 1), (4, 2, 5), (2, 6, 3)]:
        rng = np.random.default_rng(units)
        a = rng.integers(0, 4, (inputs, examples)).astype(float)
        W, b = (rng.integers(-2, 3, (units, n)).astype(float) for n in (inputs, 1))
        label = f"{units} units, {inputs} inputs and {examples} example{'s' * (examples > 1)}"
        cases.append((label, (a, W, b)))
    shapes = [(3, 4), (4, 3), (4, 1)]
    quarters = [np.random.default_rng(1).integers(-7, 8, shape) / 4 for shape in shapes]
    return [*cases, ("quarters, some of them below 0, also in a", tuple(quarters))]


def layer(g):
    """A solution with another g."""
    return lambda a, W, b: g(W @ a + b)


plain_layer = Exercise(
    name="plain_layer",
    title="One layer",
    right=layer(relu),
    praise="right: multiply, add, and then g",
    cases=layer_cases,
    mistakes={
        "g is missing, so there are negative numbers": layer(lambda z: z),
        "b is forgotten": lambda a, W, b: relu(W @ a),
        "b is added after g, and it belongs inside": lambda a, W, b: relu(W @ a) + b,
        "g keeps the negative numbers and sets the others to zero": layer(lambda z: z.clip(max=0)),
        "the absolute value makes negative numbers positive; g sets them to zero": layer(np.abs),
        "this says where the sum is above zero, and g returns the sum itself there": layer(
            lambda z: np.heaviside(z, 0)
        ),
        "this adds a, as a shortcut does, and no shortcut was asked for": lambda a, W, b: relu(
            W @ a + b + a
        ),
        "g is applied to the input too": lambda a, W, b: relu(W @ relu(a) + b),
        "the absolute value of the input is not the input": lambda a, W, b: relu(W @ np.abs(a) + b),
        "the result is cut to whole numbers": layer(lambda z: np.trunc(relu(z))),
        "b is subtracted": lambda a, W, b: relu(W @ a - b),
        "W is transposed": lambda a, W, b: relu(W.T @ a + b),
    },
)


PIXELS, WIDTH, CLASSES, LAYERS = 64, 32, 10, 32  # of the nets in the race


def count(bias=1, ends=1, on_each_shortcut=0):
    """The numbers that are asked for.

    bias: how many numbers b a unit has.
    ends: 0 leaves out the first and the last layer.
    on_each_shortcut: how many parameters a shortcut has.
    """
    blocks, block = LAYERS // 2 - 1, 2 * (WIDTH * WIDTH + bias * WIDTH)
    first, last = PIXELS * WIDTH + bias * WIDTH, WIDTH * CLASSES + bias * CLASSES
    return {
        "blocks": blocks,
        "parameters of a block": block,
        "parameters of the plain net": blocks * block + ends * (first + last),
        "more in the residual net": blocks * on_each_shortcut,
    }


counted = Exercise(
    name="counted",
    title="Count the parameters",
    right=count(),
    praise="right: a W and a b for each layer, and nothing for the shortcut",
    observe=lambda given: entries(given, list(count())),
    mistakes={
        "the b are forgotten, and they are learned too": count(bias=0),
        "this leaves out the first and the last layer": count(ends=0),
        "this gives the shortcut a matrix, but it hands on its input as it is": count(
            on_each_shortcut=WIDTH**2
        ),
        "this counts the numbers that travel on the shortcut, but they are not learned": count(
            on_each_shortcut=WIDTH
        ),
    },
    says={
        "blocks": "a block has two layers, and the first and the last of the 32 layers belong to "
        "no block; your number of blocks is {got}",
        "parameters of a block": "a block has two layers, each with a W and a b, from 32 numbers "
        "to 32; your number of parameters is {got}",
        "parameters of the plain net": "the first layer goes from 64 numbers to 32, the last from "
        "32 to 10, and between them are the blocks; your number of parameters is {got}",
        "more in the residual net": "ask what has to be learned to add the input back; your number "
        "is {got}",
    },
    tolerance=0.0,
)


def score_cases():
    """Scores (classes, images) without ties, and labels: right for every third image.

    Of the others, every second one has a label above the class with the largest score, and every
    second one a label below it.
    """
    scores = np.array([[0.5, 2.0, -1.0, 0.1], [1.5, 1.0, -2.0, 0.2], [-0.5, 0.0, -3.0, 0.3]])
    cases = [("the small example", (scores, np.array([1, 0, 2, 2])))]
    for classes, images in [(3, 4), (10, 10), (10, 1), (10, 8), (5, 3)]:
        rng = np.random.default_rng(classes + images)
        scores = rng.permutation(classes * images).reshape(classes, images) / 10.0 - 2.0
        labels = (scores.argmax(axis=0) + np.resize([0, 1, -1], images)) % classes
        label = f"{classes} classes and {images} image{'s' * (images > 1)}"
        cases.append((label, (scores, labels)))
    return cases


def wrong(scores, labels):
    """Whether each image is named wrongly."""
    return scores.argmax(axis=0) != labels


def report(of):
    """A solution that returns of(wrong)."""
    return lambda scores, labels: of(wrong(scores, labels))


percent_wrong = Exercise(
    name="percent_wrong",
    title="The training error",
    right=report(lambda wrong: 100 * np.mean(wrong)),
    praise="right: the largest score names the digit, and the error is the share of wrong names",
    cases=score_cases,
    mistakes={
        "these are the images that are right": report(lambda wrong: 100 * np.mean(~wrong)),
        "this is a fraction, and percent were asked for": report(np.mean),
        "this is the fraction that is right": report(lambda wrong: np.mean(~wrong)),
        "this is how many images are wrong, not how many of a hundred": report(np.sum),
        "this divides by the number of classes, not of images": lambda scores, labels: (
            100 * np.sum(wrong(scores, labels)) / len(scores)
        ),
        "argmax without an axis is one place in the whole array": lambda scores, labels: (
            100 * np.mean(scores.argmax() != labels)
        ),
        "max is the largest score itself, and argmax is its place": lambda scores, labels: (
            100 * np.mean(scores.max(axis=0) != labels)
        ),
        "this takes the smallest score, and the net means the largest": lambda scores, labels: (
            100 * np.mean(wrong(-scores, labels))
        ),
        "this is rounded to whole percent": report(lambda wrong: np.round(100 * np.mean(wrong))),
        "this is cut to whole percent": report(lambda wrong: 100 * np.sum(wrong) // len(wrong)),
        "this says for each image whether it is wrong, and one number was asked for": report(
            lambda wrong: 100.0 * wrong
        ),
    },
)
