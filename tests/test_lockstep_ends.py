"""How a training of many nets ends: nets that diverge, interrupts, and nets that are refused."""

import itertools
import os
import signal
import time

import brightest
import numpy as np
import pytest
import torch
from brightest import Tail, stem, with_channel

from helpers import nets, training

data, stop_button = brightest.data, brightest.stop_button


class Noisy(torch.nn.Module):
    """Random without a layer of PyTorch that says so."""

    def forward(self, a):
        return a + torch.randn(a.shape)


class LooksWhenMeasured(torch.nn.Module):
    """Decides by numbers, but not while it learns."""

    def forward(self, a):
        return a if self.training or a.sum() > 0 else -a


ONE_BY_ONE = {
    "dropout": (torch.nn.Dropout(0.5), "what it computes is random, as in nn.Dropout"),
    "noise": (Noisy(), "what it computes is random, as in nn.Dropout"),
    "an average of all batches": (
        torch.nn.BatchNorm1d(16, momentum=None),
        "takes one out, as item does",
    ),
    "a look at the numbers of each net": (
        torch.nn.Sequential(Tail(lambda last, a: last(a) if a.sum() > 0 else last(-a))),
        "its forward decides by the numbers that it computes",
    ),
    "a number taken out": (
        torch.nn.Sequential(Tail(lambda last, a: last(a) * a.std().item())),
        "takes one out, as item does",
    ),
    "a look while it is measured": (
        LooksWhenMeasured(),
        "its forward decides by the numbers that it computes",
    ),
    "a look at the numbers": (
        torch.nn.Sequential(
            torch.nn.BatchNorm1d(16), Tail(lambda last, a: last(a) if a.sum() > 0 else last(-a))
        ),
        "its forward decides by the numbers that it computes",
    ),
}


@pytest.mark.parametrize(("layer", "reason"), ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_a_net_that_cannot_be_trained_in_lockstep_is_named_before_the_training(data, layer, reason):
    last = (
        torch.nn.Identity() if isinstance(layer, torch.nn.Sequential) else torch.nn.Linear(16, 10)
    )
    arms = [nets.fully_connected(4, width=8), stem(layer, last)]
    before = [parameter.clone() for parameter in arms[1].parameters()]
    with pytest.raises(
        ValueError,
        match=rf"net number 1 cannot be trained in lockstep \(.*{reason}.*\); .* training.train",
    ):
        training.lockstep(arms, data, epochs=1, learning_rates=[1e-3] * 2, seeds=[0, 1])
    assert all(torch.equal(old, new) for old, new in zip(before, arms[1].parameters(), strict=True))


@pytest.mark.parametrize("convolutional", [False, True])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, training.adam])
def test_diverging_net_is_reported_and_harms_no_other(data, optimizer, convolutional):
    """In a stack with calm nets of its own kind, and beside a stack of others."""

    def run(rate):
        arms = [(skip, seed) for skip in ("outside", "none") for seed in (0, 1, 2)]
        if convolutional:
            many, batch = (
                [nets.convolutional(8, skip, seed=seed, width=2) for skip, seed in arms],
                with_channel(data),
            )
        else:
            many, batch = (
                [nets.fully_connected(8, skip, seed=seed, width=16) for skip, seed in arms],
                data,
            )
        rates = [rate] + [1e-3] * 5
        return many, training.train_many(
            many,
            batch,
            epochs=4,
            learning_rates=rates,
            seeds=range(6),
            batch=16,
            optimizer=optimizer,
        )

    (_, *calm), histories = run(1e30)
    (_, *alone), expected = run(1e-3)
    assert histories[0].diverged
    assert histories[0].epoch == [0]
    assert np.isfinite(histories[0].training_loss).all()
    assert histories[1:] == expected[1:]  # to the bit
    assert not any(history.diverged for history in histories[1:])
    for net, other in zip(calm, alone, strict=True):
        assert all(
            torch.equal(p, q) for p, q in zip(net.parameters(), other.parameters(), strict=True)
        )


def test_a_net_that_diverges_in_a_stack_stays_as_it_was(data):
    many = [nets.fully_connected(8, "outside", seed=seed, width=16) for seed in range(2)]
    options = {"optimizer": torch.optim.SGD, "measure_every": 3}
    diverging, calm = training.train_many(
        many, data, epochs=3, learning_rates=[1e12, 1e-3], seeds=[0, 1], **options
    )
    assert diverging.diverged
    assert not calm.diverged
    assert all(parameter.isfinite().all() for parameter in many[0].parameters())


def test_training_ends_early_when_all_have_diverged(data):
    net = nets.fully_connected(8, "outside", width=16)
    moments = list(
        training.lockstep(
            [net], data, epochs=1000, learning_rates=[1e12], seeds=[0], optimizer=torch.optim.SGD
        )
    )
    assert len(moments) < 5


STEPS = itertools.count(1)


class InterruptedAtStep3(torch.optim.SGD):
    """Presses the stop button in the first epoch, once; not when only its kind is looked at."""

    def step(self):
        super().step()
        if self.param_groups[0]["params"][0].numel() > 8 and next(STEPS) == 3:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_is_heard_within_an_epoch(data, stop_button):
    long = [np.repeat(part, 2000, axis=0) for part in data[:2]] + list(data[2:])
    arms = [nets.fully_connected(20, skip, width=8) for skip in nets.SKIPS]
    untrained = [net[1].weight.clone() for net in arms]
    start = time.perf_counter()
    options = {
        "learning_rates": [1e-3] * 3,
        "seeds": [0, 1, 2],
        "batch": 2,
        "optimizer": InterruptedAtStep3,
    }
    histories = training.train_many(arms, long, epochs=2, **options)
    assert time.perf_counter() - start < 20  # an epoch of 60,000 steps takes minutes
    assert [history.stopped for history in histories] == [True] * 3
    assert [history.epoch for history in histories] == [[0]] * 3
    trained = [
        not torch.equal(net[1].weight, old) for net, old in zip(arms, untrained, strict=True)
    ]
    assert any(trained)  # what was learned until then is kept


def test_closing_the_generator_leaves_the_nets_trained(data):
    net = nets.fully_connected(4, seed=0, width=16)
    untrained = net[1].weight.clone()
    steps = training.lockstep([net], data, epochs=9, learning_rates=[1e-2], seeds=[0])
    next(steps), next(steps)
    steps.close()
    assert not torch.equal(net[1].weight, untrained)
