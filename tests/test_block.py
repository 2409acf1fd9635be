"""The block against oracles that nobody here wrote: PyTorch, finite differences, closed forms."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import changing_parts, random_parts

from helpers import block as B

FUNCTIONS = {
    B.relu: torch.relu,
    B.tanh: torch.tanh,
    B.sigmoid: torch.sigmoid,
    B.linear: lambda z: z,
}

sizes = st.integers(1, 7)


def by_torch(a, W1, b1, W2, b2, skip, g, Ws=None):
    """The formulas of the lecture with PyTorch's own layers; examples are rows there."""
    z = torch.nn.functional.linear(
        g(torch.nn.functional.linear(a.T, W1, b1.ravel())), W2, b2.ravel()
    ).T
    shortcut = a if Ws is None else torch.nn.functional.linear(a.T, Ws).T
    return {
        "none": lambda: g(z),
        "inside": lambda: g(z + shortcut),
        "outside": lambda: g(z) + shortcut,
    }[skip]()


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    sizes,
    sizes,
    sizes,
    st.sampled_from(B.SKIPS),
    st.sampled_from(list(FUNCTIONS)),
)
def test_forward_and_backward_agree_with_torch(seed, units, hidden, examples, skip, g):
    parts = random_parts(seed, units, hidden, examples)
    upstream = np.random.default_rng(seed + 1).normal(size=(units, examples))
    tensors = [torch.tensor(part, requires_grad=True) for part in parts]
    expected = by_torch(*tensors, skip, FUNCTIONS[g])
    assert np.allclose(B.block(*parts, skip=skip, g=g), expected.detach().numpy(), atol=1e-12)
    expected.backward(torch.tensor(upstream))
    for ours, tensor in zip(
        B.block_gradients(*parts, upstream, skip=skip, g=g), tensors, strict=True
    ):
        theirs = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        assert ours.shape == tensor.shape
        assert np.allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("skip", B.SKIPS)
@pytest.mark.parametrize("g", [B.tanh, B.sigmoid, B.linear])
def test_gradients_agree_with_finite_differences(skip, g):
    parts, upstream = random_parts(0), np.random.default_rng(1).normal(size=(4, 6))
    gradients = B.block_gradients(*parts, upstream, skip=skip, g=g)
    for i, gradient in enumerate(gradients):
        direction = np.random.default_rng(2 + i).normal(size=parts[i].shape)

        def loss(shift, i=i, direction=direction):
            moved = [part + shift * direction if j == i else part for j, part in enumerate(parts)]
            return np.sum(upstream * B.block(*moved, skip=skip, g=g))

        assert (loss(1e-6) - loss(-1e-6)) / 2e-6 == pytest.approx(
            np.sum(gradient * direction), rel=1e-6, abs=1e-8
        )


def test_slope_of_relu_at_zero_is_that_of_torch():
    z = torch.zeros(1, requires_grad=True)
    torch.relu(z).backward()
    assert B.SLOPES[B.relu](np.zeros(1)) == z.grad.item() == 0


@settings(deadline=None)
@given(st.integers(0, 10**6), sizes, sizes)
def test_block_of_zeros_is_the_identity_or_nothing(seed, units, examples):
    a = np.random.default_rng(seed).normal(size=(units, examples))
    W, b = np.zeros((units, units)), np.zeros((units, 1))
    activation = B.relu(a)
    assert np.array_equal(B.block(activation, W, b, W, b, skip="none"), np.zeros_like(a))
    assert np.array_equal(B.block(activation, W, b, W, b, skip="inside"), activation)
    assert np.array_equal(B.block(a, W, b, W, b, skip="inside"), B.relu(a))
    assert np.array_equal(B.block(a, W, b, W, b, skip="outside"), a)


def test_inputs_are_never_changed():
    parts = random_parts(3)
    copies = [part.copy() for part in parts]
    for skip in B.SKIPS:
        out = B.block(*parts, skip=skip)
        B.block_gradients(*parts, out, skip=skip)
        list(
            B.descend(parts[0], out, parts[1:], learning_rate=0.1, steps=3, skip=skip, strength=0.1)
        )
    B.decay(parts[1], 0.5, 0.1, 3)
    assert all(np.array_equal(part, copy) for part, copy in zip(parts, copies, strict=True))


