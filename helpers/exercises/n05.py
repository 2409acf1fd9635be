"""Exercises of notebook 5: stops of a kernel, shortcuts of zeros and matrices, a strided block."""

import math

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

from helpers.block import block
from helpers.exercises import surgery
from helpers.exercises.checks import Exercise, Mistake, entries, type_in_words
from helpers.exercises.saying import first_difference
from helpers.exercises.watching import as_numbers


def stop_cases():
    settings = [(8, 3, 1, 0), (64, 3, 2, 1), (10, 4, 3, 1), (7, 7, 1, 0), (7, 7, 2, 0)]
    settings += [(9, 2, 1, 0), (10, 4, 1, 1), (10, 2, 4, 0), (6, 1, 2, 1)]
    larger_than_the_image = [(2, 5, 1, 2), (2, 5, 1, 0), (2, 3, 2, 0), (4, 5, 1, 1)]
    return [
        (f"count_stops{setting}", setting)
        for setting in [*settings, (224, 7, 2, 3), *larger_than_the_image]
    ]


def stops(n, kernel, stride, padding):
    """Count the left edges 0, stride, 2 stride, ... at which the right edge is still inside."""
    return len(range(0, n + 2 * padding - kernel + 1, stride))


def guarded(fits):
    """The stops where fits(n, k, s, p); elsewhere none."""
    return lambda n, k, s, p: stops(n, k, s, p) if fits(n, k, s, p) else 0


