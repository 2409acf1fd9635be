"""Measuring instruments: they record what PyTorch computes, and leave no trace."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from helpers import nets, probes


class Upwards(nn.Module):
    """A net whose layers are registered in one order and called in the other."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 2)
        self.branch = nn.Sequential(nn.Linear(4, 3), nn.Tanh())

    def forward(self, x):
        return self.last(self.branch(x))


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Upwards()


@pytest.fixture
def x():
    return torch.linspace(-1, 1, 20).reshape(5, 4)


def hooks(net):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in net.modules() for kind in kinds)


def test_layers_are_recorded_in_the_order_in_which_they_finished(net, x):
    with probes.recording(net) as calls:
        assert calls == []
        net(x)
    assert [call.name for call in calls] == ["branch.0", "branch.1", "last"]
    assert [call.module for call in calls] == [net.branch[0], net.branch[1], net.last]
    assert [tuple(call.input.shape) for call in calls] == [(5, 4), (5, 3), (5, 3)]
    assert [tuple(call.output.shape) for call in calls] == [(5, 3), (5, 3), (5, 2)]


def test_what_is_recorded_is_what_was_computed(net, x):
    with probes.recording(net) as calls:
        output = net(x)
    first, tanh, last = calls
    (W1, b1), (W2, b2) = net.branch[0].parameters(), net.last.parameters()
    assert torch.equal(first.input, x)
    assert torch.allclose(first.output, x @ W1.T + b1)
    assert torch.equal(tanh.input, first.output)
    assert torch.equal(tanh.output, torch.tanh(first.output))
    assert torch.allclose(last.output, tanh.output @ W2.T + b2)
    assert torch.equal(last.output, output)


def test_choose_says_what_is_recorded(net, x):
    with probes.recording(net, lambda module: True) as everything:
        net(x)
    assert [call.name for call in everything] == ["branch.0", "branch.1", "branch", "last", ""]
    with probes.recording(net, lambda module: isinstance(module, nn.Linear)) as linear:
        net(x)
    assert [call.name for call in linear] == ["branch.0", "last"]
    with probes.recording(net, lambda module: False) as nothing:
        net(x)
    assert nothing == []


def test_a_leaf_has_no_parts(net):
    assert [name for name, module in net.named_modules() if probes.is_leaf(module)] == [
        "last",
        "branch.0",
        "branch.1",
    ]


def test_every_call_is_recorded(net, x):
    with probes.recording(net) as calls:
        net(x)
        net(2 * x)
    assert len(calls) == 6
    assert torch.equal(calls[3].input, 2 * x)


def test_no_hook_is_left(net, x):
    assert hooks(net) == 0
    with probes.recording(net) as calls:
        assert hooks(net) == 3
        net(x)
    assert hooks(net) == 0
    net(x)
    assert len(calls) == 3


def test_no_hook_is_left_after_an_error(net, x):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), probes.recording(net):
        net(x.T)
    assert hooks(net) == 0
    with pytest.raises(KeyboardInterrupt), probes.recording(net):
        raise KeyboardInterrupt
    assert hooks(net) == 0


def test_one_recording_leaves_another_alone(net, x):
    with probes.recording(net) as outer:
        with probes.recording(net) as inner:
            net(x)
        net(x)
    assert (len(outer), len(inner)) == (6, 3)


def test_recording_changes_neither_outputs_nor_gradients(net, x):
    net(x).square().sum().backward()
    expected, output = [parameter.grad.clone() for parameter in net.parameters()], net(x)
    net.zero_grad()
    with probes.recording(net) as calls:
        recorded = net(x)
        recorded.square().sum().backward()
    assert torch.equal(recorded, output)
    assert all(
        torch.equal(p.grad, gradient)
        for p, gradient in zip(net.parameters(), expected, strict=True)
    )
    assert not any(tensor.requires_grad for call in calls for tensor in (call.input, call.output))


def test_a_layer_called_by_keyword_is_recorded(net, x):
    with probes.recording(net.branch[0]) as calls:
        net.branch[0](input=x)
    assert torch.equal(calls[0].input, x)


@pytest.fixture
def small():
    """A residual net of four blocks, in float64, images and classes."""
    net = nets.fully_connected(10, start="pytorch", inputs=6, width=5, classes=3).double()
    draw = torch.Generator().manual_seed(0)
    return net, torch.randn(7, 6, generator=draw).double(), torch.arange(7) % 3


