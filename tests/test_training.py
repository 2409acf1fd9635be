"""Training against the loop a user would write, and what must not get lost when something goes
wrong.
"""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from jupyter_client.manager import start_new_kernel

from helpers import datasets, nets, training


@pytest.fixture
def data():
    """60 training and 20 test images of 8 x 8 that can be told apart: the class sets the brightest
    row.
    """
    rng = np.random.default_rng(0)
    y = rng.integers(0, 8, 80)
    x = rng.normal(0, 0.3, (80, 8, 8))
    x[np.arange(80), y] += 1
    return x[:60], y[:60], x[60:], y[60:]


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


def stack_of(nets, data):
    dtype, histories = next(nets[0].parameters()).dtype, [training.History() for _ in nets]
    data = [
        torch.as_tensor(part, dtype=torch.long if number % 2 else dtype)
        for number, part in enumerate(data)
    ]
    return training.Stack(
        nets, histories, [0.01] * len(nets), range(len(nets)), data, torch.optim.SGD, False
    )


def written_out(nets, data):
    """Whether their layers are; the general way, vmap, would hide a mistake in them by taking over."""
    stack = stack_of(nets, data)
    return stack.scores is stack.template


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


class Tail(torch.nn.Module):
    """What a net may end in, and what cannot be written out as products."""

    def __init__(self, forward):
        super().__init__()
        self.last, self.called = torch.nn.Linear(16, 10), forward

    def forward(self, a):
        return self.called(self.last, a)


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


def stem(*layers, inplace=False):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 16), torch.nn.ReLU(inplace=inplace), *layers
    )


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
    assert [list(kind) for kind in training._kinds(many)] == [[0, 2], [1]]


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


def test_inference_mode_is_refused_in_words(data):
    with (
        torch.inference_mode(),
        pytest.raises(ValueError, match=r"no net learns in torch\.inference_mode"),
    ):
        training.train(nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3)


ON_SMALL_MAPS = {
    "as in the course": {"kernel_size": 3, "padding": 1, "bias": False},
    "with bias and stride": {"kernel_size": 3, "padding": 1, "stride": 2},
    "not square": {"kernel_size": (3, 2), "padding": (2, 1), "stride": (1, 2)},
    "with holes": {"kernel_size": 3, "padding": "same", "dilation": 2},
    "in groups": {"kernel_size": 3, "padding": 1, "groups": 2},
    "around the edges": {"kernel_size": 3, "padding": 1, "padding_mode": "circular"},
}


@pytest.mark.parametrize("settings", ON_SMALL_MAPS.values(), ids=ON_SMALL_MAPS)
@pytest.mark.parametrize("size", [(2, 2), (3, 2), (1, 1)])
def test_convolutions_of_small_maps_equal_each_alone(data, size, settings):
    def make():
        pool, second = torch.nn.AdaptiveAvgPool2d(size), torch.nn.Conv2d(4, 6, **settings)
        last = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 10)
        return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), pool, second, torch.nn.ReLU(), *last)

    assert_equal_alone(seeded(make), with_channel(data), 1e-9, batch=20)
    assert written_out(seeded(make)(), with_channel(data)) == (settings.get("padding_mode") is None)


def test_convolutions_of_maps_no_larger_than_the_kernel_are_matrix_products(monkeypatch):
    """The last stage of a net for images of 8 x 8 has maps of 2 x 2."""
    sizes, product = [], _layers._Conv2d._as_product
    monkeypatch.setattr(
        _layers._Conv2d,
        "_as_product",
        lambda self, a: sizes.append(a.shape[3:]) or product(self, a),
    )
    net = nets.convolutional(14, width=2)
    assert _layers.take_all_nets(net, {name: v[None] for name, v in net.state_dict().items()})
    net(torch.rand(1, 5, 1, 8, 8))
    assert sizes == [(2, 2)] * 3  # of 4 convolutions there; the first takes 4 x 4


