"""Exercises of notebook 1: the block, its backward pass, and which g leaves the identity alone."""

import numpy as np

from helpers.block import block, block_gradients, random_block, relu
from helpers.exercises.checks import Exercise, Mistake, picked
from helpers.setup.language import translate


def blocks(units, hidden, examples, seed, shift=0.0):
    """Arguments of a block with whole numbers: W and b from -2 to 2, a from 0 to 3, less ``shift``.

    units, hidden, examples: sizes; a is (units, examples), and W1 (hidden, units).
    seed: sets the numbers.
    """
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, (units, examples)) - shift
    shapes = [(hidden, units), (hidden, 1), (units, hidden), (units, 1)]
    return a, *(rng.integers(-2, 3, shape).astype(float) for shape in shapes)


def block_cases():
    a = np.array([[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]])
    W1, b1 = np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([[0.0], [-1.0]])
    W2, b2 = np.array([[1.0, -1.0], [-2.0, 1.0]]), np.array([[0.0], [1.0]])
    return [
        ("the small example of this notebook", (a, W1, b1, W2, b2)),
        ("a single column", blocks(3, 3, 1, seed=1)),
        ("5 hidden units", blocks(3, 5, 7, seed=2)),
        ("an input with negative entries", blocks(4, 4, 6, seed=3, shift=2.0)),
        ("an input of quarters", blocks(2, 3, 9, seed=4, shift=0.75)),
    ]


def ending(end):
    """A solution that ends in another way: end(a, a1, z2)."""

    def solution(a, W1, b1, W2, b2):
        a1 = relu(W1 @ a + b1)
        return end(a, a1, W2 @ a1 + b2)

    return solution


residual_block = Exercise(
    name="residual_block",
    title="The residual block",
    right=ending(lambda a, a1, z2: relu(z2 + a)),
    praise="right: the sum first, then g, for any number of units and examples",
    cases=block_cases,
    without=(block,),
    mistakes={
        "this is the plain block, and a[l] is never added": ending(lambda a, a1, z2: relu(z2)),
        "this is the outside form, which adds a[l] after g": ending(lambda a, a1, z2: relu(z2) + a),
        "g is applied twice, once before the addition and once after it": ending(
            lambda a, a1, z2: relu(relu(z2) + a)
        ),
        "the shortcut starts at a[l+1], one layer too late": ending(
            lambda a, a1, z2: relu(z2 + a1)
        ),
        "the shortcut ends in the first layer, one too early": lambda a, W1, b1, W2, b2: relu(
            W2 @ relu(W1 @ a + b1 + a) + b2
        ),
        "the last g is missing": ending(lambda a, a1, z2: z2 + a),
        "the g between the two layers is missing": lambda a, W1, b1, W2, b2: relu(
            W2 @ (W1 @ a + b1) + b2 + a
        ),
        "b1 is forgotten": lambda a, W1, b1, W2, b2: relu(W2 @ relu(W1 @ a) + b2 + a),
        "b2 is forgotten": lambda a, W1, b1, W2, b2: relu(W2 @ relu(W1 @ a + b1) + a),
        "both b are forgotten": lambda a, W1, b1, W2, b2: relu(W2 @ relu(W1 @ a) + a),
        "b1 is added twice": lambda a, W1, b1, W2, b2: relu(W2 @ relu(W1 @ a + 2 * b1) + b2 + a),
        "b2 is added twice": lambda a, W1, b1, W2, b2: relu(W2 @ relu(W1 @ a + b1) + 2 * b2 + a),
        "a[l] is added twice": ending(lambda a, a1, z2: relu(z2 + 2 * a)),
        "W1 is transposed": lambda a, W1, b1, W2, b2: relu(W2 @ relu(W1.T @ a + b1) + b2 + a),
        "W2 is transposed": lambda a, W1, b1, W2, b2: relu(W2.T @ relu(W1 @ a + b1) + b2 + a),
        "both W are transposed": lambda a, W1, b1, W2, b2: relu(
            W2.T @ relu(W1.T @ a + b1) + b2 + a
        ),
        "the two layers are swapped": lambda a, W1, b1, W2, b2: relu(
            W1 @ relu(W2 @ a + b2) + b1 + a
        ),
    },
)


FORMS = ("inside", "outside")
FUNCTIONS = {"absolute value": np.abs, "sine": np.sin, "softplus": lambda z: np.log1p(np.exp(z))}


def which_are_identities(inputs):
    """{(name of g, form): whether that block, with W = 0 and b = 0, returns its ``inputs``}."""
    nothing = [np.zeros((1, 1))] * 4
    return {
        (name, form): bool(np.allclose(block(inputs, *nothing, skip=form, g=g), inputs))
        for name, g in FUNCTIONS.items()
        for form in FORMS
    }


def predictions(given):
    """A reader's {(name, form): True or False}, with the keys joined to names."""
    given = picked(given, list(which_are_identities(ACTIVATIONS)))
    for key, answer in given.items():
        if isinstance(answer, str):
            said = "{key}: write True or False without quotes, and yours is {given}"
            raise Mistake(translate(said, key=", ".join(key), given=f"{answer!r:.20}"))
    return {", ".join(key): answer for key, answer in given.items()}


