"""Measuring instruments: they record what PyTorch computes, and leave no trace."""

import pytest
import torch
from torch import nn

from helpers import probes


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