def test_batch_normalisation_rounds_as_little_as_one_number_does():
    """Sums over 8,192 pixels, forward and backward, in float32 against float64; PyTorch's are off
    by 1e-6 there.
    """
    torch.manual_seed(0)
    x = torch.randn(8192, 16) + 1
    g = x + torch.randn(8192, 16)  # no sum is near 0
    gamma, beta = torch.rand(2, 16)

    def found(dtype):
        leaves = [part.to(dtype, copy=True).requires_grad_() for part in (x, gamma, beta)]
        running = torch.zeros(16, dtype=dtype), torch.ones(16, dtype=dtype)
        y = _layers._Normalise.apply(*leaves, *running, 0.1, 1e-5)
        return y.detach(), *torch.autograd.grad(y, leaves, g.to(dtype)), *running

    for single, double in zip(found(torch.float32), found(torch.float64), strict=True):
        assert (single - double).abs().max() < 4e-7 * double.abs().max()


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
        match=rf"net number 1 cannot be trained in lockstep \(.*{reason}.*\); .* torch.optim",
    ):
        training.lockstep(arms, data, epochs=1, learning_rates=[1e-3] * 2, seeds=[0, 1])
    assert all(torch.equal(old, new) for old, new in zip(before, arms[1].parameters(), strict=True))


@pytest.mark.parametrize(
    "net", [stem(torch.nn.Linear(16, 10)).requires_grad_(False), torch.nn.Flatten()]
)
def test_a_net_that_cannot_learn_is_named(data, net):
    arms = [nets.fully_connected(4, width=8), net]
    with pytest.raises(ValueError, match="net number 1 has no parameter that learns"):
        training.lockstep(arms, data, epochs=1, learning_rates=[1e-3] * 2, seeds=[0, 1])


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            lambda last, a: last(a)[:, 0],
            r"the net makes \(1,\) of one image, but must make \(1, classes\)",
        ),
        (lambda last, a: last(a)[..., None], r"the net makes \(1, 10, 1\) of one image"),
        (lambda last, a: (last(a), a), r"the net makes \(\) of one image"),
        (
            lambda last, a: last(a).sum(3),
            r"cannot take images of shape \(8, 8\) in float32: Dimension out of range",
        ),
    ],
)
def test_scores_of_another_shape_are_named(data, forward, message):
    with pytest.raises(ValueError, match=message):
        training.train(stem(Tail(forward)), data, epochs=1, learning_rate=1e-3)


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
        history = training.train(net, data, epochs=20, learning_rate=3e-3, batch=20, **options)
        assert all(parameter.dtype == torch.float32 for parameter in net.parameters())
        return history

    for skip in nets.SKIPS:
        exact, rounded = run(skip), run(skip, bfloat16=True)
        assert exact.training_loss != rounded.training_loss
        assert rounded.training_error[-1] == pytest.approx(exact.training_error[-1], abs=0.05)
        assert rounded.training_error[-1] < 0.1


def test_any_optimizer_of_torch_can_be_used(data):
    sgd = {"momentum": 0.9, "weight_decay": 1e-2}
    net, lonely = (nets.fully_connected(4, seed=0, width=16) for _ in range(2))
    history = training.train(
        net, data, epochs=3, learning_rate=0.05, seed=1, batch=20, optimizer=torch.optim.SGD, **sgd
    )
    loss, _ = by_hand(
        lonely, data, 3, 0.05, 1, 20, make=lambda p, lr: torch.optim.SGD(p, lr=lr, **sgd)
    )
    assert history.training_loss[-1] == pytest.approx(loss, rel=1e-3)


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


