"""A trace gives what the function gives, to the last bit, and only where it may."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode, is_in_torch_dispatch_mode

from helpers import nets, training
from helpers.lockstep import tracing
from helpers.lockstep.tracing import Traces, is_known, trace

SGD = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-3)
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
KINDS = {
    f"fully connected, {skip}": partial(nets.fully_connected, 6, skip, width=5)
    for skip in nets.SKIPS
}
KINDS |= {
    f"convolutional, {skip}": partial(nets.convolutional, 8, skip, width=2) for skip in nets.SKIPS
}
KINDS |= {
    f"convolutional, shortcut {name}": partial(nets.convolutional, 8, width=2, shortcut=name)
    for name in nets.SHORTCUTS
}


def data(images=23):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 1, 8, 8, generator=generator)
    y = torch.randint(10, (images,), generator=generator)
    return x, y, x[:9], y[:9]


def trained(build, call, device, monkeypatch, epochs=3):
    """The losses and states of three nets, traced at a call, or never (0)."""
    monkeypatch.setattr(tracing, "TRACED_AT", call)
    some = [build(seed=seed).to(device) for seed in range(3)]
    rates = {"learning_rates": [0.01, 0.1, 0.01], "seeds": range(3)}
    histories = training.train_many(some, data(), epochs=epochs, **rates, batch=8, optimizer=SGD)
    return [h.rows for h in histories], [net.state_dict() for net in some]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
def test_traced_nets_are_trained_to_the_same_bits(kind, device, monkeypatch):
    """Weights, running statistics, losses and errors; the last batch is smaller than the others."""
    rows, states = trained(KINDS[kind], 0, device, monkeypatch)
    same_rows, same_states = trained(KINDS[kind], 2, device, monkeypatch)
    assert rows == same_rows
    for state, same in zip(states, same_states, strict=True):
        assert all(torch.equal(state[name], same[name]) for name in state)


def test_a_layout_is_traced_once_and_then_the_function_is_not_called(monkeypatch):
    monkeypatch.setattr(tracing, "TRACED_AT", 3)
    calls = []

    def double(x):
        calls.append(x.shape)
        return x * 2

    computed = partial(Traces(), double)
    for number in range(6):
        assert computed(torch.full((2,), float(number))).tolist() == [2 * number] * 2
        assert computed(torch.ones(3, 1).expand(3, 2)).tolist() == [[2, 2]] * 3
    assert calls == [(2,), (3, 2)] * 3
    assert computed(torch.ones(3, 2)).tolist() == [[2, 2]] * 3  # other strides: another layout
    assert len(calls) == 7


def test_two_functions_of_one_layout_are_not_taken_for_each_other(monkeypatch):
    monkeypatch.setattr(tracing, "TRACED_AT", 2)
    traces, three = Traces(), torch.full((1,), 3.0)
    for _ in range(4):
        assert traces(torch.square, three).item() == 9
        assert traces(torch.neg, three).item() == -3


def test_what_is_read_beside_the_inputs_may_change_in_place():
    weight, count = torch.ones(2, requires_grad=True), torch.zeros(())

    def counted(x):
        count.add_(1)
        return (x * weight.view(1, 2).T.view(2)).sum() + count

    result, played = trace(counted, torch.ones(2))
    assert result.item() == 3
    with torch.no_grad():
        weight *= 10
    assert played(torch.ones(2)).item() == 22
    assert count == 2
    assert not played(torch.ones(2)).requires_grad


def test_views_share_the_memory_that_is_changed_in_place():
    def function(x):
        whole = x.clone()
        whole[1:].mul_(3)
        part = whole.view(2, 2)[0]
        part += 1
        other = part.as_strided((2,), (1,), 2)
        return whole + part.sum() - 2 * other.sum()

    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    result, played = trace(function, x)
    assert torch.equal(played(x), result)
    assert torch.equal(played(x + 1), function(x + 1))


def test_operations_of_several_results_are_traced():
    def function(x):
        top, place = x.topk(2)
        first, second = x.split(2)
        return top * place + first - second

    x = torch.tensor([1.0, 4.0, 3.0, 2.0])
    result, played = trace(function, x)
    assert torch.equal(played(x), result)
    assert torch.equal(played(-x), function(-x))


class Named(TorchDispatchMode):
    """The names of the operations that are called."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        self.names.append(operation.name())
        return operation(*args, **(kwargs or {}))


