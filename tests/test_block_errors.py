"""Blocks that cannot be computed: the error names the part, the shapes and the remedy."""

import math
import re

import numpy as np
import pytest
import torch
from parts import changing_parts, random_parts

from helpers import block as B

BAD_PARTS = [
    ({"W1": np.zeros((5, 3))}, r"W1 has 3 columns, but a\[l\] has 4 rows"),
    ({"W2": np.zeros((4, 3))}, r"W2 has 3 columns, but a\[l\+1\] has 5 rows"),
    ({"b1": np.zeros((4, 1))}, r"b1 has shape \(4, 1\), but W1 has 5 rows"),
    ({"b2": np.zeros((4, 2))}, r"b2 has shape \(4, 2\), but W2 has 4 rows"),
    ({"b2": np.zeros(4)}, r"b2 has shape \(4,\), but must have two axes"),
    ({"a": np.zeros(4)}, r"a\[l\] has shape \(4,\), but must have two axes"),
    ({"a": [[1.0, 2.0], [3.0]]}, r"a\[l\] is no array of numbers: its rows differ in shape"),
    ({"a": torch.ones(4, 6, dtype=torch.bfloat16)}, r"a\[l\] cannot become an array of NumPy"),
    ({"a": "x"}, r"a\[l\] is of type <U1, but must hold numbers"),
    ({"W2": np.zeros((3, 5)), "b2": np.zeros((3, 1))}, r"z\[l\+2\] has 3 rows .* but a\[l\] has 4"),
    (
        {"skip": "sideways"},
        r"skip = 'sideways' is not known; use one of 'none', 'inside', 'outside'",
    ),
]


@pytest.mark.parametrize(("bad", "message"), BAD_PARTS)
def test_bad_parts_are_named(bad, message):
    parts = dict(zip(("a", "W1", "b1", "W2", "b2"), random_parts(0), strict=True)) | bad
    with pytest.raises(ValueError, match=message):
        B.block(**parts)
    with pytest.raises(ValueError, match=message):
        B.block_gradients(**parts, upstream=np.zeros((4, 6)))


@pytest.mark.parametrize("g", [torch.relu, torch.nn.ReLU, math.tanh, np.max, lambda z: None])
def test_a_g_that_takes_no_arrays_is_named(g):
    with pytest.raises(ValueError, match=r"g = .*, but it must be a function of NumPy's arrays"):
        B.block(*random_parts(0), g=g)


def test_tensors_and_lists_are_read():
    parts, up = random_parts(0), np.ones((4, 6))
    for change in (lambda part: torch.tensor(part, requires_grad=True), np.ndarray.tolist):
        changed, rate = [change(part) for part in parts], torch.tensor(0.1)
        assert np.array_equal(B.block(*changed), B.block(*parts))
        gradients = B.block_gradients(*changed, change(up))
        assert np.array_equal(gradients.W1, B.block_gradients(*parts, up).W1)
        ((loss, _),) = B.descend(changed[0], up, changed[1:], learning_rate=rate, steps=1)
        ((same, _),) = B.descend(parts[0], up, parts[1:], learning_rate=0.1, steps=1)
        assert loss == pytest.approx(same)
        assert B.decay(changed[1], 1, 0.1, 1)[0][0] == np.linalg.norm(parts[1])


@pytest.mark.parametrize("scale", [-1, None, "large", np.nan, torch.tensor(1j)])
def test_a_scale_below_zero_is_named(scale):
    with pytest.raises(ValueError, match=r"scale = .*, but it must be a number, 0 or more"):
        B.random_block(3, 0, scale)


@pytest.mark.parametrize("skip", B.SKIPS)
@pytest.mark.parametrize("shape", [(128, 256), (256, 256), (128, 128), (256,), (256, 128, 1), ()])
def test_Ws_that_does_not_fit_is_named(shape, skip):
    parts, _ = changing_parts()
    message = f"Ws has shape {shape}, but must be (256, 128): rows of z[l+2], rows of a[l]"
    with pytest.raises(ValueError, match=re.escape(message)):
        B.block(*parts, skip=skip, Ws=np.ones(shape))


@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_missing_Ws_is_named(skip):
    message = r"z\[l\+2\] has 256 rows .* but a\[l\] has 128 .* needs a Ws of shape \(256, 128\)"
    with pytest.raises(ValueError, match=message):
        B.block(*changing_parts()[0], skip=skip)


def test_bad_numbers_are_named():
    parts = random_parts(0)
    with pytest.raises(
        ValueError, match=r"target has shape \(4, 1\), but a\[l\+2\] has shape \(4, 6\)"
    ):
        next(B.descend(parts[0], np.zeros((4, 1)), parts[1:], learning_rate=0.1, steps=1))
    with pytest.raises(
        ValueError, match=r"upstream has shape \(1, 6\), but a\[l\+2\] has shape \(4, 6\)"
    ):
        B.block_gradients(*parts, np.zeros((1, 6)))
    with pytest.raises(ValueError, match="slope of g"):
        B.block_gradients(*parts, np.zeros((4, 6)), g=np.cos)
    with pytest.raises(ValueError, match=r"strength = -1, but it must be a number, 0 or more"):
        B.decay(parts[1], -1, 0.1, 3)
    with pytest.raises(ValueError, match=r"learning_rate = nan"):
        B.decay(parts[1], 1, np.nan, 3)
    with pytest.raises(ValueError, match="steps = -3"):
        B.decay(parts[1], 1, 0.1, -3)
    with pytest.raises(
        ValueError,
        match=r"learning_rate \* strength = 3 is above 2, where each step makes W larger",
    ):
        B.decay(parts[1], 30, 0.1, 3)
    with pytest.raises(ValueError, match="strength = -1"):
        next(B.descend(parts[0], parts[0], parts[1:], learning_rate=0.1, steps=1, strength=-1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strength": -1}, "strength = -1, but it must be a number, 0 or more"),
        ({"g": np.cos}, "the slope of g = .*cos.* is not known"),
        (
            {"target": np.zeros((4, 1))},
            r"target has shape \(4, 1\), but a\[l\+2\] has shape \(4, 6\)",
        ),
        ({"skip": "over"}, "skip = 'over' is not known"),
        ({"g": []}, r"the slope of g = \[\] is not known"),
        ({"target": "x"}, "target is of type <U1, but must hold numbers"),
        ({"parameters": B.random_block(4, 0)[:3]}, r"parameters must be \(W1, b1, W2, b2\)"),
        ({"parameters": None}, r"parameters must be \(W1, b1, W2, b2\), as random_block"),
    ],
)
def test_descend_says_what_is_wrong_before_the_first_step(change, message):
    a = np.zeros((4, 6))
    arguments = {
        "a": a,
        "target": a,
        "parameters": B.random_block(4, 0),
        "learning_rate": 0.1,
        "steps": 1,
    } | change
    with pytest.raises(ValueError, match=message):
        B.descend(**arguments)