def test_history_is_plain_numbers_and_the_first_entry_is_the_start(data):
    net = nets.fully_connected(4, seed=0, width=16)
    start = torch.nn.functional.cross_entropy(
        net(torch.as_tensor(data[0]).float()), torch.as_tensor(data[1])
    ).item()
    history = training.train(net, data, epochs=7, learning_rate=1e-2, batch=10, measure_every=3)
    assert history.epoch == [0, 3, 6, 7]
    for numbers in (history.training_loss, history.training_error, history.test_error):
        assert [type(number) for number in numbers] == [float] * 4
    assert history.training_loss[0] == pytest.approx(start, rel=1e-5)
    assert history.training_loss[-1] < 0.5 * start
    assert history.test_error[-1] < 0.5
    assert not history.diverged
    assert not history.stopped


def test_one_seed_repeats_a_run_to_the_bit(data):
    def run(seed):
        net = nets.fully_connected(8, seed=0, width=16)
        return training.train(net, data, epochs=2, learning_rate=3e-3, seed=seed, batch=16)

    assert run(1) == run(1)
    assert run(1).training_loss != run(2).training_loss


def test_global_random_state_is_left_alone(data):
    before = torch.random.get_rng_state()
    training.train(nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3)
    assert torch.equal(torch.random.get_rng_state(), before)


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


def test_training_ends_early_when_all_have_diverged(data):
    net = nets.fully_connected(8, "outside", width=16)
    moments = list(
        training.lockstep(
            [net], data, epochs=1000, learning_rates=[1e12], seeds=[0], optimizer=torch.optim.SGD
        )
    )
    assert len(moments) < 5


