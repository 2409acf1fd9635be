"""Nets, numbers and optimisers as people bring them: they train, or one sentence says why not."""

from functools import partial

import brightest
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from helpers import explore, nets, plots, training
from helpers.block import block, decay, descend, random_block
from helpers.panels.panel import Panel

DATA = brightest.brightest_rows()
OPTIONS = {"epochs": 1, "learning_rate": 1e-3}


def small(**options):
    return nets.fully_connected(4, width=8, **options)


def train(net, **options):
    return training.train(net, DATA, **(OPTIONS | options))


def train_many(many, **options):
    options = {"epochs": 1, "learning_rates": [1e-3], "seeds": [0]} | options
    return training.train_many(many, DATA, **options)


class Keeps(nn.Module):
    """Keeps what it computed, as people do to look at it: such a net cannot be copied."""

    def __init__(self, forward=lambda last, a: last(a)):
        super().__init__()
        self.last, self.called = nn.Linear(64, 10), forward

    def forward(self, images):
        self.scores = self.called(self.last, images.flatten(1))
        return self.scores


def built_without_gradients():
    with torch.inference_mode():
        return small()


NETS = {
    "a class": (nn.Linear, "must be a torch.nn.Module, but is the class Linear: build a net of it"),
    "a function": (small, "but is of type function: if it builds nets, call it"),
    "a list": ([small()], "but is of type list: train takes one net, and train_many a list"),
    "its name": ("resnet34", "must be a torch.nn.Module, but is of type str$"),
    "all frozen": (small().requires_grad_(False), "no parameter that learns: all are frozen"),
    "nothing to learn": (nn.Flatten(), "the net has no parameter that learns$"),
    "on meta": (small().to("meta"), "is on the device meta, which keeps no numbers"),
    "inference mode": (built_without_gradients(), "was built in torch.inference_mode: build it"),
    "numbers": (Keeps(lambda last, a: last(a).argmax(1)), r"makes \(2,\) of 2 images, but must"),
    "two": (Keeps(lambda last, a: (last(a), a)), r"the net makes a tuple, but must make a tensor"),
    "detached": (Keeps(lambda last, a: last(a).detach()), "no gradient comes back from the scores"),
    "in place": (Keeps(lambda last, a: last(a.mul_(2))), "changes the images that it is given"),
    "complex": (
        nn.Linear(64, 10, dtype=torch.complex64),
        "parameters of the net are no real numbers",
    ),
    "no forward": (nn.ModuleList([nn.Linear(1, 1)]), "Module .ModuleList. is missing the required"),
    "NumPy": (Keeps(lambda last, a: last(a).numpy()), r"float32: Can't call numpy\(\)"),
    "a mistake": (Keeps(lambda last, a: last.of(a)), "float32: AttributeError: 'Linear' object"),
    "too small": (
        nn.Sequential(nn.Flatten(), nn.Linear(63, 10)),
        r"its layer 1, Linear\(in_features=63, .*\), is given \(2, 64\)",
    ),
}