def test_sigmoid_survives_extremes():
    assert np.array_equal(B.sigmoid(np.array([-1e9, 0.0, 1e9])), [0, 0.5, 1])


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 50))
def test_decay_follows_its_closed_form(strength, learning_rate, steps):
    W = np.arange(6.0).reshape(2, 3) - 2
    norms, end = B.decay(W, strength, learning_rate, steps)
    factor = (1 - learning_rate * strength) ** np.arange(steps + 1)
    assert np.allclose(norms, factor * np.linalg.norm(W), rtol=1e-9, atol=1e-12)
    assert np.allclose(end, factor[-1] * W, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rate", [torch.tensor(0.5), np.float16(0.5), Fraction(1, 2)])
def test_a_rate_is_any_number(rate):
    norms, _ = B.decay([[3.0, 4.0]], strength=rate, learning_rate=rate, steps=1)
    assert norms.tolist() == [5, 3.75]
    start, W = B.random_block(1, seed=0, scale=rate), [[1.0]]
    ((loss, _),) = B.descend(W, W, start, learning_rate=rate, strength=rate, steps=1)
    start = B.random_block(1, seed=0, scale=0.5)
    assert loss == next(B.descend(W, W, start, learning_rate=0.5, strength=0.5, steps=1))[0]


def test_rates_of_few_bits_do_not_begin_again():
    with pytest.raises(ValueError, match="= 256 is above 2"):
        B.decay([[3.0, 4.0]], strength=np.uint8(16), learning_rate=np.uint8(16), steps=1)


@pytest.mark.parametrize("units", [0, 2.5, "4"])
def test_a_block_has_a_whole_number_of_units(units):
    with pytest.raises(ValueError, match=f"units = {units!r}, but it must be a whole number above"):
        B.random_block(units, seed=0)


def test_no_steps_are_the_start():
    norms, end = B.decay([[3.0, 4.0]], strength=1, learning_rate=0.5, steps=0)
    assert (norms.tolist(), end.tolist()) == ([5.0], [[3.0, 4.0]])
    W = np.eye(2)
    assert list(B.descend(W, W, (W, W[:1].T, W, W[:1].T), learning_rate=0.1, steps=0)) == []


def test_decay_may_turn_W_around_at_each_step_but_not_enlarge_it():
    norms, end = B.decay([[3.0, 4.0]], strength=4, learning_rate=0.5, steps=3)
    assert norms.tolist() == [5] * 4
    assert end.tolist() == [[-3, -4]]


def test_descend_is_gradient_descent_with_weight_decay():
    """The oracle: torch.optim.SGD with weight_decay on the same loss."""
    a, *parameters = random_parts(4)
    target = np.random.default_rng(5).normal(size=a.shape)
    for skip in B.SKIPS:
        tensors = [torch.tensor(p, requires_grad=True) for p in parameters]
        W1, b1, W2, b2 = tensors
        groups = [{"params": [W1, W2], "weight_decay": 0.3}, {"params": [b1, b2]}]
        optimizer = torch.optim.SGD(groups, lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            output = by_torch(torch.tensor(a), *tensors, skip, torch.relu)
            ((output - torch.tensor(target)) ** 2).sum().div(2 * a.shape[1]).backward()
            optimizer.step()
        *_, (loss, ours) = B.descend(
            a, target, parameters, learning_rate=0.05, steps=5, skip=skip, strength=0.3
        )
        for mine, theirs in zip(ours, tensors, strict=True):
            assert np.allclose(mine, theirs.detach().numpy(), atol=1e-12)
        assert loss == pytest.approx(
            ((B.block(a, *ours, skip=skip) - target) ** 2).sum() / (2 * a.shape[1])
        )


def test_descend_decays_b_only_when_told():
    a = np.zeros((2, 3))  # no signal: only weight decay and b act
    parameters = (np.ones((2, 2)), np.ones((2, 1)), np.ones((2, 2)), -np.ones((2, 1)) * 9)
    (_, kept), (_, decayed) = (
        next(
            B.descend(
                a,
                a,
                parameters,
                learning_rate=0.1,
                steps=1,
                skip="none",
                strength=1.0,
                decay_b=switch,
            )
        )
        for switch in (False, True)
    )
    assert np.allclose(kept[0], 0.9)
    assert np.array_equal(kept[3], parameters[3])
    assert np.allclose(decayed[3], 0.9 * parameters[3])


def test_random_block_has_the_deviation_of_he():
    W1, b1, W2, b2 = B.random_block(400, seed=0)
    assert W1.shape == W2.shape == (400, 400)
    assert b1.shape == b2.shape == (400, 1)
    assert W1.std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert B.random_block(400, seed=0, scale=0.5)[2].std() == pytest.approx(W2.std() / 2)
    assert not np.array_equal(B.random_block(4, seed=1)[0], B.random_block(4, seed=2)[0])


def test_plain_block_may_change_the_dimension():
    a, W1, b1, *_ = random_parts(0)
    assert B.block(a, W1, b1, np.ones((3, 5)), np.ones((3, 1)), skip="none").shape == (3, 6)


@pytest.mark.parametrize("skip", B.SKIPS)
@pytest.mark.parametrize("g", FUNCTIONS)
@pytest.mark.parametrize(("units", "out"), [(128, 256), (5, 3), (4, 4)])
def test_Ws_agrees_with_torch(units, out, skip, g):
    parts, Ws = changing_parts(units, out)
    expected = by_torch(*map(torch.tensor, parts), skip, FUNCTIONS[g], torch.tensor(Ws))
    assert expected.shape == (out, 6)
    assert np.allclose(B.block(*parts, skip=skip, g=g, Ws=Ws), expected, rtol=1e-12, atol=1e-9)


def test_Ws_of_ones_and_zeros_pads_with_zeros():
    (a, W1, b1, W2, b2), _ = changing_parts()
    z2 = W2 @ B.relu(W1 @ a + b1) + b2
    padded = np.concatenate([a, np.zeros((128, 6))])
    for skip, expected in {"inside": B.relu(z2 + padded), "outside": B.relu(z2) + padded}.items():
        assert np.array_equal(B.block(a, W1, b1, W2, b2, skip=skip, Ws=np.eye(256, 128)), expected)


@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_square_Ws_is_not_its_transpose(skip):
    """Where both fit, only the numbers can tell: a rotation by 90 degrees one way, and the other
    way.
    """
    a, W, b = np.array([[3.0], [2.0]]), np.zeros((2, 2)), np.full((2, 1), 9.0)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    assert B.block(a, W, b, W, b, skip=skip, Ws=turn).tolist() == [[7], [12]]
    assert B.block(a, W, b, W, b, skip=skip, Ws=turn.T).tolist() == [[11], [6]]
    assert B.block(a, W, b, W, b, skip=skip, Ws=np.eye(2)).tolist() == [[12], [11]]


def test_plain_block_has_no_use_for_Ws():
    parts, Ws = changing_parts()
    assert np.array_equal(B.block(*parts, skip="none", Ws=Ws), B.block(*parts, skip="none"))


def test_lists_are_arrays_too():
    parts = random_parts(0)
    assert np.array_equal(B.block(*[part.tolist() for part in parts]), B.block(*parts))
    parts, Ws = changing_parts(3, 2)
    assert np.array_equal(B.block(*parts, Ws=Ws.tolist()), B.block(*parts, Ws=Ws))


@pytest.mark.parametrize("skip", B.SKIPS)
def test_pixels_of_eight_bits_do_not_overflow(skip):
    a, W, b, Ws = (np.full(shape, 200, np.uint8) for shape in ((2, 3), (2, 2), (2, 1), (2, 2)))
    exact = B.block(*(part.astype(float) for part in (a, W, b, W, b)), skip, Ws=Ws.astype(float))
    assert np.array_equal(B.block(a, W, b, W, b, skip, Ws=Ws), exact)
