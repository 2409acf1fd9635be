"""For tests of training: images that nets learn at once, the loop a user would write, and many nets
together against it.
"""

import os
import signal

import numpy as np
import pytest
import torch

from helpers import training


def brightest_rows():
    """60 training and 20 test images of 8 x 8; the class says which row is the brightest."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 8, 80)
    x = rng.normal(0, 0.3, (80, 8, 8))
    x[np.arange(80), y] += 1
    return x[:60], y[:60], x[60:], y[60:]


def with_channel(data):
    """The same four arrays for a convolutional net: (n, 8, 8) becomes (n, 1, 8, 8)."""
    return tuple(np.asarray(part)[:, None] if np.asarray(part).ndim == 3 else part for part in data)


def by_hand(net, data, epochs, rate, seed, batch, make=torch.optim.Adam):
    """One net, torch.optim, one batch after another; the loss and error at the end."""
    like = next(net.parameters())
    x, y = (
        torch.as_tensor(data[0]).to(like.device, like.dtype),
        torch.as_tensor(data[1]).to(like.device),
    )
    optimizer, order = make(net.parameters(), lr=rate), torch.Generator().manual_seed(seed)
    net.train()
    for _ in range(epochs):
        for indices in torch.randperm(len(x), generator=order).split(batch):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[indices]), y[indices]).backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        scores = net(x)
        loss = torch.nn.functional.cross_entropy(scores, y).item()
        return loss, (scores.argmax(1) != y).float().mean().item()


def stem(*layers, inplace=False):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.ReLU(inplace=inplace), *layers
    )


class Tail(torch.nn.Module):
    """What a net may end in, and what cannot be written out as products."""

    def __init__(self, forward):
        super().__init__()
        self.last, self.called = torch.nn.Linear(16, 10), forward

    def forward(self, a):
        return self.called(self.last, a)


@pytest.fixture
def data():
    return brightest_rows()


@pytest.fixture
def stop_button():
    """Press it: what Jupyter's stop button does in Python, also in a background process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def assert_equal_alone(make, data, tolerance, batch=16, epochs=1):
    """Nets that ``make()`` returns, trained together, against the same ones by hand: losses and all
    numbers.
    """
    together, alone = make(), make()
    rates, seeds = (
        [10.0 ** -(2 + i % 3 / 2) for i in range(len(alone))],
        [5 + i for i in range(len(alone))],
    )
    histories = training.train_many(
        together,
        data,
        epochs=epochs,
        learning_rates=rates,
        seeds=seeds,
        batch=batch,
        measure_every=epochs,
    )
    for net, history, lonely, rate, seed in zip(
        together, histories, alone, rates, seeds, strict=True
    ):
        loss, error = by_hand(lonely, data, epochs, rate, seed, batch)
        assert history.epoch == [0, epochs]
        assert history.training_loss[-1] == pytest.approx(loss, rel=tolerance)
        assert history.training_error[-1] == pytest.approx(error)
        for name, expected in lonely.state_dict().items():
            off = torch.linalg.vector_norm((net.state_dict()[name] - expected).double())
            assert off <= tolerance * torch.linalg.vector_norm(expected.double()), name


def seeded(make):
    def three():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [make().double() for _ in range(3)]

    return three


class Together(torch.nn.Module):
    """All examples in one number; nets that are mixed would share it."""

    def __init__(self, only_in=None):
        super().__init__()
        self.only_in = only_in

    def forward(self, a):
        return a if self.only_in == self.training else a - a.mean(0)
