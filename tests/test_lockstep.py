"""Many nets together against the loop a user would write for each of them."""

import itertools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from brightest import Tail, brightest_rows, by_hand, stem, with_channel

from helpers import datasets, nets, training
from helpers.lockstep.stack import groups


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


DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


PRECISIONS = [(torch.float32, 1e-4), (torch.float64, 1e-9)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_plain_and_residual_nets_together_equal_each_alone(data, dtype, tolerance, device):
    def make():
        arms = [(skip, seed) for seed in range(3) for skip in nets.SKIPS]
        return [
            nets.fully_connected(8, skip, seed=seed, width=16).to(device, dtype)
            for skip, seed in arms
        ]

    assert_equal_alone(make, data, tolerance)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shortcut", nets.SHORTCUTS)
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_convolutional_nets_together_equal_each_alone(data, dtype, tolerance, device, shortcut):
    """Batch normalisation and a short last batch included, running statistics too."""

    def make():
        plain = [nets.convolutional(8, "none", seed=seed, width=2) for seed in range(2)]
        residual = [
            nets.convolutional(8, "inside", shortcut=shortcut, seed=seed, width=2)
            for seed in range(3)
        ]
        return [net.to(device, dtype) for net in plain + residual]

    assert_equal_alone(make, with_channel(data), tolerance, batch=25)


@pytest.mark.parametrize("skip", nets.SKIPS)
@pytest.mark.parametrize("kind", ["fully connected", "convolutional"])
def test_an_epoch_of_all_digits_together_equals_each_alone(kind, skip):
    """In float64: in float32 some input of a ReLU lies so close to 0 that rounding decides which
    side it is on.
    """
    digits = datasets.standardise(datasets.digits())

    def make():
        if kind == "convolutional":
            return [nets.convolutional(14, skip, seed=seed, width=2).double() for seed in range(3)]
        return [nets.fully_connected(20, skip, seed=seed, width=16).double() for seed in range(3)]

    assert_equal_alone(
        make, with_channel(digits) if kind == "convolutional" else digits, 1e-9, batch=128
    )


def test_nets_of_different_depth_and_width_together_equal_each_alone(data):
    sizes = [(4, 8), (6, 8), (4, 16), (4, 8)]
    assert_equal_alone(
        lambda: [nets.fully_connected(n, width=width) for n, width in sizes], data, 1e-4
    )


class PreActivation(torch.nn.Module):
    """What the ReLU takes is needed again by the shortcut."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(16, 16)

    def forward(self, a):
        return self.first(torch.relu(a)) + a


class Nested(PreActivation):
    """One shortcut around another."""

    def forward(self, a):
        return (torch.relu(self.first(a)) + a) + a


def tied():
    net = stem(
        torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.Linear(16, 10)
    )
    net[5].weight = net[3].weight
    return net


class Scaled(torch.nn.Module):
    """A module of the reader's own, with a parameter of its own that starts equal in all nets."""

    def __init__(self, units=1):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(units))

    def forward(self, a):
        return self.scale * a


class Switched(torch.nn.Module):
    """A skip that str(net) does not show."""

    def __init__(self, skip):
        super().__init__()
        self.layer, self.skip = torch.nn.Linear(16, 16), skip

    def forward(self, a):
        return self.layer(a) + self.skip * a


class Masked(torch.nn.Module):
    """Some connections are cut; which ones, a plain attribute knows, in any of the ways of
    ``KEPT``.
    """

    def __init__(self, kept, read):
        super().__init__()
        self.kept, self.read = kept, read

    def forward(self, a):
        return a.flatten(1) @ self.read(self.kept)


class OnlyInTraining(PreActivation):
    def forward(self, a):
        return self.first(a) if self.training else super().forward(a)


