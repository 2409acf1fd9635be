"""What people hand in for notebook 1: {exercise: {name: (solution, words of its own answer)}}."""

import itertools
from functools import partial
from types import MappingProxyType

import numpy as np
import torch

from helpers.block import block, block_gradients, relu

# A name of the notebook, which a function can reach.
z2 = np.array([[-2.0, 0.0, 1.0], [3.0, 1.0, -2.0]])


def no_skip(a, W1, b1, W2, b2):
    return relu(W2 @ relu(W1 @ a + b1) + b2)


def relu_before_the_addition(a, W1, b1, W2, b2):
    a2 = relu(W2 @ relu(W1 @ a + b1) + b2)
    return relu(a2 + a)


def addition_after_g(a, W1, b1, W2, b2):
    return relu(W2 @ relu(W1 @ a + b1) + b2) + a


def shortcut_from_the_middle(a, W1, b1, W2, b2):
    a = relu(W1 @ a + b1)  # the name a is used again, so the input is lost
    return relu(W2 @ a + b2 + a)


def b2_forgotten(a, W1, b1, W2, b2):
    return relu(W2 @ relu(W1 @ a + b1) + a)


def b2_added_twice(a, W1, b1, W2, b2):
    z2 = W2 @ relu(W1 @ a + b1) + b2
    return relu(z2 + b2 + a)


def in_place(a, W1, b1, W2, b2):
    z2 = W2 @ relu(W1 @ a + b1) + b2
    a += z2
    return relu(a)


def transposed(a, W1, b1, W2, b2):
    return relu(W2.T @ relu(W1.T @ a + b1) + b2 + a)


def rows_and_columns_mixed_up(a, W1, b1, W2, b2):
    return relu(relu(a.T @ W1 + b1.T) @ W2 + b2.T + a.T).T  # examples in rows, but W not transposed


def three_examples_only(a, W1, b1, W2, b2):
    z2 = W2 @ relu(W1 @ a + np.tile(b1, 3)) + np.tile(b2, 3)
    return relu(z2 + a)


def positive_input_only(a, W1, b1, W2, b2):
    a = relu(a)
    return relu(W2 @ relu(W1 @ a + b1) + b2 + a)


def no_last_g(a, W1, b1, W2, b2):
    return W2 @ relu(W1 @ a + b1) + b2 + a


def one_layer(a, W1, b1, W2, b2):
    return relu(W1 @ a + b1 + a)


def elementwise(a, W1, b1, W2, b2):
    return relu(W2 * relu(W1 * a + b1) + b2 + a)


def forgot_to_return(a, W1, b1, W2, b2):
    a2 = relu(W2 @ relu(W1 @ a + b1) + b2 + a)  # noqa: F841


def prints_instead(a, W1, b1, W2, b2):
    print(relu(W2 @ relu(W1 @ a + b1) + b2 + a))


def transposed_result(a, W1, b1, W2, b2):
    return relu(W2 @ relu(W1 @ a + b1) + b2 + a).T


def whole_numbers(a, W1, b1, W2, b2):
    return relu(W2 @ relu(W1 @ a + b1) + b2 + a).mean(axis=1)


def from_the_notebook(a, W1, b1, W2, b2):
    return relu(z2 + a)


def ready_made(a, W1, b1, W2, b2):
    return block(a, W1, b1, W2, b2)


def into_the_first_layer(a, W1, b1, W2, b2):
    a1 = relu(W1 @ a + b1 + a)
    return relu(W2 @ a1 + b2)


def by_loops(a, W1, b1, W2, b2):
    units, examples = a.shape
    out = np.zeros((units, examples))
    for e in range(examples):
        hidden = [
            max(sum(W1[i, j] * a[j, e] for j in range(units)) + b1[i, 0], 0) for i in range(len(W1))
        ]
        for i in range(units):
            z = sum(W2[i, j] * hidden[j] for j in range(len(hidden))) + b2[i, 0]
            out[i, e] = max(z + a[i, e], 0)
    return out


def by_einsum(a, W1, b1, W2, b2):
    hidden = np.einsum("hu,ue->he", W1, a) + b1
    return np.clip(np.einsum("uh,he->ue", W2, hidden * (hidden > 0)) + b2 + a, 0, None)


