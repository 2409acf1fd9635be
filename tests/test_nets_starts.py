"""Initial numbers: they follow from the start and the seed alone."""

import inspect

import pytest
import torch
from blocks import blocks_of, count, random_images
from torch import nn

from helpers import nets, training


@pytest.mark.parametrize("start", ["pytorch", "he"])
def test_arms_of_one_seed_start_from_the_same_numbers(start):
    plain, inside, outside = (
        nets.fully_connected(8, skip, start, seed=3).state_dict() for skip in nets.SKIPS
    )
    other = nets.fully_connected(8, "none", start, seed=4).state_dict()
    for name, value in plain.items():
        assert torch.equal(value, inside[name])
        assert torch.equal(value, outside[name])
    assert not torch.equal(plain["1.weight"], other["1.weight"])


def test_start_pytorch_is_what_linear_does_by_itself():
    net = nets.initialise(nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3)), "pytorch", seed=11)
    with torch.random.fork_rng():
        torch.manual_seed(11)
        theirs = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    for name, value in net.state_dict().items():
        assert torch.allclose(value, theirs.state_dict()[name], rtol=1e-6)


def test_start_he_has_its_deviation_and_no_bias():
    layer = nets.initialise(nn.Linear(500, 400), "he", seed=0)
    assert layer.weight.std().item() == pytest.approx((2 / 500) ** 0.5, rel=0.01)
    assert not layer.bias.any()


@pytest.mark.parametrize("skip", nets.SKIPS)
def test_start_identity_is_the_identity_to_the_last_bit(skip):
    net = nets.fully_connected(20, skip, "identity", seed=0)
    a = torch.relu(torch.randn(10, 64, generator=torch.Generator().manual_seed(0)))
    for block in net:
        if isinstance(block, nets.Block):
            assert torch.equal(block(a), a)
            assert block.second.weight.any() == (skip == "none")
            assert block.first.weight.any()  # only the last layer is zero
    shallow = nn.Sequential(*net[:3], net[-1])
    x = torch.rand(5, 8, 8)
    assert torch.equal(net(x), shallow(x))


def test_global_random_state_is_left_alone():
    before = torch.random.get_rng_state()
    nets.convolutional(8, shortcut="C", seed=1)
    nets.fully_connected(8, start="he", seed=1)
    nets.fully_connected(8, start="pytorch", seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_numbers_are_drawn_on_the_cpu_wherever_the_net_is(monkeypatch):
    """On ``meta``, the other device that every machine has. It keeps no numbers to compare."""
    net, drawn, draw = nets.fully_connected(2), [], nn.init.kaiming_normal_

    def watch(numbers, **how):
        drawn.append(numbers.device.type)
        return draw(numbers, **how)

    monkeypatch.setattr(nn.init, "kaiming_normal_", watch)
    nets.initialise(net.to("meta"), "he", seed=0)
    assert set(drawn) == {"cpu"}


def test_where_no_seed_is_said_it_is_0():
    """So nets that are compared start alike, however they were made."""
    makers = nets.Block, nets.convolutional_block, nets.fully_connected, nets.convolutional
    for make in (*makers, nets.resnet34, nets.initialise, training.train):
        assert inspect.signature(make).parameters["seed"].default == 0


def test_blocks_of_different_seeds_differ():
    first, again, second = nets.Block(4, seed=1), nets.Block(4, seed=1), nets.Block(4, seed=2)
    assert torch.equal(first.first.weight, again.first.weight)
    assert not torch.equal(first.first.weight, second.first.weight)


@pytest.mark.parametrize("start", nets.STARTS)
def test_layers_without_a_bias_can_be_started(start):
    layer = nets.initialise(nn.Linear(4, 4, bias=False), start)
    assert layer.weight.any()


@pytest.mark.parametrize("start", ["pytorch", "he"])
def test_convolutional_arms_of_one_seed_start_from_the_same_numbers(start):
    plain, inside, outside = (nets.convolutional(14, skip, start, seed=3) for skip in nets.SKIPS)
    assert count(plain) == count(inside) == count(outside)
    for residual in (inside, outside):
        assert residual.state_dict().keys() == plain.state_dict().keys()
        assert all(map(torch.equal, residual.state_dict().values(), plain.state_dict().values()))
    other = nets.convolutional(14, "none", start, seed=4)
    assert not torch.equal(plain[0][0].weight, other[0][0].weight)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shortcut", nets.SHORTCUTS)
@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_start_identity_leaves_convolutional_shortcuts_alone(skip, shortcut, training):
    net = nets.convolutional(14, skip, "identity", shortcut).train(training)
    a = torch.relu(random_images(3, 16, 8, 8))
    with torch.no_grad():
        for block in blocks_of(net):
            alone = block.Ws(a)
            if isinstance(block.Ws, nn.Identity):
                assert torch.equal(block(a), a)
            assert torch.equal(block(a), torch.relu(alone) if skip == "inside" else alone)
            a = torch.relu(alone)


def test_start_identity_lets_plain_convolutions_copy_what_option_A_would_add():
    net = nets.convolutional(14, "none", "identity").eval()
    a = torch.relu(random_images(3, 16, 8, 8))
    with torch.no_grad():
        for block in blocks_of(net):
            stride = block.first[0].stride[0]
            shortcut = nets.ZeroPadding(stride, block.first[0].out_channels - a.shape[1])
            torch.testing.assert_close(block(a), shortcut(a), rtol=1e-4, atol=1e-6)
            a = block(a)


@pytest.mark.parametrize("shortcut", nets.SHORTCUTS)
def test_start_identity_sets_the_last_gamma_of_each_block_and_no_other(shortcut):
    net = nets.convolutional(14, start="identity", shortcut=shortcut)
    last = [block.second[1] for block in blocks_of(net)]
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == (0 if module in last else 1)).all()
            assert not module.bias.any()
        if isinstance(module, nn.Conv2d):
            assert module.weight.any()