count_stops = Exercise(
    name="count_stops",
    title="How many stops?",
    right=stops,
    praise="right: the steps that fit after place 0, and 1 for place 0 itself, or no stop at all",
    cases=stop_cases,
    mistakes={
        "a kernel that is larger than the padded image fits nowhere, not even at place 0": (
            lambda n, k, s, p: (n + 2 * p - k) // s + 1
        ),
        "int rounds towards 0, so for a kernel that is a bit too large it makes 0 of -1/2, and a "
        "stop of that": lambda n, k, s, p: max(int((n + 2 * p - k) / s) + 1, 0),
        "a kernel as large as the padded image fits, once": guarded(
            lambda n, k, s, p: n + 2 * p > k
        ),
        "with padding the kernel fits: compare it with n + 2 padding": guarded(
            lambda n, k, s, p: n >= k
        ),
        "with padding on both sides the kernel fits: compare it with n + 2 padding, not with n + "
        "padding": guarded(lambda n, k, s, p: n + p >= k),
        "the division is not rounded, but a stop is there or not": lambda n, k, s, p: (
            (n + 2 * p - k) / s + 1
        ),
        "a kernel that does not fit has no stop, and this counts at least one": (
            lambda n, k, s, p: max((n + 2 * p - k) // s + 1, 1)
        ),
        "the kernel fits at n + 2 padding - kernel, too, and this ends before that place": (
            lambda n, k, s, p: len(range(0, n + 2 * p - k, s))
        ),
        "this rounds up, so that at the last stop the kernel hangs over the edge": (
            lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1
        ),
        "the padding is there on both sides, and this adds it once": lambda n, k, s, p: stops(
            n + p, k, s, 0
        ),
        "the padding is forgotten": lambda n, k, s, p: stops(n, k, s, 0),
        "the stride is forgotten": lambda n, k, s, p: stops(n, k, 1, p),
        "the stop at place 0 is forgotten": lambda n, k, s, p: max((n + 2 * p - k) // s, 0),
        "the + 1 for place 0 is inside the division by the stride": lambda n, k, s, p: max(
            (n + 2 * p - k + 1) // s, 0
        ),
        "the kernel is forgotten, so that only its left edge has to be inside": (
            lambda n, k, s, p: stops(n, 1, s, p)
        ),
    },
)


identity, zero = np.eye(2), np.zeros((2, 2))
MATRICES = {
    "I on top of 0": np.vstack([identity, zero]),
    "0 on top of I": np.vstack([zero, identity]),
    "I on top of I": np.vstack([identity, identity]),
    "I on top of -I": np.vstack([identity, -identity]),
    "-I on top of 0": np.vstack([-identity, zero]),
    "1/2 everywhere": np.full((4, 2), 0.5),
}
SMALL = np.array([[3.0], [1.0]])


def returned(Ws):
    """The output of the block with W[l+2] = 0 and b[l+2] = 0 for (3, 1): four numbers."""
    silent = np.zeros((4, 2)), np.zeros((4, 1))
    return block(SMALL, identity, np.zeros((2, 1)), *silent, skip="inside", Ws=Ws).ravel()


def six(given):
    """A reader's {matrix: four numbers}; each may be a column."""
    found = entries(given, list(MATRICES))
    return found and {n: one.ravel() if one.size == 4 else one for n, one in found.items()}


def answers(of):
    return {name: of(Ws) for name, Ws in MATRICES.items()}


def without_g(Ws):
    return (Ws @ SMALL).ravel()


def once_without_g(name):
    return answers(returned) | {name: without_g(MATRICES[name])}


END = "the block ends with it, and no activation is below 0"
six_matrices = Exercise(
    name="six_matrices",
    title="What is left of a[l]?",
    right=answers(returned),
    praise="right: z = 0, so a[l+2] = g(Ws a[l]); the last two Ws lose a[l], and the other four "
    "keep it",
    observe=six,
    mistakes={
        f"g is forgotten: {END}": answers(without_g),
        f"g is forgotten in the row of I on top of -I: {END}": once_without_g("I on top of -I"),
        f"g is forgotten in the row of -I on top of 0: {END}": once_without_g("-I on top of 0"),
        "top and bottom are swapped": answers(lambda Ws: returned(np.roll(Ws, 2, axis=0))),
        "this is the plain block, and the shortcut brings nothing": answers(lambda Ws: np.zeros(4)),
        "the two entries of a[l] are swapped": answers(lambda Ws: returned(Ws[:, ::-1])),
        "the absolute value is not what ReLU makes of a number below 0": answers(
            lambda Ws: np.abs(without_g(Ws))
        ),
    },
    says={
        "1/2 everywhere": "each row of 1/2 everywhere gives 3/2 + 1/2 = 2, but {where} is {got} in "
        "your answer"
    },
)


def whole(rng, low, high, *shape):
    return torch.tensor(rng.integers(low, high + 1, shape), dtype=torch.float32)


def maps_cases():
    """Feature maps of whole numbers, some below 0, and how many channels of zeros."""
    rng = np.random.default_rng(1)
    return [
        ("2 maps of 8 x 8 with 3 channels, and 3 more", (whole(rng, -4, 9, 2, 3, 8, 8), 3)),
        ("one example of 6 x 4", (whole(rng, -4, 9, 1, 2, 6, 4), 4)),
        ("5 examples with 1 channel", (whole(rng, -4, 9, 5, 1, 4, 4), 2)),
        ("an odd side, 7 x 5", (whole(rng, -4, 9, 2, 4, 7, 5), 1)),
    ]


def with_gradient(right, solution, *arguments):
    """What a solution returns. Raises Mistake if that is right, but no gradient flows back."""
    wanted = as_numbers(right(*arguments))
    out = solution(*arguments)
    found = as_numbers(out)
    if found.shape != wanted.shape or not np.allclose(found, wanted):
        return out
    if not isinstance(out, torch.Tensor):
        cut = f"it returns {type_in_words(out)}: no gradient can flow back to a"
        raise Mistake(f"the numbers are right, but {cut}")
    at_random_numbers(right, solution, arguments)
    return out


def at_random_numbers(right, solution, arguments):
    """Raise Mistake if a result, or the gradient at an argument, is not the right solution's."""
    draw = torch.Generator().manual_seed(0)  # no z is exactly 0 here, where g has no one slope
    fresh = [
        torch.randn(one.shape, generator=draw) if isinstance(one, torch.Tensor) else one
        for one in arguments
    ]
    (wanted, *should), (found, *got) = (with_gradients(f, fresh) for f in (right, solution))
    if found.shape != wanted.shape or not torch.allclose(found, wanted, 1e-3, 1e-3):
        where, asked, yours = first_difference(wanted.numpy(), found.numpy(), 1e-3)
        said = "right for these whole numbers, but for random ones of both signs"
        raise Mistake(f"{said} {where} should be {asked}, and yours is {yours}")
    for name, one, other in zip(("a", "W1", "W2", "Ws"), should, got, strict=False):
        if not torch.allclose(one, other, rtol=1e-3, atol=1e-3):
            where, asked, yours = first_difference(one.numpy(), other.numpy(), 1e-3, "it")
            none = f"the gradient does not flow back to {name}"
            said = none if yours == "0" else f"the gradient at {name} is another"
            how = "detach, .data, no_grad and nn.Parameter cut a way off"
            shown = f"for the sum of the result, {where} should be {asked}, and yours is {yours}"
            raise Mistake(f"the numbers are right, but {said}: {shown}; {how}")


def with_gradients(solution, arguments):
    """A result, and the gradient of its sum at each tensor in ``arguments``; 0 if it is cut off."""
    leaves = [one.clone().requires_grad_() for one in arguments if isinstance(one, torch.Tensor)]
    try:  # * 1: activations, as inside a net
        out = solution(*(leaf * 1 for leaf in leaves), *arguments[len(leaves) :])
    except Mistake as mistake:
        if "numpy() on Tensor that requires grad" not in str(mistake):
            raise
        cut = "at least 1 step goes through NumPy, so no gradient can flow back to a"
        raise Mistake(f"the numbers are right, but {cut}") from None
    back = surgery.flow("the numbers are right, but backward", out, *leaves)
    return [out.detach().double(), *back]


def channels_of_zeros(a, more):
    return pad(a, (0, 0, 0, 0, 0, more))


def zeros_between(a, more):
    """The channels of ``a``, each followed by one of zeros while there are any left."""
    order = np.argsort([*range(0, 2 * a.shape[1], 2), *range(1, 2 * more, 2)], kind="stable")
    return channels_of_zeros(a, more)[:, order.tolist()]


def padded(pixels):
    """A solution that chooses other pixels, and adds the channels of zeros."""
    return lambda a, more: channels_of_zeros(pixels(a), more)


def every_second(a):
    return a[:, :, ::2, ::2]


option_A = padded(every_second)
zero_padding = Exercise(
    name="zero_padding",
    title="A shortcut without weights",
    right=option_A,
    observe=lambda solution, a, more: with_gradient(option_A, solution, a, more),
    praise="right: every second pixel of a[l] as it is, and after its channels the new ones, of "
    "zeros",
    cases=maps_cases,
    mistakes={
        "these are all the pixels, and the shortcut takes every second row and column": (
            channels_of_zeros
        ),
        "rows are taken one by one, and columns by two": padded(lambda a: a[:, :, :, ::2]),
        "columns are taken one by one, and rows by two": padded(lambda a: a[:, :, ::2]),
        "the pixels start at row 1 and column 1, not at 0": padded(lambda a: a[:, :, 1::2, 1::2]),
        "this is the corner of the image, half as high and wide, and not every second pixel of all "
        "of it": padded(lambda a: a[:, :, : (a.shape[2] + 1) // 2, : (a.shape[3] + 1) // 2]),
        "this is the corner of the image, rounded down, and not every second pixel of all of it": (
            padded(lambda a: a[:, :, : a.shape[2] // 2, : a.shape[3] // 2])
        ),
        "this is the mean of 2 x 2 pixels, and none of them arrives as it is": padded(
            lambda a: avg_pool2d(a, 2)
        ),
        "this is the largest of 2 x 2 pixels, and the other three decide whether it arrives": (
            padded(lambda a: max_pool2d(a, 2))
        ),
        "the channels of zeros come before those of a[l], so a[l] arrives in other channels": (
            lambda a, more: pad(every_second(a), (0, 0, 0, 0, more, 0))
        ),
        "the channels of zeros are between those of a[l]": lambda a, more: zeros_between(
            every_second(a), more
        ),
        "the new channels are copies of those of a[l], and not zeros": lambda a, more: torch.cat(
            [every_second(a), every_second(a).repeat(1, more, 1, 1)[:, :more]], 1
        ),
        "more is how many channels there are to be at the end, but it counts the new ones": (
            lambda a, more: option_A(a, max(more - a.shape[1], 0))
        ),
        "the channels of zeros are missing": lambda a, more: every_second(a),
        "the zeros are rows below the image, and not channels": lambda a, more: pad(
            every_second(a), (0, 0, 0, more)
        ),
        "this applies g, but the shortcut carries a[l] as it is, and g comes after the sum": (
            padded(lambda a: torch.relu(every_second(a)))
        ),
    },
)


def strided_cases():
    """Feature maps, two 3 x 3 kernels and a Ws, all of whole numbers."""
    cases, rng = [], np.random.default_rng(0)
    for label, (examples, inputs, outputs, side) in {
        "2 maps of 8 x 8 with 3 channels": (2, 3, 6, 8),
        "one example": (1, 2, 4, 6),
        "5 examples with 1 channel": (5, 1, 2, 4),
        "an odd side, 7 x 7": (2, 2, 4, 7),
    }.items():
        W1, W2 = whole(rng, -2, 2, outputs, inputs, 3, 3), whole(rng, -1, 1, outputs, outputs, 3, 3)
        Ws = 10 * whole(rng, -2, 2, outputs, inputs)  # large: some sums are below 0
        cases.append((label, (whole(rng, 0, 3, examples, inputs, side, side), W1, W2, Ws)))
    return cases


def project(a, Ws):
    """Ws at every second pixel."""
    return conv2d(a, Ws[:, :, None, None], stride=2)


def added(z, short):
    return torch.relu(z + short)


def strided(end=added, g=torch.relu, shortcut=project, strides=(2, 1), padding=1):
    """The block with one of its parts done in another way.

    end: end(z, short), the sum and the last g.
    g: the first g.
    shortcut: shortcut(a, Ws).
    strides, padding: of the two convolutions.
    """

    def solution(a, W1, W2, Ws):
        z1 = conv2d(a, W1, stride=strides[0], padding=padding)
        return end(conv2d(g(z1), W2, stride=strides[1], padding=padding), shortcut(a, Ws))

    return solution


strided_block = Exercise(
    name="strided_block",
    title="A block that halves the image",
    right=strided(),
    observe=lambda solution, a, W1, W2, Ws: with_gradient(strided(), solution, a, W1, W2, Ws),
    praise="right: one stride on each way, Ws at every pixel that is left, and g after the sum",
    cases=strided_cases,
    mistakes={
        "the shortcut is missing": strided(end=lambda z, short: torch.relu(z)),
        "this is the outside form, with the shortcut added after g": strided(
            end=lambda z, short: torch.relu(z) + short
        ),
        "g is applied twice, once before the addition and once after it": strided(
            end=lambda z, short: added(torch.relu(z), short)
        ),
        "the last g is missing": strided(end=torch.add),
        "the g between the two convolutions is missing": strided(g=lambda z: z),
        "g is applied to the shortcut before the sum": strided(
            end=lambda z, short: added(z, torch.relu(short))
        ),
        "the stride is on the second convolution, not on the first": strided(strides=(1, 2)),
        "the shortcut takes the mean of 2 x 2 pixels, not every second pixel": strided(
            shortcut=lambda a, Ws: conv2d(avg_pool2d(a, 2), Ws[:, :, None, None])
        ),
        "the shortcut starts at row 1 and column 1, not at 0": strided(
            shortcut=lambda a, Ws: project(a[:, :, 1:, 1:], Ws)
        ),
        "the shortcut pads with channels of zeros and does not use Ws": strided(
            shortcut=lambda a, Ws: option_A(a, Ws.shape[0] - Ws.shape[1])
        ),
        "without padding z becomes smaller than the shortcut, and here broadcasting copies its "
        "last pixel to all": strided(padding=0),
    },
)