def loss_at(net, theta, x, y):
    """The loss of the net with other parameters, by torch.func: the net itself is not touched."""
    parts = theta.split([p.numel() for p in net.parameters()])
    named = zip(net.named_parameters(), parts, strict=True)
    arrays = {name: part.view(p.shape) for (name, p), part in named}
    return nn.functional.cross_entropy(torch.func.functional_call(net, arrays, (x,)), y)


def flat(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def test_the_gradient_is_that_of_torch_func_and_of_finite_differences(small):
    net, x, y = small
    found, theta = probes.gradient(net, x, y), flat(net)
    expected = torch.func.grad(lambda at: loss_at(net, at, x, y))(theta)
    assert torch.allclose(found, expected)
    along, step = torch.randn(len(theta), generator=torch.Generator().manual_seed(2)).double(), 1e-6
    ahead, back = (loss_at(net, theta + way * along, x, y) for way in (step, -step))
    assert torch.allclose(found @ along, (ahead - back) / (2 * step), rtol=1e-5)
    assert not found.requires_grad
    assert all(p.grad is None for p in net.parameters())


def test_a_net_is_elsewhere_for_a_while(small):
    net, x, y = small
    theta, change = flat(net), torch.linspace(-1, 1, len(flat(net))).double()
    expected = loss_at(net, theta + change, x, y)
    with probes.moved(net, change) as same:
        assert same is net
        assert torch.allclose(flat(net), theta + change)
        assert torch.allclose(nn.functional.cross_entropy(net(x), y), expected)
    assert torch.equal(flat(net), theta)


def test_a_net_is_back_after_an_error(small):
    net, *_ = small
    theta = flat(net)
    with pytest.raises(KeyboardInterrupt), probes.moved(net, torch.ones_like(theta)):
        raise KeyboardInterrupt
    assert torch.equal(flat(net), theta)


def test_the_signals_are_those_that_the_blocks_take_and_return(small):
    net, x, _ = small
    signals = probes.after_each_block(net, x)
    with torch.no_grad(), probes.recording(net, lambda part: isinstance(part, nets.Block)) as calls:
        scores = net(x)
    assert len(signals) == len(calls) + 1 == len(probes.blocks(net)) + 1 == 5
    assert all(torch.equal(a, call.input) for a, call in zip(signals, calls, strict=False))
    assert np.array_equal(signals[-1].numpy(), calls[-1].output)
    assert torch.equal(net[-1](signals[-1]), scores)


def test_signals_of_a_convolutional_net_change_their_shape():
    signals = probes.after_each_block(nets.convolutional(14, width=2), torch.zeros(3, 1, 8, 8))
    shapes = [tuple(signal.shape[1:]) for signal in signals]
    assert shapes == 3 * [(2, 8, 8)] + 2 * [(4, 4, 4)] + 2 * [(8, 2, 2)]


def test_between_two_blocks_another_layer_adds_no_signal(x):
    block = nets.Block(4)
    signals = probes.after_each_block(nn.Sequential(block, nn.Tanh(), block, nn.Linear(4, 2)), x)
    assert len(signals) == 3
    assert torch.equal(signals[1], block(x))
    assert torch.equal(signals[2], block(torch.tanh(block(x))))


def test_a_residual_block_is_missing_as_if_its_branch_were_silent(small):
    net, x, _ = small
    silenced = copy.deepcopy(net)
    for number in (1, 3):
        nets.initialise(probes.blocks(silenced)[number - 1], "identity")
    smaller = probes.without(net, [1, 3])
    assert len(probes.blocks(smaller)) == 2
    assert len(probes.blocks(net)) == 4
    assert torch.equal(smaller(x), silenced(x))
    assert torch.equal(probes.without(net, [])(x), net(x))
    assert smaller[-1] is net[-1]


@pytest.mark.parametrize("number", [0, 5, -1])
def test_only_blocks_that_are_there_can_be_left_out(small, number):
    with pytest.raises(ValueError, match=rf"no block has the number \[{number}\]; .* 1 to 4"):
        probes.without(small[0], [2, number])


def test_a_net_without_blocks_is_named():
    for net, kind in ((nets.Block(4), "Block"), ([nets.Block(4)], "list"), (None, "NoneType")):
        with pytest.raises(ValueError, match=f"the net is of type {kind}, but must be"):
            probes.blocks(net)
    with pytest.raises(ValueError, match=r"the net has no nets\.Block"):
        probes.after_each_block(nn.Sequential(nn.Linear(4, 4)), torch.ones(2, 4))


@pytest.mark.parametrize("number", [1.0, "1", True, None, -1])
def test_a_number_that_no_block_has_is_named(number):
    net = nets.fully_connected(6, width=8)
    with pytest.raises(ValueError, match="no block has the number"):
        probes.without(net, [number])
    assert len(probes.blocks(probes.without(net, 1))) == 1


@pytest.mark.parametrize("choose", [None, nn.Linear, "Linear"])
def test_a_choose_that_is_no_function_is_named(net, choose):
    with pytest.raises(ValueError, match=r"choose = .*, but it must be a function"):
        probes.recording(net, choose).__enter__()


def test_what_is_no_tensor_is_not_recorded_but_named():
    net = nn.Sequential(nn.LSTM(4, 4), nn.Identity())
    net[1].forward = lambda found: found[0]
    for name, which in (("0, LSTM", probes.is_leaf), ("1, Identity", {net[1]}.__contains__)):
        with pytest.raises(ValueError, match=f"{name}, .* no tensor"), probes.recording(net, which):
            net(torch.ones(2, 4))
    assert hooks(net) == 0


def test_a_gradient_needs_no_tensors_and_no_used_layers_but_unfrozen_ones(net, x):
    y = torch.tensor([0, 1, 0, 1, 0])
    wanted = probes.gradient(net, x, y)
    with torch.no_grad():
        assert torch.equal(probes.gradient(net, x.numpy(), y.numpy()), wanted)
    net.unused = nn.Linear(2, 2)
    assert torch.equal(probes.gradient(net, x, y), torch.cat([wanted, torch.zeros(6)]))
    net.last.requires_grad_(False)
    with pytest.raises(ValueError, match=r"frozen; net\.requires_grad_\(True\) mends that"):
        probes.gradient(net, x, y)
    with pytest.raises(ValueError, match=r"the net must be a torch\.nn\.Module"):
        probes.gradient("net", x, y)
    with pytest.raises(ValueError, match="the net has no parameters"):
        probes.gradient(nn.Flatten(), x, y)


def test_images_of_any_precision_fit_and_a_net_keeps_its_own(net, x):
    x = x.double().numpy()
    expected = probes.gradient(net, x.astype("float32"), [0, 1, 0, 1, 0])
    assert torch.equal(probes.gradient(net, x, np.array([0, 1, 0, 1, 0], "int32")), expected)
    with probes.moved(net, np.zeros(23)):
        assert all(parameter.dtype == torch.float32 for parameter in net.parameters())
    blocks = nn.Sequential(nets.Block(4), nn.Linear(4, 2))
    assert [signal.shape for signal in probes.after_each_block(blocks, x)] == [(5, 4)] * 2


def test_of_a_block_at_two_places_one_can_be_left_out():
    block = nets.Block(4)
    net = nn.Sequential(nn.Linear(4, 4), block, nn.ReLU(), block, nn.Linear(4, 2))
    assert [*probes.without(net, 2)] == [net[0], net[1], net[2], net[4]]
    assert [*probes.without(net, [1, 2])] == [net[0], net[2], net[4]]
    with pytest.raises(ValueError, match="numbers = None, but it must be a list"):
        probes.without(net, None)


@pytest.mark.parametrize("change", [0.1, torch.zeros(3), torch.zeros(1, 23), [0.0]])
def test_a_change_of_another_shape_is_named(net, change):
    with (
        pytest.raises(ValueError, match=r"change has shape .*, but the net has 23 parameters"),
        probes.moved(net, change),
    ):
        pass


def test_the_instruments_move_neither_running_statistics_nor_images():
    net = nn.Sequential(nn.ReLU(inplace=True), *nets.convolutional(8, width=2))
    x, y, before = np.full((3, 1, 8, 8), -1.0, np.float32), [0, 1, 2], copy.deepcopy(net)
    probes.gradient(net, x, y)
    probes.after_each_block(net, x)
    assert net.training
    assert (x == -1).all()
    for buffer, old in zip(net.buffers(), before.buffers(), strict=True):
        assert torch.equal(buffer, old)


@pytest.mark.filterwarnings("error")
def test_images_may_be_mirrored_or_read_only(small):
    net, x, y = small
    x, y = x.numpy(), y.numpy()
    x.flags.writeable = False
    there = probes.gradient(net, x[::-1], y[::-1])
    assert torch.allclose(there, probes.gradient(net, x[::-1].copy(), y[::-1].copy()))
    assert torch.equal(
        probes.after_each_block(net, x[::-1])[0], probes.after_each_block(net, x)[0].flip(0)
    )