class Halved(torch.autograd.Function):
    """A ReLU with a gradient of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a):
        return torch.relu(a)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


def partly_without_gradient(last, a):
    with torch.no_grad():
        kept = last(a)
    return last(a) + kept


def far_apart(last, a):
    """exp of such scores is infinite, in double precision too."""
    for _ in range(12):
        a = a + a
    return last(a)


TAILS = {
    "a gradient of its own": lambda last, a: last(Halved.apply(a)),
    "a part without gradient": partly_without_gradient,
    "a part detached": lambda last, a: last(a) + last(a).detach(),
    "one number added to all": lambda last, a: (
        last(a) + torch.nn.functional.linear(a, last.weight[:1])
    ),
    "a sum scaled": lambda last, a: torch.add(last(a), last(a), alpha=2),
    "scores far apart": far_apart,
    "scores in place": lambda last, a: last(a).relu_(),
    "a layer without bias": lambda last, a: torch.nn.functional.linear(a, last.weight),
    "a layer taken twice": lambda last, a: last(a) + last(2 * a),
    "a value added to itself": lambda last, a: torch.add(last(a), last(a)),
    "a number added": lambda last, a: last(torch.relu(a) + 1),
    "a value without use": lambda last, a: (last(a), last(torch.relu(a)))[1],
    "the examples expected first": lambda last, a: last(a - a.mean(dim=1, keepdim=True)).view(
        len(a), 10
    ),
    "two ReLUs of one value": lambda last, a: last(torch.relu(a) + torch.relu(a)),
    "a branch": lambda last, a: last(a) if a.ndim == 2 else last(-a),
    "a function without numbers": lambda last, a: last(torch.tanh(a)),
}


def seeded(make):
    def three():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [make().double() for _ in range(3)]

    return three


@pytest.mark.parametrize("tail", TAILS)
def test_unusual_nets_together_equal_each_alone(data, tail):
    assert_equal_alone(seeded(lambda: stem(Tail(TAILS[tail]))), data, 1e-9)


class Together(torch.nn.Module):
    """All examples in one number; nets that are mixed would share it."""

    def __init__(self, only_in=None):
        super().__init__()
        self.only_in = only_in

    def forward(self, a):
        return a if self.only_in == self.training else a - a.mean(0)


class Pair(torch.nn.Module):
    """A part that takes two values, and one that makes two."""

    class Add(torch.nn.Module):
        def forward(self, a, b):
            return a + b

    class Both(torch.nn.Module):
        def forward(self, a):
            return a, 2 * a

    def __init__(self):
        super().__init__()
        self.both, self.add = self.Both(), self.Add()

    def forward(self, a):
        assert a.ndim == 2, "examples and units"
        return self.add(*self.both(a))


def silent(net):
    """The same net, with scores that are 0 whatever stands before the last layer."""
    for parameter in net[-1].parameters():
        torch.nn.init.zeros_(parameter)
    return net


def circular():
    first = torch.nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular")
    return silent(
        torch.nn.Sequential(
            torch.nn.Unflatten(1, (1, 8)),
            first,
            torch.nn.ReLU(),
            *stem()[:1],
            torch.nn.Linear(256, 10),
        )
    )


OWN = {
    "a mean of all examples": lambda: stem(Together(), torch.nn.Linear(16, 10)),
    "a mean of all examples in training": lambda: stem(
        Together(only_in=False), torch.nn.Linear(16, 10)
    ),
    "a mean of all examples when measured": lambda: stem(
        Together(only_in=True), torch.nn.Linear(16, 10)
    ),
    "what takes two and what makes two": lambda: stem(Pair(), torch.nn.Linear(16, 10)),
    "an edge of its own, at first unseen": circular,
    "a matrix shared by two layers": tied,
    "a number that all examples share": lambda: stem(Scaled(), torch.nn.Linear(16, 10)),
    "a number for each unit": lambda: stem(
        torch.nn.Linear(16, 3), Scaled(3), torch.nn.Linear(3, 10)
    ),
    "another way in training": lambda: stem(OnlyInTraining(), torch.nn.Linear(16, 10)).eval(),
}


@pytest.mark.parametrize("make", OWN.values(), ids=OWN)
def test_modules_of_the_readers_own_together_equal_each_alone(data, make):
    assert_equal_alone(seeded(make), data, 1e-9)


def test_switches_that_str_does_not_show_keep_nets_apart(data):
    def make():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [stem(Switched(skip), torch.nn.Linear(16, 10)).double() for skip in (0, 1, 0, 1)]

    assert_equal_alone(make, data, 1e-9)


KEPT = {
    "a tensor": (lambda mask: mask, lambda kept: kept),
    "an array": (lambda mask: mask.numpy(), torch.as_tensor),
    "a tensor in a list": (lambda mask: [mask], lambda kept: kept[0]),
    "a tensor in a tuple in a dict": (
        lambda mask: {"mask": (mask, 1)},
        lambda kept: kept["mask"][0],
    ),
    "a module in a list": (
        lambda mask: [torch.nn.ParameterList([mask])],
        lambda kept: kept[0][0].detach(),
    ),
}


@pytest.mark.parametrize(("keep", "read"), KEPT.values(), ids=KEPT)
def test_large_tensors_that_differ_in_the_middle_keep_nets_apart(data, keep, read):
    """``str`` of a tensor of more than 1,000 numbers shows its corners only."""

    def make():
        masks = torch.ones(3, 64, 64, dtype=torch.float64)
        masks[1, 10:50, 10:50] = 0
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [
                torch.nn.Sequential(
                    Masked(keep(mask), read), stem(torch.nn.Linear(16, 10))
                ).double()
                for mask in masks
            ]

    assert_equal_alone(make, data, 1e-9)


def test_equal_tensors_do_not_keep_nets_apart():
    many = [torch.nn.Sequential(Masked([torch.ones(64, 64)], None)) for _ in range(3)]
    many[1][0].kept[0][20, 20] += 1e-6  # str shows four digits
    assert groups(many) == [[0, 2], [1]]


@pytest.mark.parametrize("inplace", [False, True])
def test_unusual_shortcuts_together_equal_each_alone(data, inplace):
    def make():
        blocks = (
            PreActivation(),
            PreActivation(),
            Nested(),
            torch.nn.ReLU(inplace=inplace),
            Nested(),
        )
        return torch.nn.Sequential(*stem(), *blocks, torch.nn.Linear(16, 10))

    assert_equal_alone(seeded(make), data, 1e-9)


@pytest.mark.parametrize("inplace", [False, True])
def test_shortcuts_around_shortcuts_together_equal_each_alone(data, inplace):
    def make():
        return stem(Nested(), Nested(), torch.nn.Linear(16, 10), inplace=inplace)

    assert_equal_alone(seeded(make), data, 1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"affine": False},
        {"track_running_stats": False},
        lambda norm: setattr(norm, "track_running_stats", False),  # the buffers are still there
        lambda norm: setattr(norm, "bias", None),
        lambda norm: norm.weight.requires_grad_(False),
    ],
    ids=["affine", "no statistics", "statistics kept as they are", "no beta", "gamma frozen"],
)
def test_any_batch_normalisation_equals_itself_alone(data, change):
    def make():
        norm = torch.nn.BatchNorm2d(4, **change if isinstance(change, dict) else {})
        if callable(change):
            change(norm)
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3, padding="same", padding_mode="circular"),
            norm,
            torch.nn.ReLU(),
            *(
                torch.nn.Conv2d(4, 4, 3, groups=2),
                torch.nn.MaxPool2d(2),
                *stem()[:1],
                torch.nn.Linear(36, 10),
            ),
        )

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


CONVOLUTIONS = {
    "as in the course": {"kernel_size": 3, "padding": 1, "bias": False},
    "with bias and stride": {"kernel_size": 3, "padding": 1, "stride": 2},
    "not square": {"kernel_size": (3, 2), "padding": (2, 1), "stride": (1, 2)},
    "with holes": {"kernel_size": 3, "padding": "same", "dilation": 2},
    "in groups": {"kernel_size": 3, "padding": 1, "groups": 2},
    "around the edges": {"kernel_size": 3, "padding": 1, "padding_mode": "circular"},
}


@pytest.mark.parametrize("settings", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("channels", [4, 8])  # few, and more
def test_convolutions_together_equal_each_alone(data, settings, channels):
    def make():
        layers = torch.nn.Conv2d(1, channels, 3), torch.nn.Conv2d(channels, 6, **settings)
        last = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 10)
        return torch.nn.Sequential(*layers, torch.nn.ReLU(), *last)

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)


@pytest.mark.parametrize("seeds", [(0, 0, 0), (0, 1, 2)])
def test_nets_that_start_equal_are_not_mixed(data, seeds):
    """One start and several rates: what mixes the nets would go unnoticed at the start."""

    def make():
        layers = [nets.fully_connected(4, seed=seed, width=16).double() for seed in seeds]
        return [torch.nn.Sequential(*net[:3], Together(), *net[3:]) for net in layers]

    assert_equal_alone(make, data, 1e-9)


def test_nets_that_differ_in_a_hook_are_kept_apart(data):
    def make():
        many = [nets.fully_connected(4, width=16).double() for _ in range(3)]
        many[1][1].register_forward_hook(lambda layer, inputs, out: 2 * out)
        return many

    assert_equal_alone(make, data, 1e-9)


class Noisy(torch.nn.Module):
    """Random without a layer of PyTorch that says so."""

    def forward(self, a):
        return a + torch.randn(a.shape)


ONE_BY_ONE = {
    "dropout": (torch.nn.Dropout(0.5), "what it computes is random, as in nn.Dropout"),
    "noise": (Noisy(), "what it computes is random, as in nn.Dropout"),
    "an average of all batches": (torch.nn.BatchNorm1d(16, momentum=None), "vmap"),
    "a look at the numbers of each net": (
        torch.nn.Sequential(Tail(lambda last, a: last(a) if a.sum() > 0 else last(-a))),
        "data-dependent control flow",
    ),
    "a look at the numbers": (
        torch.nn.Sequential(
            torch.nn.BatchNorm1d(16), Tail(lambda last, a: last(a) if a.sum() > 0 else last(-a))
        ),
        "data-dependent control flow",
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


def test_a_training_in_a_thread_of_the_readers_own(data):
    """As a slider's callback does it, and with gradients switched off around it."""

    def run():
        many = [nets.fully_connected(4, skip, width=8) for skip in nets.SKIPS]
        with torch.no_grad():
            return training.train_many(
                many, data, epochs=2, learning_rates=[1e-3] * 3, seeds=[0, 1, 2]
            )

    expected = run()
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: run(), range(2)):
            for one, other in zip(found, expected, strict=True):
                assert one.training_loss == pytest.approx(other.training_loss, rel=1e-5)


