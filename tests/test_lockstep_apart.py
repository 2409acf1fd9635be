"""Nets that look alike and are not, and nets that cannot be trained in lockstep at all."""

import copy
from dataclasses import dataclass
from functools import partial
from types import MethodType

import brightest
import pytest
import torch
from brightest import assert_equal_alone
from torch import nn

from helpers import nets, training

data = brightest.data
PLAN = {"epochs": 2, "batch": 20}


class Repeated(nn.Module):
    """One block, applied again and again."""

    def __init__(self, times, seed=0):
        super().__init__()
        self.body = nn.Sequential(*[nets.Block(64, seed=seed)] * times)
        self.head = nets.initialise(nn.Linear(64, 10), seed=seed)

    def forward(self, a):
        return self.head(self.body(a.flatten(1)))


class Called(nn.Module):
    """A layer, and what is to be done with it."""

    def __init__(self, forward=None, settings=None):
        super().__init__()
        self.layer, self.settings = nets.initialise(nn.Linear(64, 10)), settings
        if forward:
            self.forward = MethodType(forward, self)

    def forward(self, a):
        return self.layer(a.flatten(1)) * self.settings.factors.sum()


@dataclass(slots=True)
class Settings:
    factors: torch.Tensor


def factors(last):
    """More numbers than PyTorch prints: they differ where it writes three dots."""
    numbers = torch.zeros(3000, dtype=torch.float64)
    numbers[1500] = last
    return Settings(numbers)


def called(g):
    return Called(lambda self, a: self.layer(g(a.flatten(1))))


ALIKE = {
    "one layer at several places": lambda: [Repeated(1), Repeated(4)],
    "two layers or one": lambda: [
        nn.Sequential(nn.Flatten(), *pair, nn.Linear(64, 10)) for pair in _pairs()
    ],
    "a forward put in": lambda: [called(torch.tanh), called(torch.sin)],
    "one normalisation or two": lambda: [_with_norms(shared) for shared in (True, False)],
    "one g at several places": lambda: [_with_tanh(2), _with_tanh(1)],
    "settings of a class": lambda: [Called(settings=factors(n)) for n in (1, 2)],
}


def _pairs():
    first, second = nn.Linear(64, 64), nn.Linear(64, 64)
    return (first, nn.Tanh(), first), (second, nn.Tanh(), nn.Linear(64, 64))


def _with_norms(shared):
    first, second = (nn.BatchNorm1d(64, affine=False) for _ in range(2))
    return nn.Sequential(
        nn.Flatten(), first, nn.Tanh(), first if shared else second, nn.Linear(64, 10)
    )


def _with_tanh(times):
    net, g = nn.Sequential(nn.Flatten(), nn.Linear(64, 64)), nn.Tanh()
    for number in range(times):
        net.add_module(f"g{number}", g)
    net.add_module("last", nn.Linear(64, 10))
    return net


@pytest.mark.parametrize("make", ALIKE.values(), ids=ALIKE)
def test_nets_that_only_look_alike_are_kept_apart(data, make):
    def seeded():
        torch.manual_seed(0)
        return [net.double() for net in make()]

    assert_equal_alone(seeded, data, 1e-9)


def test_nets_of_one_structure_still_share_a_stack():
    many = [Repeated(3, seed) for seed in range(3)]
    many += [Called(settings=factors(1)) for _ in range(2)]
    assert training.groups(many) == [[0, 1, 2], [3, 4]]


