"""The nets: the formula, the switch, the starts."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers import block as B
from helpers import nets


@pytest.mark.parametrize("skip", nets.SKIPS)
def test_block_is_the_block_of_the_lecture(skip):
    """helpers.block is tested against PyTorch's layers; the two modules must also agree with each other."""
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
    assert [b.skip for b in net.modules() if isinstance(b, nets.Block)] == [skip] * (layers // 2 - 1)
    assert net(torch.zeros(3, 8, 8)).shape == (3, 10)


def test_plain_net_has_no_secret_skip():
    """Cut the branch of one block: a plain net loses all of its input, a residual one does not."""
    x = torch.rand(20, 8, 8, generator=torch.Generator().manual_seed(0))
    for skip in nets.SKIPS:
        net = nets.fully_connected(8, skip, seed=0)
        nn.init.zeros_(net[4].second.weight)
        spread = net(x).std(dim=0).max().item()
        assert spread == 0 if skip == "none" else spread > 0.01


@pytest.mark.parametrize("start", nets.STARTS)
def test_arms_of_one_seed_start_from_the_same_numbers(start):
    plain, inside, outside = (nets.fully_connected(8, skip, start, seed=3).state_dict() for skip in nets.SKIPS)
    other = nets.fully_connected(8, "none", start, seed=4).state_dict()
    for name, value in plain.items():
        assert torch.equal(value, inside[name])
        assert torch.equal(value, outside[name])
    assert not torch.equal(plain["1.weight"], other["1.weight"])


def test_start_pytorch_is_what_linear_does_by_itself():
    net = nets.start(nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3)), "pytorch", seed=11)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        theirs = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    for name, value in net.state_dict().items():
        assert torch.allclose(value, theirs.state_dict()[name], rtol=1e-6)


def test_start_he_has_its_deviation_and_no_bias():
    layer = nets.start(nn.Linear(500, 400), "he", seed=0)
    assert layer.weight.std().item() == pytest.approx((2 / 500) ** 0.5, rel=0.01)
    assert not layer.bias.any()


@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_start_zero_is_the_identity_to_the_last_bit(skip):
    net = nets.fully_connected(20, skip, "zero", seed=0)
    a = torch.relu(torch.randn(10, 64, generator=torch.Generator().manual_seed(0)))
    for block in net:
        if isinstance(block, nets.Block):
            assert torch.equal(block(a), a)
            assert block.first.weight.any()  # only the last layer is zero
    shallow = nn.Sequential(*net[:3], net[-1])
    x = torch.rand(5, 8, 8)
    assert torch.equal(net(x), shallow(x))


def test_global_random_state_is_left_alone():
    before = torch.random.get_rng_state()
    nets.fully_connected(8, start="he", seed=1)
    nets.fully_connected(8, start="pytorch", seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


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


def test_blocks_of_different_seeds_differ():
    first, again, second = nets.Block(4, seed=1), nets.Block(4, seed=1), nets.Block(4, seed=2)
    assert torch.equal(first.first.weight, again.first.weight)
    assert not torch.equal(first.first.weight, second.first.weight)


@pytest.mark.parametrize("start", nets.STARTS)
def test_layers_without_a_bias_can_be_started(start):
    layer = nets.start(nn.Linear(4, 4, bias=False), start)
    assert layer.weight.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": 0}, "layers = 0, but a net has a first and a last layer and blocks of two"),
        ({"layers": 7}, "layers = 7"),
        ({"layers": 8, "skip": "over"}, "skip = 'over' is not known; use one of 'none', 'inside', 'outside'"),
        ({"layers": 8, "start": "luck"}, "start = 'luck' is not known; use one of 'pytorch', 'he', 'zero'"),
        ({"layers": 8, "width": 0}, "width = 0, but a layer needs at least 1 unit"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        nets.fully_connected(**arguments)