def test_start_identity_silences_the_bias_of_any_normalisation():
    """One that ``initialise`` does not start anew: it may have been trained."""
    last = nn.GroupNorm(2, 4)
    nn.init.ones_(last.bias)
    layers = nn.Conv2d(4, 4, 3, padding=1), nn.Sequential(nn.Conv2d(4, 4, 1), last)
    block = nets.initialise(nets.Block(4, "inside", layers=layers), "identity")
    a = torch.relu(random_images(2, 4, 5, 5))
    assert torch.equal(block(a), a)


def test_start_identity_needs_no_bias():
    layers = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
    block = nets.initialise(nets.Block(4, layers=layers), "identity")
    a = torch.relu(random_images(3, 4))
    assert torch.equal(block(a), a)


def test_start_pytorch_is_what_conv2d_does_by_itself():
    net = nets.initialise(
        nn.Sequential(nn.Conv2d(7, 5, 3), nn.Conv2d(5, 3, 1, bias=False)), "pytorch", seed=11
    )
    with torch.random.fork_rng():
        torch.manual_seed(11)
        theirs = nn.Sequential(nn.Conv2d(7, 5, 3), nn.Conv2d(5, 3, 1, bias=False))
    for name, value in net.state_dict().items():
        assert torch.allclose(value, theirs.state_dict()[name], rtol=1e-6)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_start_he_counts_the_inputs_of_a_convolution(kernel):
    layer = nets.initialise(nn.Conv2d(60, 400, kernel), "he", seed=0)
    assert layer.weight.std().item() == pytest.approx((2 / (kernel * kernel * 60)) ** 0.5, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.02 * layer.weight.std().item())
    assert not layer.bias.any()


def test_a_new_start_forgets_the_running_statistics():
    net = nets.convolutional(8, seed=5)
    fresh = {name: value.clone() for name, value in net.state_dict().items()}
    net(random_images(4, 1, 8, 8))
    assert not torch.equal(net[0][1].running_mean, fresh["0.1.running_mean"])
    nets.initialise(net, "he", seed=5)
    assert all(torch.equal(value, fresh[name]) for name, value in net.state_dict().items())


def test_variants_of_the_shortcut_start_from_the_same_numbers_everywhere_else():
    a, b, c = (
        nets.convolutional(14, shortcut=shortcut, seed=2, width=4).state_dict()
        for shortcut in nets.SHORTCUTS
    )
    for name, value in a.items():
        assert torch.equal(value, b[name])
        assert torch.equal(value, c[name])
    assert len(a) < len(b) < len(c)


@pytest.mark.parametrize("last", [torch.nn.Tanh(), torch.tanh])
def test_a_block_without_weights_at_its_end_is_never_the_identity(last):
    net = nets.Block(4, layers=(torch.nn.Linear(4, 4), last), seed=None)
    with pytest.raises(ValueError, match="the second layer of a block has no weights"):
        nets.initialise(net, "identity")


def test_a_shortcut_may_be_a_function():
    a = torch.rand(3, 4)
    net = nets.Block(4, Ws=lambda a: 2 * a)
    usual = nets.Block(4)
    assert torch.equal(net(a), torch.relu(usual.second(torch.relu(usual.first(a))) + 2 * a))
