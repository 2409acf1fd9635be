"""What people hand in for notebook 0: {exercise: {name: (solution, words of its own answer)}}."""

from fractions import Fraction
from types import MappingProxyType

import numpy as np
import torch

from helpers import nets
from helpers.block import relu


def no_g(a, W, b):
    return W @ a + b


def no_b(a, W, b):
    z = W @ a
    return np.maximum(z, 0)


def b_after_g(a, W, b):
    return relu(W @ a) + b


def minimum(a, W, b):
    return np.minimum(0, W @ a + b)


def absolute(a, W, b):
    return abs(W @ a + b)


def truth(a, W, b):
    return W @ a + b > 0


def largest_of_all(a, W, b):
    return np.max(W @ a + b, 0)  # of each column; np.maximum compares entry by entry


def one_number(a, W, b):
    return max(0, (W @ a + b).max())


def python_max(a, W, b):
    return max(W @ a + b, 0)


def with_the_shortcut(a, W, b):
    return relu(W @ a + b + a)


def elementwise(a, W, b):
    return relu(W * a + b)


def other_order(a, W, b):
    return relu(a @ W + b)


def transposed(a, W, b):
    return relu(W.T @ a + b)


def in_place(a, W, b):
    b += W @ a
    return relu(b)


def in_place_by_bounds(a, W, b):
    a[a < 2] = 0
    return relu(W @ a + b)


def g_before(a, W, b):
    return np.maximum(W @ np.maximum(a, 0) + b, 0)


def positive_input(a, W, b):
    return np.maximum(W @ np.abs(a) + b, 0)


def g_in_place(a, W, b):
    a[a < 0] = 0
    return relu(W @ a + b)


def whole(a, W, b):
    return relu(W @ a + b).astype(int)


def spoiled(a, W, b):
    out = relu(W @ a + b)
    W[0, 0] = np.nan
    return out


def no_return(a, W, b):
    z = W @ a + b
    z[z < 0] = 0


def by_where(a, W, b):
    z = W @ a + b
    return np.where(z > 0, z, 0)


def by_mask(a, W, b):
    z = W @ a + b
    z[z < 0] = 0
    return z


def by_loops(a, W, b):
    out = []
    for i in range(len(W)):
        out.append([])
        for e in range(a.shape[1]):
            z = sum(W[i][j] * a[j][e] for j in range(len(a))) + b[i][0]
            out[i].append(z if z > 0 else 0)
    return out


def by_einsum(a, W, b):
    z = np.einsum("ij,je->ie", W, a) + b
    return (z + abs(z)) / 2


def in_torch(a, W, b):
    a, W, b = map(torch.tensor, (a, W, b))
    return torch.nn.functional.linear(a.T, W, b[:, 0]).relu().T


def numbers(blocks=15, block=2112, net=34090, more=0):
    return {
        "blocks": blocks,
        "parameters of a block": block,
        "parameters of the plain net": net,
        "more in the residual net": more,
    }


def by_torch():
    plain, residual = (
        nets.fully_connected(32, skip, width=32, inputs=64, classes=10)
        for skip in ("none", "inside")
    )
    blocks = [part for part in residual if isinstance(part, nets.Block)]
    block, size, other = (
        sum(p.numel() for p in one.parameters()) for one in (blocks[0], plain, residual)
    )
    return numbers(len(blocks), block, size, other - size)


def accuracy(scores, labels):
    return 100 * np.mean(scores.argmax(axis=0) == labels)


def fraction(scores, labels):
    return (scores.argmax(0) != labels).mean()


def fraction_right(scores, labels):
    return (scores.argmax(0) == labels).mean()


def how_many(scores, labels):
    return sum(scores.argmax(axis=0) != labels)


def by_classes(scores, labels):
    return 100 * sum(scores.argmax(axis=0) != labels) / len(scores)


def along_the_rows(scores, labels):
    return 100 * np.mean(scores.argmax(axis=1) != labels)


def over_all(scores, labels):
    return 100 * np.mean(scores.argmax() != labels)


def smallest(scores, labels):
    return 100 * np.mean(scores.argmin(axis=0) != labels)


def rounded(scores, labels):
    return round(100 * np.mean(scores.argmax(axis=0) != labels))


def cut(scores, labels):
    return int(100 * np.mean(scores.argmax(axis=0) != labels))


def each_image(scores, labels):
    return 100 * (scores.argmax(axis=0) != labels)


def only_below(scores, labels):
    return 100 * np.mean(scores.argmax(axis=0) < labels)


def by_the_rest(scores, labels):
    return 100 - 100 * Fraction(int(sum(scores.argmax(axis=0) == labels)), len(labels))


def scores_and_labels(scores, labels):
    return 100 * np.mean(scores.max(axis=0) != labels)


def printed(scores, labels):
    print(100 * np.mean(scores.argmax(axis=0) != labels))