ACTIVATIONS, BOTH_SIGNS = np.array([[0.0, 1.0, 2.0]]), np.array([[-2.0, 0.0, 2.0]])
WHY = {
    "absolute value, inside": "at a = 2, g(2) = |2| = 2, and activations are 0 or more",
    "absolute value, outside": "the branch gives g(0) = |0| = 0, and a is added to it",
    "sine, inside": "at a = 2, g(2) = sin(2) = 0.909",
    "sine, outside": "the branch gives g(0) = sin(0) = 0, and a is added to it",
    "softplus, inside": "at a = 2, g(2) = ln(1 + exp(2)) = 2.127",
    "softplus, outside": "the branch gives g(0) = ln(1 + 1) = 0.693, and a is added to it",
}
identities = Exercise(
    name="identities",
    title="Which g leaves the identity alone?",
    right=which_are_identities(ACTIVATIONS),
    praise="right: inside asks for g(a) = a where a is 0 or more, outside only for g(0) = 0",
    observe=predictions,
    mistakes={
        "this is the answer for inputs of both signs, but activations are 0 or more": (
            which_are_identities(BOTH_SIGNS)
        ),
        "this has the two forms swapped": {
            (name, FORMS[form == "inside"]): answer
            for (name, form), answer in which_are_identities(ACTIVATIONS).items()
        },
    },
    says={key: f"{key}: {why}" for key, why in WHY.items()},
)


def gradient_cases():
    draw = np.random.default_rng(5)
    (_, small), *others = block_cases()
    cases = [("the small example with an upstream of ones", (*small, np.ones((2, 3))))]
    for label, given in others:
        upstream = draw.choice([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0], given[0].shape)
        cases.append((label, (*given, upstream)))
    a, upstream = draw.normal(size=(2, 6, 9))
    return [*cases, ("random numbers", (np.abs(a), *random_block(6, 1), upstream))]


def backward(mistake=""):
    """The backward pass of the inside form, with one step done wrongly: a key of BACKWARD."""

    def gradients(a, W1, b1, W2, b2, upstream):
        z1 = W1 @ a + b1
        a1 = relu(z1)
        z2 = W2 @ a1 + b2
        last, kink = z2 if mistake == "slope at z2" else z2 + a, float(mistake == "slope 1 at 0")
        slopes = {"no last slope": 1.0, "g for its slope": relu(last)}
        d2 = upstream * slopes.get(mistake, np.heaviside(last, kink))
        back = (W2 if mistake == "W2 not transposed" else W2.T) @ d2
        d1 = back * (1.0 if mistake == "no first slope" else np.heaviside(z1, kink))
        shortcut = {"no shortcut": 0.0, "bare shortcut": upstream, "a bare 1": 1.0}.get(mistake, d2)
        da = (W1 if mistake == "W1 not transposed" else W1.T) @ d1 + shortcut
        total = {
            "b not summed": lambda d: d,
            "b averaged": lambda d: d.mean(axis=1, keepdims=True),
            "b without its column": lambda d: d.sum(axis=1),
        }.get(mistake, lambda d: d.sum(axis=1, keepdims=True))
        share = a.shape[1] if mistake == "averaged" else 1
        swapped = mistake == "W transposed"
        into = a if mistake == "W2 from a" else a1
        dW1, dW2 = (d.T if swapped else d for d in (d1 @ a.T / share, d2 @ into.T / share))
        return da, dW1, total(d1) / share, dW2, total(d2) / share

    return gradients


BACKWARD = {
    "no shortcut": "no gradient flows back through the shortcut: the + 1 is missing",
    "bare shortcut": "the shortcut hands on upstream itself, which is the outside form; "
    "inside, g' comes first",
    "slope at z2": "the slope of the last g is taken at z2, but g was applied to z2 + a",
    "a bare 1": "this adds 1 to da, and the 1 of the shortcut has to be multiplied by d2",
    "no last slope": "the slope of the last g is missing",
    "g for its slope": "this takes the last g itself, not its slope, which is 0 or 1",
    "slope 1 at 0": "the slope of ReLU at 0 is taken as 1, and here it is 0",
    "no first slope": "the slope of the first g is missing",
    "W2 not transposed": "W2 has to be transposed on the way back",
    "W1 not transposed": "W1 has to be transposed on the way back",
    "b not summed": "db is one column, the sum over the examples, and here it is not summed",
    "b without its column": "db lost its column, which keepdims=True keeps",
    "b averaged": "db is the sum over the examples, not their mean",
    "averaged": "upstream already holds any mean over the examples, and here it is divided again",
    "W transposed": "the gradients of W are transposed",
    "W2 from a": "dW2 takes what enters the second layer, which is a1 and not a",
}
block_backward = Exercise(
    name="block_backward",
    title="The backward pass",
    right=lambda a, W1, b1, W2, b2, upstream: tuple(block_gradients(a, W1, b1, W2, b2, upstream)),
    praise="right: all five gradients, and the shortcut hands on what came through g'",
    cases=gradient_cases,
    parts=("da", "dW1", "db1", "dW2", "db2"),
    without=(block_gradients,),
    mistakes={sentence: backward(mistake) for mistake, sentence in BACKWARD.items()}
    | {
        "da comes first, and here it comes last": lambda *given: (
            *backward()(*given)[1:],
            backward()(*given)[0],
        )
    },
)