@pytest.mark.parametrize(("net", "sentence"), NETS.values(), ids=NETS)
def test_what_is_no_net_for_images_is_named(net, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(net)


def test_the_parameters_of_a_net_are_on_one_device(monkeypatch):
    net = small()
    devices = iter([torch.device("cpu"), torch.device("cuda:0")] * 99)
    monkeypatch.setattr(nn.Parameter, "device", property(lambda self: next(devices)), raising=False)
    with pytest.raises(ValueError, match=r"on cpu and cuda:0; net.to\('cpu'\) mends that"):
        train(net)


MANY = {
    "one net": ({"many": small()}, "nets = Sequential, but it must be a list"),
    "one rate": ({"learning_rates": 1e-3}, "learning_rates = 0.001, but it must be a list"),
    "one seed": ({"seeds": 0}, "seeds = 0, but it must be a list"),
    "text": ({"seeds": "0"}, "seeds = '0', but it must be a list"),
    "none": ({"many": []}, "0 nets, 1 learning rates and 1 seeds"),
    "a class": ({"many": [nn.Linear]}, "the net must be .* is the class Linear"),
    "a rate of text": ({"learning_rates": ["1e-3"]}, "learning_rate = '1e-3', but it must be a"),
    "it keeps": ({"many": [Keeps()]}, None),
}


@pytest.mark.parametrize(("options", "sentence"), MANY.values(), ids=MANY)
def test_what_are_no_nets_is_named(options, sentence):
    options = {"many": [small()]} | options
    if sentence is None:
        train(options["many"][0])
        sentence = r"lockstep \(it keeps what it computed, which cannot be copied\); train it by"
    with pytest.raises(ValueError, match=sentence):
        train_many(**options)


def test_nets_rates_and_seeds_may_come_one_by_one():
    (history,) = train_many(
        (small() for _ in range(1)), learning_rates=iter([1e-3]), seeds=(n for n in [0])
    )
    assert history.epoch == [0, 1]


ONE = small()
FAIR = {
    "a net": ({"make": small()}, r"make \(of type Sequential\) must be a function of one"),
    "a name": ({"make": "plain"}, r"make \(of type str\) must be a function of one argument"),
    "what is no net": (
        {"make": lambda seed: seed},
        "the net must be a torch.nn.Module, but is of type int",
    ),
    "one rate": ({"rates": 1e-3}, "rates = 0.001, but it must be a list"),
    "no rate": ({"rates": []}, r"rates = \[\] and seeds = \[0\]; give some of each"),
    "a rate twice": ({"rates": [0.1, 0.1]}, "give some of each, each rate once"),
    "a rate of text": (
        {"rates": [0.1, "0.2"]},
        r"rates\[1\] = '0.2', but it must be a number above",
    ),
    "one seed": ({"seeds": 5}, "seeds = 5, but it must be a list"),
    "no seeds": ({"seeds": ()}, r"seeds = \[\]; give some of each"),
    "one net for all": ({"make": lambda seed: ONE, "seeds": [0, 1]}, "the same net is given twice"),
}


@pytest.mark.parametrize(("change", "sentence"), FAIR.values(), ids=FAIR)
def test_a_comparison_of_nothing_is_named(change, sentence):
    options = {"make": lambda seed: small(seed=seed), "rates": [1e-3], "seeds": [0]} | change
    with pytest.raises(ValueError, match=sentence):
        training.fair(options.pop("make"), DATA, epochs=1, **options)


@pytest.mark.parametrize(
    ("makes", "sentence"),
    [
        ({"A": small(), "B": 5}, r"makes\['A'\] \(of type Sequential\) must be a function of"),
        ({1: lambda seed: ONE, 2: 5}, r"makes\[2\] \(of type int\) must be a function of one"),
        ([small], r"makes is \[<function .*\], but it must be a dictionary, {kind: make}"),
        ({}, "makes is {}, but it must be a dictionary, {kind: make}"),
    ],
)
def test_kinds_that_make_no_nets_are_named(makes, sentence):
    with pytest.raises(ValueError, match=sentence):
        training.fair_many(makes, DATA, rates=[1e-3], seeds=[0], epochs=1)


@pytest.mark.parametrize("histories", [{}, [], None, {0.1: []}, [training.History()], 0.1])
def test_the_best_of_nothing_is_named(histories):
    with pytest.raises(ValueError, match=r"but it must be what fair returns: {rate: Histories}"):
        training.best(histories)


def test_a_net_that_was_stopped_before_it_was_measured_is_never_the_best():
    stopped, measured = training.History(stopped=True), training.History([(0, 2.3, 0.9, 0.9)])
    assert training.best({1.0: [stopped], 0.1: [measured]}) == 0.1
    assert np.isnan([stopped.final_training_error, stopped.final_test_error]).all()


def test_a_net_that_keeps_what_it_computed_can_be_trained_again():
    net = Keeps()
    train(net)
    assert train(net).epoch == [0, 1]


def lazy():
    return nn.Sequential(
        nn.Flatten(), nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(10)
    )


def test_lazy_layers_get_their_shapes():
    one, two = lazy(), lazy()
    assert train(one).epoch == [0, 1]
    (history,) = train_many([two])
    assert history.epoch == [0, 1]
    assert one[1].in_features == two[1].in_features == 64
    with pytest.raises(ValueError, match="build the net again, since its lazy layers have shapes"):
        train(nn.Sequential(nn.LazyLinear(8), nn.Linear(9, 10)))


WHOLE = "but it must be a whole number above 0"
SEED = "but it must be a whole number from 0 on"
RATE = "but it must be a number above 0"
CLUMSY = {
    "half an epoch": ({"epochs": 1.5}, f"epochs = 1.5, {WHOLE}"),
    "epochs as text": ({"epochs": "3"}, f"epochs = '3', {WHOLE}"),
    "True epochs": ({"epochs": True}, f"epochs = True, {WHOLE}"),
    "no epochs": ({"epochs": None}, f"epochs = None, {WHOLE}"),
    "half a batch": ({"batch": 0.5}, f"batch = 0.5, {WHOLE}"),
    "a float": ({"measure_every": 2.0}, f"measure_every = 2.0, {WHOLE}"),
    "half a seed": ({"seed": 1.5}, f"seed = 1.5, {SEED}"),
    "a negative seed": ({"seed": -1}, f"seed = -1, {SEED}"),
    "no seed": ({"seed": None}, f"seed = None, {SEED}"),
    "a huge seed": ({"seed": 2**64}, r"seed = 18446744073709551616, but it must be below 2\*\*63"),
    "rate 0": ({"learning_rate": 0}, f"learning_rate = 0, {RATE}"),
    "a rate of text": ({"learning_rate": "1e-3"}, f"learning_rate = '1e-3', {RATE}"),
    "two rates": ({"learning_rate": [1, 2]}, rf"learning_rate = \[1, 2\], {RATE}"),
    "an array of rates": ({"learning_rate": np.ones(2)}, f"learning_rate = array.*, {RATE}"),
    "a tensor of rates": ({"learning_rate": torch.ones(2)}, f"learning_rate = tensor.*, {RATE}"),
    "an infinite rate": ({"learning_rate": np.inf}, f"learning_rate = inf, {RATE}"),
    "a complex rate": ({"learning_rate": 1j}, f"learning_rate = 1j, {RATE}"),
}


@pytest.mark.parametrize(("change", "sentence"), CLUMSY.values(), ids=CLUMSY)
def test_clumsy_numbers_are_named(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(small(), **change)


def test_numbers_of_numpy_and_pytorch_are_numbers():
    numbers = {
        "epochs": np.array(2),
        "batch": np.int64(16),
        "measure_every": torch.tensor(2),
        "seed": np.uint8(3),
        "learning_rate": np.float32(1e-2),
    }
    plain = {"epochs": 2, "batch": 16, "measure_every": 2, "seed": 3, "learning_rate": 1e-2}
    found, expected = train(small(), **numbers), train(small(), **plain)
    assert found.epoch == expected.epoch == [0, 2]
    assert found.training_loss == pytest.approx(expected.training_loss)
    rates, seeds = np.array([1e-2]), torch.tensor([3])
    (of_many,) = train_many(
        [small()], epochs=torch.tensor(2), batch=np.int64(16), learning_rates=rates, seeds=seeds
    )
    assert of_many.epoch == [0, 1, 2]


class LARS(torch.optim.SGD):
    """Steps as long as the parameter they change: You et al. 2017, without what else it has."""

    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.mul_(p.detach().norm() / p.grad.norm())
        super().step()


class Clipped(torch.optim.SGD):
    """Steps along gradients that are, all numbers together, no longer than 1."""

    def step(self):
        nn.utils.clip_grad_norm_(self.param_groups[0]["params"], 1.0)
        super().step()


OPTIMIZERS = {
    "text": ("adam", "optimizer = 'adam', but it must make one of torch.optim", True),
    "nothing": (None, "optimizer = None, but it must make", True),
    "a ready one": (torch.optim.SGD(small().parameters(), 0.1), "optimizer = a ready SGD", True),
    "misspelt": (partial(torch.optim.SGD, momentun=0.9), "SGD refuses .* 'momentun'", True),
    "no rate": (lambda parameters: None, "refuses this training: .* argument 'lr'", True),
    "a schedule": (
        lambda p, lr: torch.optim.lr_scheduler.StepLR(torch.optim.SGD(p, lr), 1),
        "makes a StepLR, but it must make",
        True,
    ),
    "LBFGS": (torch.optim.LBFGS, "LBFGS computes the loss several times in a step", True),
    "Muon": (torch.optim.Muon, "Muon refuses .* only supports 2D parameters", True),
    "Adafactor": (torch.optim.Adafactor, "Adafactor does not treat each number by itself", False),
    "clipped": (Clipped, "Clipped does not treat each number by itself", False),
    "LARS": (LARS, "LARS does not treat each number by itself", False),
}


@pytest.mark.parametrize(("made", "sentence", "alone"), OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_that_cannot_do_it_are_named(made, sentence, alone):
    with pytest.raises(ValueError, match=sentence):
        train_many([small()], optimizer=made)
    if alone:
        with pytest.raises(ValueError, match=sentence):
            train(small(), optimizer=made)
    else:
        assert train(small(), optimizer=made).epoch == [0, 1]


@pytest.mark.parametrize(
    "made",
    [
        getattr(torch.optim, name)
        for name in ("Adagrad", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD")
    ],
)
def test_optimizers_that_treat_each_number_by_itself_train_many_nets(made):
    (history,) = train_many([small()], optimizer=made)
    alone = train(small(), optimizer=made)
    assert history.training_loss == pytest.approx(alone.training_loss, rel=1e-3)


@pytest.mark.parametrize(
    ("layers", "data", "sentence"),
    [
        ([nn.BatchNorm1d(64)], DATA, "batch = 59 leaves one image alone, and this net needs two"),
        ([nn.BatchNorm1d(64)], [part[:1] for part in DATA], "there is one training image, and"),
        ([nn.Unflatten(1, (64, 1)), nn.InstanceNorm1d(64), nn.Flatten()], DATA, "more than 1 spat"),
    ],
)
def test_an_image_alone_is_told_from_a_net_that_cannot_train_at_all(layers, data, sentence):
    net = nn.Sequential(nn.Flatten(), *layers, nn.Linear(64, 10))
    with pytest.raises(ValueError, match=sentence):
        training.train(net, data, **OPTIONS, batch=59)


class NoFloat64(TorchDispatchMode):
    """Stands for a device without float64, such as Apple's GPUs: only what was moved may become it.

    moved: a list of the tensors that were moved to the CPU.
    """

    def __init__(self, moved):
        super().__init__()
        self.moved = moved

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        found = operation(*arguments, **(options or {}))
        if isinstance(found, torch.Tensor) and found.dtype == torch.float64:
            given = arguments[0]
            is_moved = any(given is tensor for tensor in self.moved)
            assert given.dtype == torch.float64 or is_moved, f"{operation} makes float64"
        return found


def test_an_apple_gpu_gets_no_float64(monkeypatch):
    moved = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: moved.append(self) or self)
    with NoFloat64(moved):
        assert train(small()).epoch == [0, 1]
    assert moved


def test_numbers_are_drawn_on_the_cpu_wherever_the_net_is(monkeypatch):
    places = []
    drawn = nn.init.uniform_

    def uniform_(tensor, *bounds, generator=None):
        places.append(str(tensor.device))
        return drawn(tensor, *bounds, generator=generator)

    monkeypatch.setattr(nn.init, "uniform_", uniform_)
    net = small().to("meta")
    places.clear()
    nets.initialise(net, "pytorch", 3)
    assert set(places) == {"cpu"}


def test_a_default_device_does_not_move_the_order_of_the_images(monkeypatch):
    expected = train(small())
    drawn = torch.randperm

    def randperm(*sizes, device=None, **options):
        assert device == "cpu", "the generator is on the CPU"
        return drawn(*sizes, **options)

    monkeypatch.setattr(torch, "randperm", randperm)
    assert train(small()) == expected
    train_many([small()])


CALLS = {
    "half a unit": (lambda: random_block(1.5, 0), f"units = 1.5, {WHOLE}"),
    "no units": (lambda: random_block(0, 1), f"units = 0, {WHOLE}"),
    "half a seed": (lambda: random_block(4, 1.5), f"seed = 1.5, {SEED}"),
    "a seed of a net": (lambda: small(seed=1.5), f"seed = 1.5, {SEED}"),
    "True as width": (lambda: nets.Block(True), f"width = True, {WHOLE}"),
    "half a step": (lambda: decay(np.eye(2), 1, 0.1, 1.5), "steps = 1.5, .* from 0 on"),
    "strength as text": (lambda: decay(np.eye(2), "1", 0.1, 1), "strength = '1', .* a number, 0"),
    "g as text": (
        lambda: block(np.ones((4, 1)), *random_block(4, 0), g="relu"),
        "g = 'relu', but it must be a function",
    ),
    "text in a": (
        lambda: block(np.full((4, 1), "1"), *random_block(4, 0)),
        r"a\[l\] is of type <U1, but must hold numbers",
    ),
    "steps of descend": (
        lambda: descend(np.ones((4, 1)), 0, random_block(4, 0), learning_rate=0.1, steps=1.5),
        "steps = 1.5, .* from 0 on",
    ),
}


@pytest.mark.parametrize(("call", "sentence"), CALLS.values(), ids=CALLS)
def test_clumsy_calls_get_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


CONTROLS = {
    "no step": ((0, 1, 0), "'a' has the step 0, but it must be above 0"),
    "a step back": ((0, 1, -1), "'a' has the step -1, but it must be above 0"),
    "text": (("0", "1"), "'a' starts at 1: give it"),
    "NaN": ((0, np.nan), "'a' starts at 1: give it"),
}


@pytest.mark.parametrize(("short", "sentence"), CONTROLS.values(), ids=CONTROLS)
def test_clumsy_sliders_get_a_sentence(short, sentence):
    picture, _ = plots.figure()
    with pytest.raises(ValueError, match=sentence):
        explore.explore(picture, lambda a=1: "", a=short)


def test_an_update_is_a_function():
    picture, _ = plots.figure()
    with pytest.raises(ValueError, match="update = 'draw', but it must be a function"):
        explore.explore(picture, "draw")


@pytest.mark.parametrize(
    "frame",
    [
        *("half done", 0.5, ("0.5", "half done"), (0.5, "half", "done")),
        *(None, (50, "of a hundred"), (-1.0, ""), (float("nan"), "")),
    ],
)
def test_a_film_that_yields_something_else_says_so(frame):
    picture, _ = plots.figure()

    def update():
        yield frame

    film = explore.explore(picture, update)
    assert isinstance(film, Panel)
    assert "a film yields (done, sentence), done from 0 to 1" in film._screen.error