def test_bfloat16_reaches_the_same_error(data):
    def run(skip, **options):
        net = nets.fully_connected(8, skip, seed=0, width=32)
        (*_, (history,)) = training.lockstep(
            [net], data, epochs=20, learning_rates=[3e-3], seeds=[0], batch=20, **options
        )
        assert all(parameter.dtype == torch.float32 for parameter in net.parameters())
        return history

    for skip in nets.SKIPS:
        exact, rounded = run(skip), run(skip, bfloat16=True)
        assert exact.training_loss != rounded.training_loss
        assert rounded.training_error[-1] == pytest.approx(exact.training_error[-1], abs=0.05)
        assert rounded.training_error[-1] < 0.1


def test_buffers_are_kept_up_to_date(data):
    """Running statistics of a normalisation belong to the net and come back to it."""
    flat = tuple(
        np.asarray(part).reshape(len(part), -1) if part.ndim > 1 else part for part in data
    )
    many = [
        torch.nn.Sequential(torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 10)) for _ in range(2)
    ]
    for net in many:
        net[0].running_mean.fill_(9.0)
    training.train_many(many, flat, epochs=2, learning_rates=[1e-3] * 2, seeds=[0, 1], batch=30)
    for net in many:
        assert int(net[0].num_batches_tracked) == 4
        assert (net[0].running_mean < 9).all()
    assert not torch.equal(many[0][0].running_mean, many[1][0].running_mean)  # each its own batches


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
    """Presses the stop button in the first epoch, once."""

    def step(self):
        super().step()
        if next(STEPS) == 3:
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