def in_torch(a, W1, b1, W2, b2):
    a, W1, b1, W2, b2 = (
        torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (a, W1, b1, W2, b2)
    )
    return torch.relu(W2 @ torch.relu(W1 @ a + b1) + b2 + a)


def as_lists(a, W1, b1, W2, b2):
    return relu(W2 @ relu(W1 @ a + b1) + b2 + a).tolist()


def _parts(a, W1, b1, W2, b2):
    z1 = W1 @ a + b1
    a1 = relu(z1)
    return z1, a1, W2 @ a1 + b2


def _five(da, d1, a, d2, a1):
    return da, d1 @ a.T, d1.sum(1, keepdims=True), d2 @ a1.T, d2.sum(1, keepdims=True)


def backward_without_the_one(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    d1 = W2.T @ d2 * (z1 > 0)
    return _five(W1.T @ d1, d1, a, d2, a1)


def backward_of_outside(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    d1 = W2.T @ d2 * (z1 > 0)
    return _five(W1.T @ d1 + upstream, d1, a, d2, a1)


def backward_slope_at_z2(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 > 0)
    d1 = W2.T @ d2 * (z1 > 0)
    return _five(W1.T @ d1 + d2, d1, a, d2, a1)


def backward_b_not_summed(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    d1 = W2.T @ d2 * (z1 > 0)
    return W1.T @ d1 + d2, d1 @ a.T, d1, d2 @ a1.T, d2


def backward_not_transposed(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    d1 = W2 @ d2 * (z1 > 0)
    return _five(W1.T @ d1 + d2, d1, a, d2, a1)


def backward_averaged(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    m = a.shape[1]
    d2 = upstream * (z2 + a > 0)
    d1 = W2.T @ d2 * (z1 > 0)
    return _five(W1.T @ d1 + d2, d1 / m, a, d2 / m, a1)


def backward_without_first_slope(a, W1, b1, W2, b2, upstream):
    _, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    d1 = W2.T @ d2
    return _five(W1.T @ d1 + d2, d1, a, d2, a1)


def backward_in_place(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    upstream *= z2 + a > 0
    d1 = W2.T @ upstream * (z1 > 0)
    return _five(W1.T @ d1 + upstream, d1, a, upstream, a1)


def backward_only_da(a, W1, b1, W2, b2, upstream):
    z1, _, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    return W1.T @ (W2.T @ d2 * (z1 > 0)) + d2


def backward_in_the_order_of_the_steps(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a > 0)
    d1 = W2.T @ d2 * (z1 > 0)
    return d2 @ a1.T, d2.sum(1, keepdims=True), d1 @ a.T, d1.sum(1, keepdims=True), W1.T @ d1 + d2


def backward_plus_one(*given):
    da, *others = block_gradients(*given)
    a, _, _, _, _, upstream = given
    _, _, z2 = _parts(*given[:5])
    return da - upstream * (z2 + a > 0) + 1, *others


def backward_g_for_its_slope(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * relu(z2 + a)
    d1 = W2.T @ d2 * (z1 > 0)
    return _five(W1.T @ d1 + d2, d1, a, d2, a1)


def backward_slope_1_at_0(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = upstream * (z2 + a >= 0)
    d1 = W2.T @ d2 * (z1 >= 0)
    return _five(W1.T @ d1 + d2, d1, a, d2, a1)


def backward_flat_b(*given):
    da, dW1, db1, dW2, db2 = block_gradients(*given)
    return da, dW1, db1.sum(axis=1), dW2, db2.sum(axis=1)


def backward_W2_from_a(*given):
    a, _, _, _, _, upstream = given
    _, _, z2 = _parts(*given[:5])
    da, dW1, db1, _, db2 = block_gradients(*given)
    return da, dW1, db1, (upstream * (z2 + a > 0)) @ a.T, db2


def backward_da_last(*given):
    da, *others = block_gradients(*given)
    return *others, da


def backward_ready_made(a, W1, b1, W2, b2, upstream):
    return block_gradients(a, W1, b1, W2, b2, upstream)


def backward_by_autograd(*given):
    *leaves, upstream = (torch.tensor(x, dtype=torch.float64) for x in given)
    a, W1, b1, W2, b2 = (leaf.requires_grad_() for leaf in leaves)
    out = torch.relu(W2 @ torch.relu(W1 @ a + b1) + b2 + a)
    return torch.autograd.grad(out, leaves, upstream)


def backward_by_loops(a, W1, b1, W2, b2, upstream):
    totals = [np.zeros_like(x, dtype=float) for x in (a, W1, b1, W2, b2)]
    for e in range(a.shape[1]):
        x = a[:, [e]]
        z1, a1, z2 = _parts(x, W1, b1, W2, b2)
        d2 = upstream[:, [e]] * np.where(z2 + x > 0, 1, 0)
        d1 = W2.T @ d2 * np.where(z1 > 0, 1, 0)
        totals[0][:, [e]] = W1.T @ d1 + d2
        for number, part in enumerate((d1 @ x.T, d1, d2 @ a1.T, d2), start=1):
            totals[number] += part
    return totals


def backward_as_a_dictionary(a, W1, b1, W2, b2, upstream):
    z1, a1, z2 = _parts(a, W1, b1, W2, b2)
    d2 = np.where(z2 + a > 0, upstream, 0)
    d1 = np.einsum("uh,ue->he", W2, d2) * np.heaviside(z1, 0)
    bias = [d.sum(axis=1).reshape(-1, 1) for d in (d1, d2)]
    return dict(da=d2 + W1.T @ d1, dW1=d1 @ a.T, db1=bias[0], dW2=d2 @ a1.T, db2=bias[1])


def table(*truths):
    pairs = itertools.product(("absolute value", "sine", "softplus"), ("inside", "outside"))
    return dict(zip(pairs, truths, strict=True))


SINE = {
    ("sine", "outside"): np.True_,
    ("sine", "inside"): np.False_,
    ("softplus", "inside"): 0.0,
    ("softplus", "outside"): 0,
}


def imported_inside(a, W1, b1, W2, b2):
    from helpers.block import block as something  # another name, and not of the notebook

    return something(a, W1, b1, W2, b2)


def rounded(a, W1, b1, W2, b2):
    return np.round(relu(W2 @ relu(W1 @ a + b1) + b2 + a))


def by_a_block_of_their_own():
    def block(a, W1, b1, W2, b2):
        return relu(W2 @ relu(W1 @ a + b1) + b2 + a)

    return lambda *given: 1.0 * block(*given)


def backward_in_another_order(*given):
    da, dW1, db1, dW2, db2 = backward_by_loops(*given)
    return {"dW1": dW1, "dW2": dW2, "db1": db1, "db2": db2, "da": da}


WRONG = {
    "residual_block": {
        "block itself": (block, "it calls block, which is ready-made; write the steps yourself"),
        "block by partial": (partial(block, skip="inside"), "it calls block, which is ready-made"),
        "block, imported inside": (
            imported_inside,
            "it calls block in line 4, which is ready-made",
        ),
        "rounded": (rounded, "but for an input of quarters, entry"),
        "no skip": (no_skip, "a[l] is never added"),
        "ReLU before the addition": (relu_before_the_addition, "g is applied twice"),
        "addition after g": (addition_after_g, "the outside form"),
        "shortcut from a[l+1]": (shortcut_from_the_middle, "the shortcut starts at a[l+1]"),
        "b2 forgotten": (b2_forgotten, "b2 is forgotten"),
        "b2 added twice": (b2_added_twice, "b2 is added twice"),
        "input modified in place": (in_place, "changes its input in place"),
        "W transposed": (transposed, "both W are transposed"),
        "rows and columns mixed up": (rows_and_columns_mixed_up, "both W are transposed"),
        "only for three examples": (
            three_examples_only,
            "right for the small example of this notebook, but for a single column",
        ),
        "only for positive input": (positive_input_only, "but for an input with negative entries"),
        "no last g": (no_last_g, "the last g is missing"),
        "one layer": (
            one_layer,
            "for the small example of this notebook, entry [0, 2] of the result should be 3, and "
            "yours is 4",
        ),
        "elementwise": (
            elementwise,
            "; it was given a (2, 3), W1 (2, 2), b1 (2, 1), W2 (2, 2), b2 (2, 1)",
        ),
        "z2 of the notebook": (
            from_the_notebook,
            "it also takes z2 from the notebook, and not from its arguments",
        ),
        "the ready-made block": (
            ready_made,
            "it calls block in line 2, which is ready-made; write the steps",
        ),
        "shortcut to z1": (into_the_first_layer, "the shortcut ends in the first layer"),
        "no return": (forgot_to_return, "ends without return"),
        "print instead of return": (prints_instead, "ends without return"),
        "result transposed": (transposed_result, "has shape (3, 2) and should have (2, 3)"),
        "mean over the examples": (whole_numbers, "has shape (2,) and should have (2, 3)"),
    },
    "block_backward": {
        "block_gradients itself": (
            block_gradients,
            "it calls block_gradients, which is ready-made",
        ),
        "no + 1": (backward_without_the_one, "the + 1 is missing"),
        "+ upstream": (backward_of_outside, "which is the outside form"),
        "slope at z2": (backward_slope_at_z2, "the slope of the last g is taken at z2"),
        "b not summed": (backward_b_not_summed, "db is one column"),
        "W2 not transposed": (backward_not_transposed, "W2 has to be transposed"),
        "averaged": (backward_averaged, "divided again"),
        "no first slope": (backward_without_first_slope, "the slope of the first g is missing"),
        "upstream modified in place": (backward_in_place, "changes its input in place"),
        "only da": (backward_only_da, "should return 5 values"),
        "+ 1": (backward_plus_one, "this adds 1 to da"),
        "g for g'": (backward_g_for_its_slope, "this takes the last g itself, not its slope"),
        ">= 0": (backward_slope_1_at_0, "the slope of ReLU at 0 is taken as 1"),
        "b without its column": (backward_flat_b, "which keepdims=True keeps"),
        "W2 from a": (backward_W2_from_a, "which is a1 and not a"),
        "da last": (backward_da_last, "da comes first"),
        "ready-made": (
            backward_ready_made,
            "it calls block_gradients in line 2, which is ready-made",
        ),
        "another order": (backward_in_the_order_of_the_steps, "has shape"),
    },
    "identities": {
        "tested with negative inputs": (
            table(False, True, False, True, False, False),
            "inputs of both signs",
        ),
        "forms swapped": (
            table(True, True, True, False, False, False),
            "this has the two forms swapped",
        ),
        "softplus starts at 0": (table(True, True, False, True, False, True), "ln(1 + 1) = 0.693"),
        "softplus looks like ReLU": (table(True, True, False, True, True, False), "= 2.127"),
        "outside is never changed by g": (
            table(True, True, False, True, False, True),
            "softplus, outside",
        ),
        "sine is no identity": (table(True, True, False, False, False, False), "sine, outside"),
        "sine of a small angle": (table(True, True, True, True, False, False), "sine, inside"),
        "absolute value outside": (
            table(True, False, False, True, False, False),
            "absolute value, outside",
        ),
        "a list": (
            [True, True, False, True, False, False],
            "it should be a dictionary of 6 entries, and yours is",
        ),
        "other keys": (
            {"sine": (False, True)},
            "there is no entry ('absolute value', 'inside'); the 6 entries are: ('absolute",
        ),
        "words": (
            table("yes", True, False, True, False, False),
            "without quotes, and yours is 'yes'",
        ),
    },
}
RIGHT = {
    "residual_block": [by_a_block_of_their_own(), by_loops, by_einsum, in_torch, as_lists],
    "block_backward": [
        backward_in_another_order,
        backward_by_autograd,
        backward_by_loops,
        backward_as_a_dictionary,
    ],
    "identities": [
        MappingProxyType(table(True, True, False, True, False, False)),
        table(True, True, False, True, False, False),
        table(1, 1, 0, 1, 0, 0),
        table(*np.arange(6) % 4 < 2) | SINE,
    ],
}