@pytest.fixture
def stop_button():
    """What the stop button does in Python; a process that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_interrupt_keeps_the_history_and_the_net(data, stop_button):
    net = nets.fully_connected(20, seed=0, width=32)
    untrained = net[1].weight.clone()
    training.train(
        nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3
    )  # loads more of PyTorch
    timer = threading.Timer(1.0, stop_button)
    timer.start()
    history = training.train(net, data, epochs=100_000, learning_rate=1e-3)
    timer.join()
    assert history.stopped
    assert 1 < len(history.epoch) < 100_000
    assert (
        len(history.epoch)
        == len(history.training_loss)
        == len(history.training_error)
        == len(history.test_error)
    )
    assert not torch.equal(net[1].weight, untrained)
    assert (
        training.train(net, data, epochs=1, learning_rate=1e-3).training_loss[0]
        < history.training_loss[0]
    )


class InterruptedAtStep3(torch.optim.SGD):
    """Presses the stop button in the first epoch."""

    def step(self):
        super().step()
        self.taken = getattr(self, "taken", 0) + 1
        if self.taken == 3:
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
    assert sum(trained) == 1  # the others are stacks of their own, which come later


INTERRUPTED = """
import numpy as np
from helpers import datasets, nets, training
data = datasets.standardise(datasets.digits())
training.train(nets.fully_connected(4), data, epochs=1, learning_rate=1e-3)
print("ready", flush=True)
history = training.train(nets.fully_connected(8, width=16), data, epochs=100_000, learning_rate=1e-3)
print("kept", history.stopped, len(history.epoch) > 1, len(history.epoch) < 100_000)
"""


def test_interrupting_the_kernel_keeps_the_history():
    """The stop button of Jupyter, on a real kernel: the cell goes on behind the training."""
    manager, client = start_new_kernel()
    try:
        client.execute(INTERRUPTED)
        printed = ""
        while "kept" not in printed:
            message = client.get_iopub_msg(timeout=60)
            assert message["msg_type"] != "error", message["content"]
            if message["msg_type"] == "stream":
                printed += message["content"]["text"]
                if printed == "ready\n":
                    time.sleep(2)
                    manager.interrupt_kernel()
        assert "kept True True True" in printed
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_closing_the_generator_leaves_the_nets_trained(data):
    net = nets.fully_connected(4, seed=0, width=16)
    untrained = net[1].weight.clone()
    steps = training.lockstep([net], data, epochs=9, learning_rates=[1e-2], seeds=[0])
    next(steps), next(steps)
    steps.close()
    assert not torch.equal(net[1].weight, untrained)


def replaced(data, index, value):
    parts = [np.array(part) for part in data]
    parts[index].ravel()[7] = value
    return parts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs = 0, but it must be at least 1"),
        ({"batch": 0}, "batch = 0"),
        ({"measure_every": 0}, "measure_every = 0"),
        ({"learning_rates": [-1e-3]}, "learning rate -0.001, but it must be above 0"),
        ({"learning_rates": [float("nan")]}, "learning rate nan"),
        (
            {"learning_rates": [1e-3, 1e-3]},
            "1 nets, 2 learning rates and 1 seeds; give one of each per net",
        ),
        ({"seeds": []}, "1 nets, 1 learning rates and 0 seeds"),
    ],
)
def test_bad_arguments_are_named(data, change, message):
    arguments = {"epochs": 1, "learning_rates": [1e-3], "seeds": [0]} | change
    with pytest.raises(ValueError, match=message):
        training.train_many([nets.fully_connected(4, width=8)], data, **arguments)


def test_bad_data_are_named(data):
    net = nets.fully_connected(4, width=8)
    with pytest.raises(
        ValueError, match="the training images hold 1 values that are infinite or not a number"
    ):
        training.train(net, replaced(data, 0, np.nan), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="the test images hold 1 values"):
        training.train(net, replaced(data, 2, np.inf), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="the labels go from 0 to 12, but the net has 10 classes"):
        training.train(net, replaced(data, 1, 12), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="the labels go from -100 to 7"):
        training.train(net, replaced(data, 3, -100), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="classes are whole numbers"):
        training.train(net, (data[0], data[1] / 2, *data[2:]), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="there are 0 test images and 0 labels"):
        training.train(net, (*data[:2], data[2][:0], data[3][:0]), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match=r"the net cannot take images of shape \(8, 7\)"):
        training.train(net, (data[0][:, :, :7], *data[1:]), epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="there are 60 training images and 59 labels"):
        training.train(net, (data[0], data[1][:-1], *data[2:]), epochs=1, learning_rate=1e-3)


def test_the_same_net_twice_is_refused(data):
    net = nets.fully_connected(4, width=8)
    with pytest.raises(ValueError, match="the same net is given twice"):
        training.train_many([net, net], data, epochs=1, learning_rates=[1e-3] * 2, seeds=[0, 1])


def test_bad_arguments_are_named_at_once_not_at_the_first_step(data):
    with pytest.raises(ValueError, match="epochs = 0"):
        training.lockstep(
            [nets.fully_connected(4, width=8)], data, epochs=0, learning_rates=[1e-3], seeds=[0]
        )


def test_errors_are_measured_on_their_own_images(data):
    net = nets.fully_connected(4, seed=0, width=16)
    history = training.train(net, data, epochs=2, learning_rate=1e-2, batch=10)
    for x, y, errors in (
        (data[0], data[1], history.training_error),
        (data[2], data[3], history.test_error),
    ):
        with torch.no_grad():
            wrong = net(torch.as_tensor(x).float()).argmax(1).numpy() != y
        assert errors[-1] == wrong.mean()
    assert history.training_error != history.test_error


def test_seeds_and_rates_may_be_numpy_numbers(data):
    net = nets.fully_connected(4, width=8)
    training.train_many([net], data, epochs=1, learning_rates=np.array([1e-3]), seeds=np.arange(1))


def test_frozen_parameters_stay_as_they_are(data):
    net = nets.fully_connected(4, seed=0, width=16)
    net[1].requires_grad_(False)
    first, last = net[1].weight.clone(), net[-1].weight.clone()
    training.train(net, data, epochs=1, learning_rate=1e-2)
    assert torch.equal(net[1].weight, first)
    assert not torch.equal(net[-1].weight, last)


def test_modes_of_the_nets_are_given_back(data):
    many = [nets.fully_connected(4, width=8) for _ in range(2)]
    many[0].eval()
    training.train_many(many, data, epochs=1, learning_rates=[1e-3] * 2, seeds=[0, 1])
    assert [net.training for net in many] == [False, True]
    assert [net[3].training for net in many] == [False, True]


def with_channel(data):
    return tuple(np.asarray(part)[:, None] if np.asarray(part).ndim == 3 else part for part in data)


def test_a_net_switched_to_plain_can_be_trained(data):
    net = nets.convolutional(8, shortcut="C", width=2)
    for block in net:
        if isinstance(block, nets.Block):
            block.skip = "none"
    before = [parameter.clone() for parameter in net[2].Ws.parameters()]
    training.train(net, with_channel(data), epochs=1, learning_rate=0.01)
    assert all(
        torch.equal(old, new) for old, new in zip(before, net[2].Ws.parameters(), strict=True)
    )


def test_a_net_that_diverges_between_two_measurements_is_frozen_at_once(data):
    net = nets.fully_connected(8, "outside", width=16)
    sgd = {"optimizer": torch.optim.SGD, "measure_every": 3}
    history = training.train(net, data, epochs=3, learning_rate=1e12, **sgd)
    assert history.diverged
    assert all(parameter.isfinite().all() for parameter in net.parameters())


def test_an_image_left_alone_is_named_before_the_training(data):
    flat = tuple(
        np.asarray(part).reshape(len(part), -1) if np.asarray(part).ndim > 1 else part
        for part in data
    )
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 10))
    with pytest.raises(
        ValueError, match="batch = 59 leaves one image alone, and this net needs two"
    ):
        training.train(net, flat, epochs=1, learning_rate=1e-3, batch=59)


def test_images_and_labels_of_wrong_shape_are_named(data):
    x_train, y_train, x_test, y_test = data
    net = nets.convolutional(8, width=2)
    with pytest.raises(ValueError, match=r"cannot take images of shape \(8, 8\)"):
        training.train(net, data, epochs=1, learning_rate=1e-3)
    flat = nets.fully_connected(4, width=8)
    with pytest.raises(
        ValueError, match=r"training labels have shape \(60, 1\), but must be \(60,\)"
    ):
        training.train(
            flat, (x_train, y_train[:, None], x_test, y_test), epochs=1, learning_rate=1e-3
        )
    with pytest.raises(
        ValueError, match=r"training images have shape \(8, 8\), but test images \(4, 16\)"
    ):
        training.train(
            flat,
            (x_train, y_train, x_test.reshape(-1, 4, 16), y_test),
            epochs=1,
            learning_rate=1e-3,
        )
    huge = x_train.astype(np.float64)
    huge[0, 0, 0] = 1e300  # finite, but not in float32
    with pytest.raises(ValueError, match="the training images hold 1 values that are infinite"):
        training.train(flat, (huge, y_train, x_test, y_test), epochs=1, learning_rate=1e-3)


def test_deep_plain_nets_are_trained_by_layers_written_out_though_they_make_much_of_rounding():
    """The scores of a plain net of 110 layers are off by about their own size in float32."""
    data = with_channel(datasets.standardise(datasets.digits()))
    assert written_out(
        [nets.convolutional(110, "none", seed=seed, width=4) for seed in range(3)], data
    )


@pytest.mark.parametrize("kind", ["fully connected", "convolutional"])
def test_nets_of_the_course_are_trained_by_layers_written_out(data, kind):
    """The general way, vmap, is for other nets; it would hide a mistake in the layers by taking
    over.
    """
    x, y = torch.as_tensor(data[0]).float(), torch.as_tensor(data[1])
    if kind == "convolutional":
        x, many = x[:, None], [nets.convolutional(8, seed=seed, width=2) for seed in range(3)]
    else:
        many = [nets.fully_connected(6, seed=seed) for seed in range(3)]
    assert written_out(many, (x, y, x, y))
    assert bool(stack_of(many, (x, y, x, y)).program) == (kind == "fully connected")