class Centred(nn.Module):
    """Takes a running mean away, which it puts in the place of the last one."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(64))

    def forward(self, a):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * a.detach().mean(0)
        return a - self.mean


def centred():
    return nn.Sequential(nn.Flatten(), Centred(), nets.initialise(nn.Linear(64, 10)))


class Counting(nn.Module):
    """A warm-up: what it computes depends on how many steps came before."""

    def __init__(self):
        super().__init__()
        self.layer, self.steps = nets.initialise(nn.Linear(64, 10)), 0

    def forward(self, a):
        self.steps += 1
        return self.layer(a.flatten(1)) * min(1, self.steps / 10)


def hooked(register, *places):
    net = part = nets.fully_connected(4, width=8)
    for place in places:
        part = getattr(part, place)
    getattr(part, register)(lambda *given: None)
    return net


class Kept(nn.Module):
    """Computes with its weight, and takes that from where ``keep`` has put it."""

    def __init__(self, keep):
        super().__init__()
        self.layer = nets.initialise(nn.Linear(64, 10))
        self.kept = keep(self.layer)

    def forward(self, a):
        kept = self.kept[0] if isinstance(self.kept, list) else self.kept()
        return nn.functional.linear(a.flatten(1), kept)


def reversing(net, a):
    scores = net.layer(a.flatten(1))
    if scores.requires_grad:
        scores.register_hook(lambda gradient: gradient / gradient.norm())
    return scores


class Mixed(nn.Module):
    """A layer in single precision, and before it numbers in double precision."""

    def __init__(self):
        super().__init__()
        self.factors = nn.Parameter(torch.ones(64, dtype=torch.float64))
        self.layer = nets.initialise(nn.Linear(64, 10))

    def forward(self, a):
        return self.layer((a.flatten(1) * self.factors).to(self.layer.weight.dtype))


REFUSED = {
    "numbers of two types": (Mixed, "its parameters are of several types, but in a stack"),
    "a weight in a list": (
        partial(Kept, lambda layer: [layer.weight]),
        r"its forward takes layer\.weight from a list or a function that keeps it",
    ),
    "a weight in a function": (
        partial(Kept, lambda layer: lambda: layer.weight),
        r"its forward takes layer\.weight from a list or a function that keeps it",
    ),
    "a hook in a forward": (
        partial(Called, reversing),
        "its forward asks whether a tensor has a gradient",
    ),
    "a buffer assigned": (centred, r"its forward assigns 1\.mean: let it change that in place"),
    "a number changed": (Counting, "its forward changes steps, and all nets would share"),
    "a hook of a parameter": (
        partial(hooked, "register_hook", "1", "weight"),
        r"the gradient hook of its 1\.weight would not",
    ),
    "a hook after the gradient": (
        partial(hooked, "register_post_accumulate_grad_hook", "3", "second", "bias"),
        r"the gradient hook of its 3\.second\.bias would",
    ),
    "a hook of a layer": (
        partial(hooked, "register_full_backward_hook", "3", "first"),
        r"the gradient hook of its 3\.first would",
    ),
    "a hook before a layer's gradient": (
        partial(hooked, "register_full_backward_pre_hook", "4"),
        r"the gradient hook of its 4 would",
    ),
}


@pytest.mark.parametrize(("make", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_vmap_would_pass_over_is_refused_and_can_be_trained_alone(data, make, sentence):
    with pytest.raises(ValueError, match=f"{sentence}.*; train it by itself, with training.train"):
        training.train_many([make()], data, learning_rates=[0.01], seeds=[0], **PLAN)
    history = training.train(make(), data, learning_rate=0.01, **PLAN)
    assert history.training_loss[-1] < history.training_loss[0]


def test_a_refused_training_leaves_what_a_forward_assigns(data):
    net = centred()
    with pytest.raises(ValueError, match="optimizer = 'Adam', but it must make one"):
        training.train(net, data, learning_rate=0.01, optimizer="Adam", **PLAN)
    assert not net[1].mean.any()


def faster(parameters, lr):
    return torch.optim.SGD(parameters, lr=10 * lr, weight_decay=1e-4 / lr)


def fading(parameters, lr):
    """Each step is smaller than the last."""
    optimizer = torch.optim.SGD(parameters, lr=10 * lr)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    optimizer.register_step_post_hook(lambda *_: schedule.step())
    return optimizer


@pytest.mark.parametrize("optimizer", [faster, fading])
def test_an_optimiser_makes_of_the_rate_what_it_wants(data, optimizer):
    def make():
        return [nets.fully_connected(4, seed=seed, width=8).double() for seed in range(3)]

    rates = [1e-3, 1e-2, 1e-3]
    together = training.train_many(
        make(), data, learning_rates=rates, seeds=range(3), optimizer=optimizer, **PLAN
    )
    for net, rate, seed, history in zip(make(), rates, range(3), together, strict=True):
        before = copy.deepcopy(net.state_dict())
        alone = training.train(
            net, data, learning_rate=rate, seed=seed, optimizer=optimizer, **PLAN
        )
        assert history.training_loss == pytest.approx(alone.training_loss, rel=1e-9)
        net.load_state_dict(before)
        loss, _ = brightest.by_hand(net, data, 2, rate, seed, 20, optimizer)
        assert alone.training_loss[-1] == pytest.approx(loss, rel=1e-9)


def in_groups(parameters, lr):
    groups = [[p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim == 1]]
    return torch.optim.SGD([{"params": group} for group in groups], lr=lr)


def test_an_optimiser_that_makes_groups_is_refused_and_can_be_used_alone(data):
    net = nets.fully_connected(4, width=8)
    with pytest.raises(ValueError, match="in_groups makes groups of parameters, but in lockstep"):
        training.train_many(
            [net], data, learning_rates=[0.01], seeds=[0], optimizer=in_groups, **PLAN
        )
    training.train(net, data, learning_rate=0.01, optimizer=in_groups, **PLAN)


def test_only_the_epochs_that_come_cost_memory(data):
    net = nets.fully_connected(2, width=8)
    plan = {"learning_rates": [0.01], "seeds": [0], "batch": 20}
    (history,) = next(training.lockstep([net], data, epochs=10**12, **plan))
    assert history.epoch == [0]


@pytest.mark.parametrize("three", [torch.tensor(3), 3.0, "3"])
def test_the_last_epoch_is_measured_whatever_counts_the_epochs(data, three):
    plan = {"learning_rates": [0.01], "seeds": [0], "batch": 20, "measure_every": 2}
    if not isinstance(three, torch.Tensor):
        with pytest.raises(ValueError, match="it must be a whole number above 0"):
            training.train_many([nets.fully_connected(2)], data, epochs=three, **plan)
        return
    (history,) = training.train_many([nets.fully_connected(2)], data, epochs=three, **plan)
    assert history.epoch == [0, 2, 3]
