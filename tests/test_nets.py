"""The nets: the formula, the switch, the starts."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers import block as B
from helpers import nets


@pytest.mark.parametrize("skip", nets.SKIPS)
def test_block_is_the_block_of_the_lecture(skip):
    """helpers.block is tested against PyTorch's layers; the two modules must also agree with each
    other.
    """
    block = nets.Block(5, skip).double()
    W1, b1, W2, b2 = (p.detach().numpy() for p in block.parameters())
    a = np.random.default_rng(0).normal(size=(5, 7))
    expected = B.block(a, W1, b1[:, None], W2, b2[:, None], skip=skip)
    assert np.allclose(block(torch.tensor(a.T)).detach().numpy(), expected.T, atol=1e-12)


@pytest.mark.parametrize("layers", [2, 4, 20, 56])
@pytest.mark.parametrize("skip", nets.SKIPS)
def test_layers_are_counted_as_weight_layers(layers, skip):
    net = nets.fully_connected(layers, skip)
    linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
    assert len(linear) == layers
    assert [b.skip for b in net.modules() if isinstance(b, nets.Block)] == [skip] * (
        layers // 2 - 1
    )
    assert net(torch.zeros(3, 8, 8)).shape == (3, 10)


def test_plain_net_has_no_secret_skip():
    """Cut the branch of one block: a plain net loses all of its input, a residual one does not."""
    x = torch.rand(20, 8, 8, generator=torch.Generator().manual_seed(0))
    for skip in nets.SKIPS:
        net = nets.fully_connected(8, skip, seed=0)
        nn.init.zeros_(net[4].second.weight)
        spread = net(x).std(dim=0).max().item()
        assert spread == 0 if skip == "none" else spread > 0.01


def test_skip_can_be_switched_later():
    block = nets.Block(3, "none")
    a = torch.rand(2, 3)
    plain = block(a)
    block.skip = "outside"
    assert torch.equal(block(a), plain + a)
    assert "outside" in repr(block)
    block.skip = "insid"
    with pytest.raises(ValueError, match="skip = 'insid' is not known"):
        block(a)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 8.0}, "layers = 8.0, but a net has .* 2, 4, 6, ... .an int."),
        ({"layers": "8"}, "layers = '8', but"),
        ({"layers": 8, "width": 16.0}, "width = 16.0, but it must be a whole number above 0"),
        ({"layers": 8, "classes": None}, "classes = None, but it must be a whole number above 0"),
        ({"layers": 0}, "layers = 0, but a net has a first and a last layer and blocks of two"),
        ({"layers": 7}, "layers = 7"),
        (
            {"layers": 8, "skip": "over"},
            "skip = 'over' is not known; use one of 'none', 'inside', 'outside'",
        ),
        (
            {"layers": 8, "start": "luck"},
            "start = 'luck' is not known; use one of 'pytorch', 'he', 'identity'",
        ),
        ({"layers": 8, "width": 0}, "width = 0, but it must be a whole number above 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        nets.fully_connected(**arguments)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nets.Block(4.0),
        lambda: nets.ZeroPadding(2.0, 4),
        lambda: nets.ZeroPadding(2, 4.0),
        lambda: nets.convolution(1, 4, 3.0),
        lambda: nets.convolutional_block(4, 8, 2.0),
        lambda: nets.resnet34(classes=10.0),
        lambda: nets.resnet34(blocks=(2, 2.0, 2, 2)),
        lambda: nets.resnet34(blocks=()),
        lambda: nets.linear(3.0, 4),
        lambda: nets.convolution(1, 4, 2),
        lambda: nets.resnet34(blocks=3),
    ],
)
def test_sizes_are_ints(make):
    with pytest.raises(ValueError, match=r"= [0-9.]+.*, but"):
        make()


ONE = nn.Linear(4, 4)


NO_LAYERS = [ONE, [ONE] * 3, iter([ONE, ONE]), (nn.Linear,) * 2, "ab", 3, (), torch.eye(2)]


@pytest.mark.parametrize("layers", NO_LAYERS)
def test_layers_that_are_no_two_modules_are_named(layers):
    with pytest.raises(ValueError, match="a block needs two layers and at most one Ws"):
        nets.Block(4, layers=layers)
    for Ws in ("B", torch.eye(4)):
        with pytest.raises(ValueError, match="a block needs two layers and at most one Ws"):
            nets.Block(4, Ws=Ws)


def test_what_cannot_be_initialised_is_named():
    for net in (None, nets.Block, [nets.Block(3)]):
        with pytest.raises(ValueError, match=r"the net must be a torch\.nn.Module, but is"):
            nets.initialise(net)
    with pytest.raises(ValueError, match="the net has lazy layers: give it images once"):
        nets.initialise(nn.LazyLinear(3))


def test_sizes_may_be_those_of_numpy():
    assert nets.fully_connected(np.int64(4), width=np.int32(8))(torch.zeros(2, 64)).shape == (2, 10)
