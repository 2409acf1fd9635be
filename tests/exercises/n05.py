"""What people hand in for notebook 5: {exercise: {name: (solution, words of its own answer)}}."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

from helpers import nets


def formula_only(n, kernel, stride, padding):
    return (n + 2 * padding - kernel) // stride + 1


def ends_before_the_last(n, kernel, stride, padding):
    left, found = 0, 0
    while left < n + 2 * padding - kernel:
        found, left = found + 1, left + stride
    return found


def rounded_up(n, kernel, stride, padding):
    return math.ceil((n + 2 * padding - kernel) / stride) + 1


def not_rounded(n, kernel, stride, padding):
    return (n + 2 * padding - kernel) / stride + 1


def cut_towards_zero(n, kernel, stride, padding):
    return max(int((n + 2 * padding - kernel) / stride) + 1, 0)


def padding_once(n, kernel, stride, padding):
    return max((n + padding - kernel) // stride + 1, 0)


def no_stride(n, kernel, stride, padding):
    return max(n + 2 * padding - kernel + 1, 0)


def no_padding(n, kernel, stride, padding):
    return max((n - kernel) // stride + 1, 0)


def no_place_0(n, kernel, stride, padding):
    return max((n + 2 * padding - kernel) // stride, 0)


def one_inside(n, kernel, stride, padding):
    return max((n + 2 * padding - kernel + 1) // stride, 0)


def no_kernel(n, kernel, stride, padding):
    return sum(left < n + 2 * padding for left in range(0, 1000, stride))


def as_large_as_the_image(n, kernel, stride, padding):
    return 0 if n + 2 * padding <= kernel else (n + 2 * padding - kernel) // stride + 1


def guard_without_padding(n, kernel, stride, padding):
    return 0 if n < kernel else (n + 2 * padding - kernel) // stride + 1


def guard_with_padding_once(n, kernel, stride, padding):
    return 0 if n + padding < kernel else (n + 2 * padding - kernel) // stride + 1


def never_moves(n, kernel, stride, padding):
    left = 0
    while left + kernel <= n + 2 * padding:
        left + stride
    return left


def prints(n, kernel, stride, padding):
    print((n + 2 * padding - kernel) // stride + 1)


def by_steps(n, kernel, stride, padding):
    left, found = -padding, 0
    while left + kernel <= n + padding:
        found, left = found + 1, left + stride
    return found


def by_torch(n, kernel, stride, padding):
    strip = torch.zeros(1, 1, n + 2 * padding)
    return strip.unfold(2, kernel, stride).shape[2] if strip.shape[2] >= kernel else torch.tensor(0)


def by_array(n, kernel, stride, padding):
    left = np.arange(0, n + 2 * padding, stride)
    return (left + kernel <= n + 2 * padding).sum()


def table(*rows):
    names = "I on top of 0, 0 on top of I, I on top of I, I on top of -I, -I on top of 0"
    return dict(zip([*names.split(", "), "1/2 everywhere"], rows, strict=True))


SIX = ([3, 1, 0, 0], [0, 0, 3, 1], [3, 1, 3, 1], [3, 1, 0, 0], [0, 0, 0, 0], [2, 2, 2, 2])


def with_zeros(kept, more):
    return torch.cat([kept, torch.zeros(len(kept), more, *kept.shape[2:])], dim=1)


def all_pixels(a, more):
    return with_zeros(a, more)


def every_second_column(a, more):
    return with_zeros(a[..., ::2], more)


def every_second_row(a, more):
    return with_zeros(a[:, :, ::2], more)


def from_1(a, more):
    return with_zeros(a[:, :, 1::2, 1::2], more)


def corner(a, more):
    height, width = a.shape[2:]
    return with_zeros(a[:, :, : -(-height // 2), : -(-width // 2)], more)


def smaller_corner(a, more):
    height, width = a.shape[2:]
    return with_zeros(a[:, :, : height // 2, : width // 2], more)


def mean_pooling(a, more):
    return with_zeros(avg_pool2d(a, 2), more)


def largest(a, more):
    return with_zeros(max_pool2d(a, kernel_size=2, stride=2), more)


def zeros_first(a, more):
    kept = a[:, :, ::2, ::2]
    return torch.cat([torch.zeros(len(kept), more, *kept.shape[2:]), kept], dim=1)


def zeros_between(a, more):
    kept = a[:, :, ::2, ::2]
    channels = []
    for c in range(max(a.shape[1], more)):
        channels += [kept[:, c : c + 1]] * (c < a.shape[1]) + [torch.zeros_like(kept[:, :1])] * (
            c < more
        )
    return torch.cat(channels, dim=1)


def twice(a, more):
    kept = a[:, :, ::2, ::2]
    return torch.stack([kept[:, c % a.shape[1]] for c in range(a.shape[1] + more)], dim=1)


def more_in_all(a, more):
    return with_zeros(a[:, :, ::2, ::2], max(0, more - a.shape[1]))


def no_zeros(a, more):
    return a[:, :, ::2, ::2]


def zeros_below(a, more):
    kept = a[:, :, ::2, ::2]
    return torch.cat([kept, torch.zeros(*kept.shape[:2], more, kept.shape[3])], dim=2)


def relu_first(a, more):
    return with_zeros(torch.relu(a)[:, :, ::2, ::2], more)


def ones(a, more):
    kept = a[:, :, ::2, ::2]
    return torch.cat([kept, torch.ones(len(kept), more, *kept.shape[2:])], dim=1)


def of_two_examples(a, more):
    kept = a[:, :, ::2, ::2]
    return torch.cat([kept, torch.zeros(2, more, *kept.shape[2:])], dim=1)


def as_many_again(a, more):
    kept = a[:, :, ::2, ::2]
    return torch.cat([kept, torch.zeros_like(kept)], dim=1)


def even_sides(a, more):
    examples, channels, height, width = a.shape
    squares = a.reshape(examples, channels, height // 2, 2, width // 2, 2)
    return with_zeros(squares[:, :, :, 0, :, 0], more)


def silenced_in_place(a, more):
    a[:, :, 1::2] = 0
    return with_zeros(a[:, :, ::2, ::2], more)


def padded_by_torch(a, more):
    return pad(a[:, :, ::2, ::2], (0, 0, 0, 0, 0, more))


def by_the_matrix(a, more):
    channels = a.shape[1]
    return torch.einsum("oc,nchw->nohw", torch.eye(channels + more, channels), a[..., ::2, ::2])


def by_a_convolution(a, more):
    channels = a.shape[1]
    return conv2d(a, torch.eye(channels + more, channels)[:, :, None, None], stride=2)


def pixel_by_pixel(a, more):
    examples, channels, height, width = a.shape
    out = torch.zeros(examples, channels + more, (height + 1) // 2, (width + 1) // 2)
    for row in range(0, height, 2):
        for column in range(0, width, 2):
            out[:, :channels, row // 2, column // 2] = a[:, :, row, column]
    return out


def in_numpy(a, more):
    return np.pad(a.numpy()[:, :, ::2, ::2], [(0, 0), (0, more), (0, 0), (0, 0)])


def through_numpy(a, more):
    return torch.tensor(in_numpy(a, more))


def ready_made(a, more):
    return nets.ZeroPadding(2, more)(a)


def stride_on_both(a, W1, W2, Ws):
    z = conv2d(torch.relu(conv2d(a, W1, stride=2, padding=1)), W2, stride=2, padding=1)
    return torch.relu(z + conv2d(a, Ws[:, :, None, None], stride=2))


def branch(a, W1, W2, first=2, second=1, padding=1):
    return conv2d(
        torch.relu(conv2d(a, W1, stride=first, padding=padding)), W2, stride=second, padding=padding
    )


def shortcut(a, Ws):
    return conv2d(a, Ws[:, :, None, None], stride=2)


def no_stride_on_the_shortcut(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + conv2d(a, Ws[:, :, None, None]))


def second_strided(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2, 1, 2) + shortcut(a, Ws))


def no_shortcut(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2))


def outside(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2)) + shortcut(a, Ws)


def relu_before_the_addition(a, W1, W2, Ws):
    return torch.relu(torch.relu(branch(a, W1, W2)) + shortcut(a, Ws))


def no_last_g(a, W1, W2, Ws):
    return branch(a, W1, W2) + shortcut(a, Ws)


def no_g_between(a, W1, W2, Ws):
    z = conv2d(conv2d(a, W1, stride=2, padding=1), W2, padding=1)
    return torch.relu(z + shortcut(a, Ws))


def valid(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2, padding=0) + shortcut(a, Ws))


def mean_of_squares(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + torch.einsum("oc,nchw->nohw", Ws, avg_pool2d(a, 2)))


def odd_pixels(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + torch.einsum("oc,nchw->nohw", Ws, a[:, :, 1::2, 1::2]))


def zero_padding(a, W1, W2, Ws):
    return torch.relu(
        branch(a, W1, W2) + pad(a[:, :, ::2, ::2], (0, 0, 0, 0, 0, len(W1) - a.shape[1]))
    )


def without_Ws(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + a[:, :, ::2, ::2])


def matrix_as_kernel(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + conv2d(a, Ws, stride=2))


def transposed_Ws(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + shortcut(a, Ws.T))


def kernel_of_3(a, W1, W2, Ws):
    return torch.relu(
        branch(a, W1, W2)
        + conv2d(a, Ws[:, :, None, None].expand(-1, -1, 3, 3), stride=2, padding=1)
    )


def two_examples(a, W1, W2, Ws):
    pixels = a[:, :, ::2, ::2].reshape(2, a.shape[1], -1)
    z = branch(a, W1, W2)
    return torch.relu(z + (Ws @ pixels).reshape(z.shape))


def by_einsum(a, W1, W2, Ws):
    return (branch(a, W1, W2) + torch.einsum("oc,nchw->nohw", Ws, a[..., ::2, ::2])).clamp(min=0)


def _of_modules(Ws):
    more, channels = Ws.shape
    first = nn.Conv2d(channels, more, 3, stride=2, padding=1, bias=False)
    second = nn.Conv2d(more, more, 3, padding=1, bias=False)
    projection = nn.Conv2d(channels, more, 1, 2, bias=False)
    return nets.Block(more, "inside", layers=(first, second), Ws=projection)


def by_modules(a, W1, W2, Ws):
    block = _of_modules(Ws)
    for layer, weight in zip(
        (block.first, block.second, block.Ws), (W1, W2, Ws[..., None, None]), strict=True
    ):
        layer.weight = nn.Parameter(weight)
    return block(a)


def by_functional_call(a, W1, W2, Ws):
    weights = {"first.weight": W1, "second.weight": W2, "Ws.weight": Ws[..., None, None]}
    return torch.func.functional_call(_of_modules(Ws), weights, (a,))


def W1_as_data(a, W1, W2, Ws):
    return by_einsum(a, W1.data, W2, Ws)


def detached_on_the_shortcut(a, W1, W2, Ws):
    return torch.relu(branch(a, W1, W2) + shortcut(a.detach(), Ws))


def by_every_stop(a, W1, W2, Ws):
    z1 = torch.relu(conv2d(a, W1, padding=1)[:, :, ::2, ::2])  # all stops, then every second one
    z2 = conv2d(pad(z1, (1, 1, 1, 1)), W2)
    for example in range(len(a)):
        for channel in range(len(Ws)):
            z2[example, channel] += sum(
                Ws[channel, c] * a[example, c, ::2, ::2] for c in range(a.shape[1])
            )
    return z2 * (z2 > 0)


def even_kernels_one_too_few(n, kernel, stride, padding):
    last = n + 2 * padding - kernel - (kernel % 2 == 0)
    return last // stride + 1 if last >= 0 else 0


def relu_in_place(a, W1, W2, Ws):
    return by_einsum(a.relu_(), W1, W2, Ws)


def silenced_afterwards(a, W1, W2, Ws):
    out = by_einsum(a, W1, W2, Ws)
    W2.zero_()
    return out


def in_float64(a, W1, W2, Ws):
    return by_einsum(a.double(), W1.double(), W2.double(), Ws.double())


WRONG = {
    "count_stops": {
        "even kernels": (
            even_kernels_one_too_few,
            "count_stops(9, 2, 1, 0), the result should be 8, and yours is 7",
        ),
        "the formula alone": (formula_only, "fits nowhere, not even at place 0"),
        "at least one": (
            lambda n, k, s, p: max((n + 2 * p - k) // s + 1, 1),
            "this counts at least one: for count_stops(2, 5, 1, 0), the result should be 0",
        ),
        "while below the last place": (ends_before_the_last, "and this ends before that place"),
        "right only where it fits": (
            lambda n, k, s, p: by_steps(n, k, s, p) or None,
            "right for the first 11 cases, but for count_stops(2, 5, 1, 0), it returns None",
        ),
        "rounded up": (rounded_up, "this rounds up"),
        "not rounded": (not_rounded, "the division is not rounded"),
        "cut towards zero": (cut_towards_zero, "int rounds towards 0"),
        "padding once": (padding_once, "the padding is there on both sides"),
        "no padding": (no_padding, "the padding is forgotten"),
        "no stride": (no_stride, "the stride is forgotten"),
        "no place 0": (no_place_0, "the stop at place 0 is forgotten"),
        "+ 1 inside the division": (one_inside, "is inside the division"),
        "no kernel": (no_kernel, "the kernel is forgotten"),
        "as large as the image": (
            as_large_as_the_image,
            "a kernel as large as the padded image fits, once: ",
        ),
        "guard without padding": (
            guard_without_padding,
            "with padding the kernel fits: compare it with n + 2 padding",
        ),
        "guard with padding once": (
            guard_with_padding_once,
            "compare it with n + 2 padding, not with n + padding",
        ),
        "never ends": (never_moves, "look for a loop that never ends"),
        "prints": (prints, "ends without return"),
    },
    "six_matrices": {
        "a set": (table({3, 1, 0}, *SIX[1:]), "I on top of 0 should be numbers, and is a set"),
        "g forgotten": (table(*SIX[:3], [3, 1, -3, -1], [-3, -1, 0, 0], SIX[5]), "g is forgotten"),
        "g forgotten once": (
            table(*SIX[:3], [3, 1, -3, -1], *SIX[4:]),
            "g is forgotten in the row of I on top of -I",
        ),
        "g forgotten in the other row": (
            table(*SIX[:4], [-3, -1, 0, 0], SIX[5]),
            "g is forgotten in the row of -I on top of 0",
        ),
        "top and bottom swapped": (
            table(SIX[1], SIX[0], SIX[2], [0, 0, 3, 1], SIX[4], SIX[5]),
            "top and bottom are swapped",
        ),
        "nothing on the shortcut": (table(*[[0, 0, 0, 0]] * 6), "the shortcut brings nothing"),
        "absolute values": (
            table(*SIX[:3], [3, 1, 3, 1], [3, 1, 0, 0], SIX[5]),
            "the absolute value",
        ),
        "no division": (table(*SIX[:5], [4, 4, 4, 4]), "gives 3/2 + 1/2 = 2"),
        "half of each": (table(*SIX[:5], [1.5, 0.5, 1.5, 0.5]), "is 1.5 in your answer"),
        "two numbers": (table([3, 1], *SIX[1:]), "has shape (2,) and should have (4,)"),
        "the matrix": (
            table([[1, 0], [0, 1], [0, 0], [0, 0]], *SIX[1:]),
            "I on top of 0 has shape (4, 2) and should have (4,)",
        ),
        "one sign": (
            table(*SIX[:4], [3, 1, 0, 0], SIX[5]),
            "entry [0] of -I on top of 0 should be 0",
        ),
        "a list": (list(SIX), "and yours is a list"),
        "an entry less": (
            dict(list(table(*SIX).items())[:5]),
            "there is no entry '1/2 everywhere'; the 6 entries are: I on top of 0, ",
        ),
        "one number in quotes": (
            table(*SIX[:3], [3, 1, "-3", "-1"], *SIX[4:]),
            "entry [2] of I on top of -I is '-3', and should be a number",
        ),
        "words": (
            table("3, 1, 0, 0", *SIX[1:]),
            "I on top of 0 should be given in numbers, without quotes, and yours is '3, 1, 0, 0'",
        ),
    },
    "zero_padding": {
        "text": (lambda a, more: "zeros", "it should give numbers, and gives a str"),
        "a pair": (lambda a, more: (a, more), "it should give numbers, and gives a tuple of 2"),
        "all pixels": (all_pixels, "these are all the pixels"),
        "every second column": (every_second_column, "rows are taken one by one"),
        "every second row": (every_second_row, "columns are taken one by one"),
        "from 1": (from_1, "start at row 1 and column 1"),
        "the corner": (corner, "the corner of the image"),
        "the corner, rounded down": (
            smaller_corner,
            "this is the corner of the image, rounded down",
        ),
        "in NumPy": (
            in_numpy,
            "the numbers are right, but it returns an array of NumPy: no gradient can flow back",
        ),
        "through NumPy": (through_numpy, "goes through NumPy, so no gradient can flow back to a"),
        "detached": (
            lambda a, more: with_zeros(a.detach()[:, :, ::2, ::2], more),
            "does not flow back to a: for the",
        ),
        "no_grad": (
            torch.no_grad()(padded_by_torch),
            "the gradient does not flow back to a: for the sum of the",
        ),
        "the mean": (mean_pooling, "the mean of 2 x 2 pixels"),
        "the largest": (largest, "the largest of 2 x 2 pixels"),
        "zeros first": (zeros_first, "come before those of a[l]"),
        "zeros between": (zeros_between, "are between those of a[l]"),
        "twice": (twice, "copies of those of a[l]"),
        "more in all": (more_in_all, "but it counts the new ones"),
        "no zeros": (no_zeros, "the channels of zeros are missing"),
        "zeros below": (zeros_below, "rows below the image"),
        "g first": (relu_first, "this applies g"),
        "ones": (ones, "should be 0, and yours is 1"),
        "two examples": (of_two_examples, "and 3 more, but for one example of 6 x 4"),
        "as many again": (
            as_many_again,
            "the result has shape (1, 4, 3, 2) and should have (1, 6, 3, 2)",
        ),
        "even sides": (even_sides, "but for an odd side, 7 x 5, it raises RuntimeError in line 3"),
        "in place": (silenced_in_place, "it changes its input in place"),
    },
    "strided_block": {
        "g of a in place": (
            relu_in_place,
            "but for random ones of both signs entry [0, 0, 0, 1] of",
        ),
        "W2 at zero afterwards": (
            silenced_afterwards,
            "it changes its input in place, which the c",
        ),
        "stride on both": (
            stride_on_both,
            "The size of tensor a (2) must match the size of tensor b (4)",
        ),
        "no stride on the shortcut": (
            no_stride_on_the_shortcut,
            "The size of tensor a (4) must match the size of tensor b (8)",
        ),
        "the second strided": (second_strided, "the stride is on the second convolution"),
        "no shortcut": (no_shortcut, "the shortcut is missing"),
        "outside": (outside, "the outside form"),
        "ReLU before the addition": (relu_before_the_addition, "g is applied twice"),
        "no last g": (no_last_g, "the last g is missing"),
        "no g between": (no_g_between, "the g between the two convolutions is missing"),
        "valid": (valid, "broadcasting copies its last pixel to all"),
        "mean of 2 x 2": (mean_of_squares, "the mean of 2 x 2 pixels"),
        "odd pixels": (odd_pixels, "starts at row 1 and column 1"),
        "zero padding": (zero_padding, "does not use Ws"),
        "without Ws": (without_Ws, "The size of tensor a (6) must match the size of tensor b (3)"),
        "the matrix as a kernel": (matrix_as_kernel, "it raises RuntimeError in line 2"),
        "Ws transposed": (transposed_Ws, "it raises RuntimeError"),
        "a kernel of 3 x 3": (kernel_of_3, "of the result should be"),
        "two examples": (
            two_examples,
            "right for 2 maps of 8 x 8 with 3 channels, but for one example",
        ),
        "W1.data": (
            W1_as_data,
            "the gradient does not flow back to W1: for the sum of the result, entry [0, 0, 0, 0]",
        ),
        "detach on the shortcut": (
            detached_on_the_shortcut,
            "the gradient at a is another: for the sum of the",
        ),
        "no_grad": (
            torch.no_grad()(by_einsum),
            "the gradient does not flow back to a: for the sum of the result",
        ),
        "nn.Parameter": (
            by_modules,
            "the gradient does not flow back to W1: for the sum of the result",
        ),
        "to NumPy": (
            lambda *given: by_einsum(*given).numpy(),
            "it returns an array of NumPy: no gradient can flow",
        ),
    },
}
RIGHT = {
    "count_stops": [
        by_steps,
        by_torch,
        by_array,
        lambda n, k, s, p: len(range(k, n + 2 * p + 1, s)),
    ],
    "six_matrices": [
        table(*SIX),
        table(*(np.array(row).reshape(4, 1) for row in SIX)),
        table(*map(torch.tensor, SIX)),
        table(*(tuple(map(float, row)) for row in SIX)) | {"-I on top of 0": [-0.0, 0, 0, 0]},
    ],
    "zero_padding": [padded_by_torch, by_the_matrix, by_a_convolution, pixel_by_pixel, ready_made],
    "strided_block": [in_float64, by_einsum, by_functional_call, by_every_stop],
}