def named(played, *inputs):
    """What is played from the inputs, and the names of the operations that are called."""
    with Named() as called:
        result = played(*inputs)
    return result, called.names


@pytest.mark.parametrize(
    ("x", "factor", "left_out"),
    [
        (torch.arange(3.0), 1, True),
        (torch.arange(3.0), 3, False),
        (torch.arange(3), 1.0, False),  # an int, times 1.0, is a float
    ],
)
def test_only_times_one_is_left_out(x, factor, left_out):
    def function(x):
        return torch.ops.aten.mul.Scalar(x, factor) + 1

    result, names = named(trace(function, x)[1], x + 2)
    assert torch.equal(result, function(x + 2))
    assert result.dtype == function(x).dtype
    assert names == ["aten::mul.Scalar"] * (not left_out) + ["aten::add.Tensor"]


def test_the_bias_of_many_layers_is_not_taken_times_one():
    stacked = torch.vmap(torch.nn.functional.linear)
    given = torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.randn(2, 5)
    result, names = named(trace(stacked, *given)[1], *given)
    assert torch.equal(result, stacked(*given))
    assert "aten::bmm" in names
    assert "aten::mul.Scalar" not in names


@pytest.mark.parametrize("read", [lambda x: x.sum().item(), lambda x: float(x.equal(x * 0))])
def test_a_function_that_reads_a_number_is_not_traced(read):
    def function(x):
        return x * read(x)

    _, played = trace(function, torch.ones(2))
    assert played is None


SEEN = []


class Noting(nn.Linear):
    def forward(self, x):
        SEEN.append(x.shape)
        return super().forward(x)


HOOKS = "forward_pre_hook", "full_backward_hook"


def hooked(net, kind="forward_hook"):
    getattr(net, f"register_{kind}")(lambda *_: None)
    return net


def own_forward(net):
    net.forward = lambda x: x
    return net


class Own(nn.Conv2d):
    """Its forward is PyTorch's."""

    def _conv_forward(self, *arguments):
        print("I was called.")
        return super()._conv_forward(*arguments)


def test_only_what_pytorch_and_the_course_made_is_known():
    for build in KINDS.values():
        assert is_known(build(seed=0))
    layer = nn.Linear(2, 2)
    assert is_known(nn.Sequential(nn.Flatten(), layer, nn.BatchNorm1d(2), nn.ReLU()))
    others = [Noting(2, 2), Own(2, 2, 1), hooked(nn.Linear(2, 2)), own_forward(nn.Linear(2, 2))]
    others += [hooked(nn.Linear(2, 2), hook) for hook in HOOKS]
    others += [nn.TransformerEncoderLayer(8, 2, 8, activation=torch.tanh)]
    others += [torch.fx.symbolic_trace(layer)]
    for net in others:
        assert not is_known(nn.Sequential(layer, net))


def test_with_a_hook_for_all_nets_nothing_is_known():
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert not is_known(nn.Linear(2, 2))
    finally:
        hook.remove()


def test_two_threads_that_trace_at_once_leave_nothing_behind():
    both = Barrier(2)

    def slow(x):
        time.sleep(0.1)
        return x + 1

    def traced(number):
        both.wait(10)
        result, play = trace(slow, torch.full((2,), number))
        return result.tolist(), play(torch.ones(2)).tolist()

    with ThreadPoolExecutor(2) as two:
        assert list(two.map(traced, (1.0, 5.0))) == [([2, 2], [2, 2]), ([6, 6], [2, 2])]
    assert not is_in_torch_dispatch_mode()


def test_code_of_the_readers_own_runs_at_every_step(monkeypatch):
    net = nn.Sequential(nn.Flatten(), Noting(64, 10))
    options = {"epochs": 4, "batch": 23, "measure_every": 4}
    counts = []
    for call in (0, 2):  # never traced, and traced as soon as can be
        monkeypatch.setattr(tracing, "TRACED_AT", call)
        SEEN.clear()
        training.train_many([net], data(), learning_rates=[0.1], seeds=[0], **options)
        counts.append(len(SEEN))
    assert counts[0] == counts[1] >= 4 + 2 * 2  # the steps, and all images, twice