def count_in_a_loop(scores, labels):
    count = 0
    for image, label in enumerate(labels):
        best = max(range(len(scores)), key=lambda row: scores[row, image])
        count += best != label
    return 100 * count / len(labels)


def from_accuracy(scores, labels):
    right = np.equal(np.argmax(scores.T, axis=1), labels)
    return 100 - 100 * right.sum() / right.size


def by_torch_argmax(scores, labels):
    return (torch.tensor(scores).argmax(dim=0) != torch.tensor(labels)).double().mean() * 100


def by_the_score_of_the_label(scores, labels):
    own = scores[labels, np.arange(len(labels))]
    return 100 * (own < scores.max(axis=0)).mean()


WRONG = {
    "plain_layer": {
        "no g": (no_g, "g is missing, so there are negative numbers"),
        "no b": (no_b, "b is forgotten"),
        "b after g": (b_after_g, "b is added after g"),
        "minimum": (minimum, "g keeps the negative numbers"),
        "absolute value": (absolute, "the absolute value makes"),
        "true or false": (truth, "this says where the sum is above zero"),
        "np.max": (largest_of_all, "has shape (3,) and should have (2, 3)"),
        "one number": (one_number, "has shape () and should have (2, 3)"),
        "max": (python_max, "it raises ValueError in line 2"),
        "with the shortcut": (with_the_shortcut, "this adds a, as a shortcut does"),
        "elementwise": (elementwise, "raises ValueError in line 2"),
        "a @ W": (other_order, "raises ValueError in line 2"),
        "transposed": (transposed, "W is transposed"),
        "b in place": (in_place, "raises ValueError in line 2"),
        "a in place": (in_place_by_bounds, "changes its input in place"),
        "g before": (g_before, "g is applied to the input too: for quarters"),
        "positive input": (positive_input, "the absolute value of the input"),
        "g in place": (g_in_place, "changes its input in place"),
        "W changed at the end": (
            spoiled,
            "changes its input in place, which the caller still needs",
        ),
        "whole numbers": (whole, "the result is cut to whole numbers: for quarters"),
        "no return": (no_return, "ends without return"),
    },
    "counted": {
        "no b": (numbers(15, 2048, 33088), "the b are forgotten"),
        "blocks only": (numbers(net=31680), "this leaves out the first and the last layer"),
        "16 blocks": (numbers(16, 2112, 36202), "your number of blocks is 16"),
        "a matrix on the shortcut": (numbers(more=15360), "this gives the shortcut a matrix"),
        "what travels": (numbers(more=480), "but they are not learned"),
        "30 blocks": (numbers(blocks=30), "your number of blocks is 30"),
        "one layer in a block": (numbers(block=1056), "your number of parameters is 1056"),
        "64 units everywhere": (
            numbers(net=129610),
            "between them are the blocks; your number of parameters is 129610",
        ),
        "an entry is missing": (
            {"blocks": 15},
            "there is no entry 'parameters of a block'; the 4 entries are: blocks, parameters of a "
            "block, ",
        ),
        "one more": (numbers(more=1), "ask what has to be learned"),
        "a list": (
            [15, 2112, 34090, 0],
            "it should be a dictionary of 4 entries, and yours is a list of 4",
        ),
        "words": (
            numbers("15"),
            "blocks should be given in numbers, without quotes, and yours is '15'",
        ),
    },
    "percent_wrong": {
        "only labels above": (
            only_below,
            "but for 10 classes and 10 images, the result should be 60, and yours is 40",
        ),
        "accuracy": (accuracy, "these are the images that are right"),
        "fraction": (fraction, "this is a fraction"),
        "fraction right": (fraction_right, "this is the fraction that is right"),
        "how many": (how_many, "this is how many images are wrong"),
        "by classes": (by_classes, "this divides by the number of classes"),
        "along the rows": (along_the_rows, "it raises"),
        "over all": (
            over_all,
            "argmax without an axis is one place in the whole array: for the small example",
        ),
        "smallest": (smallest, "this takes the smallest score"),
        "rounded": (rounded, "this is rounded to whole percent"),
        "cut": (cut, "this is cut to whole percent"),
        "each image": (each_image, "this says for each image"),
        "the score for the label": (scores_and_labels, "max is the largest score itself"),
        "printed": (printed, "ends without return"),
    },
}
RIGHT = {
    "plain_layer": [by_where, by_mask, by_loops, by_einsum, in_torch],
    "counted": [
        MappingProxyType(numbers()),
        numbers(),
        by_torch(),
        numbers(15.0, np.int64(2112), np.array(34090), False),
        numbers() | {"layers": 32},
    ],
    "percent_wrong": [
        by_the_rest,
        count_in_a_loop,
        from_accuracy,
        by_torch_argmax,
        by_the_score_of_the_label,
    ],
}
