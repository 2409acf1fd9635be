"""Mistakes that raise no error get one warning, and what is meant gets none."""

import re
import warnings

import numpy as np
import pytest
import torch
from brightest import brightest_rows
from torch import nn
from torch.nn import functional as F

from helpers import nets, training

DATA = brightest_rows()


def warned(net, data=DATA, **options):
    """Train a net for an epoch, with others and alone; return the warnings, which are equal."""
    options = {"epochs": 1} | options
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        training.train(net, data, learning_rate=1e-3, **options)
    assert all(warning.filename == __file__ for warning in caught), "not at the line of the caller"
    return [str(warning.message) for warning in caught]


class Net(nn.Module):
    """Two layers, and whatever else: forward(self, images as vectors)."""

    def __init__(self, forward, **attributes):
        super().__init__()
        self.first, self.last, self.called = nn.Linear(64, 10), nn.Linear(10, 10), forward
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, images):
        return self.called(self, images.flatten(1))


def layer():
    return nn.Linear(10, 10)


def frozen(*places):
    net = nets.fully_connected(12, width=8)
    for place in places:
        net[place].requires_grad_(False)
    return net


def in_a_list(container, get):
    return Net(lambda net, a: get(net.blocks)(net.first(a)), blocks=container)


def hide(net):
    net.__dict__["secret"] = layer()
    return net


ELSEWHERE = layer()
SILENT = {
    "a list": (in_a_list([layer()], lambda b: b[0]), "blocks is a Python list, .* its 110 numbers"),
    "a tuple": (in_a_list((layer(),), lambda b: b[0]), "blocks is a Python tuple, in which"),
    "a dict": (in_a_list({"a": layer()}, lambda b: b["a"]), r"self.blocks = nn.ModuleDict\("),
    "a list in a list": (in_a_list([[layer()]], lambda b: b[0][0]), r"self.blocks = nn.ModuleList"),
    "in a part": (
        nn.Sequential(in_a_list([layer()], lambda b: b[0]), layer()),
        "0.blocks is a Python list",
    ),
    "a tensor": (
        Net(lambda net, a: net.first(a) @ net.W, W=torch.ones(10, 10, requires_grad=True)),
        r"W is a tensor that PyTorch does not train; write self.W = nn.Parameter\(",
    ),
    "parameters in a list": (
        Net(lambda net, a: net.first(a) @ net.W[0], W=[nn.Parameter(torch.ones(10, 10))]),
        r"W is a Python list, .* write self.W = nn.ParameterList\(",
    ),
    "a layer past PyTorch": (
        hide(Net(lambda net, a: net.secret(net.first(a)))),
        "110 numbers that",
    ),
    "a layer of nobody": (
        Net(lambda net, a: ELSEWHERE(net.first(a))),
        "110 numbers that the scores depend on are not the net's own",
    ),
    "softmax": (Net(lambda net, a: net.first(a).softmax(1)), "the net ends in a softmax, but must"),
    "nn.Softmax": (nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1)), "in a softmax"),
    "softmax by hand": (
        Net(lambda net, a: net.first(a).exp() / net.first(a).exp().sum(1, keepdim=True)),
        "the net ends in a softmax",
    ),
    "softmax in another shape": (
        Net(lambda net, a: net.first(a).softmax(1).unflatten(1, (2, 5)).flatten(1)),
        "the net ends in a softmax",
    ),
    "ReLU": (Net(lambda net, a: net.first(a).relu()), "ends in a ReLU, .* all the same"),
    "a plain block": (
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nets.Block(10, "none")),
        "the net ends in a ReLU",
    ),
    "a clamp": (
        Net(lambda net, a: net.first(a).clamp(min=0)),
        "a clamp, .* beyond it are all the same",
    ),
    "softplus": (Net(lambda net, a: F.softplus(net.first(a))), "the net ends in a softplus"),
    "hard sigmoid": (Net(lambda net, a: F.hardsigmoid(net.first(a))), "the net ends in a sigmoid"),
    "absolute value": (Net(lambda net, a: net.first(a).abs()), "the net ends in an absolute value"),
    "ReLU6": (Net(lambda net, a: F.relu6(net.first(a))), "ends in a g with two bounds"),
    "GELU": (Net(lambda net, a: F.gelu(net.first(a))), "the net ends in a GELU"),
    "sigmoid": (Net(lambda net, a: net.first(a).sigmoid()), "in a sigmoid, .* cannot get large"),
    "tanh": (Net(lambda net, a: net.first(a).tanh()), "the net ends in a tanh"),
    "detach": (Net(lambda net, a: net.last(net.first(a).detach())), "comes back to first: look"),
    "data": (Net(lambda net, a: net.last(net.first(a).data)), "comes back to first: look for det"),
    "a branch": (
        Net(lambda net, a: net.last(net.net(a).detach()), net=nets.fully_connected(4, width=8)),
        "comes back to net.1, net.3.first, net.3.second and 1 more: look for detach",
    ),
    "a frozen block": (frozen(4), "4 of the net is frozen while layers before and after learn"),
    "two frozen blocks": (frozen(4, 5), "4, 5 of the net are frozen while layers before and"),
}


@pytest.mark.parametrize(("net", "sentence"), SILENT.values(), ids=SILENT)
def test_a_silent_mistake_gets_one_warning(net, sentence):
    (message,) = warned(net)
    assert re.search(sentence, message)
    assert "\n" not in message


class Mean(nn.Module):
    def forward(self, a):
        return a.mean(2)


def head_of_zeros():
    net = nets.fully_connected(4, width=8)
    nn.init.zeros_(net[-1].weight)
    return net


def without_gradient(net, a):
    with torch.no_grad():
        a = net.backbone(a)
    return net.last(a)


MEANT = {
    "plain, dead": nets.fully_connected(56, "none", "pytorch", width=8),
    "residual, too large": nets.fully_connected(56, "inside", "he", width=8),
    "outside, from the identity": nets.fully_connected(20, "outside", "identity", width=8),
    "log-softmax": Net(lambda net, a: net.first(a).log_softmax(1)),
    "capped scores": Net(lambda net, a: 9 * (net.first(a) / 9).tanh()),
    "leaky ReLU": Net(lambda net, a: F.leaky_relu(net.first(a))),
    "the mean of a ReLU": nn.Sequential(
        nn.Flatten(), nn.Linear(64, 80), nn.ReLU(), nn.Unflatten(1, (8, 10)), Mean()
    ),
    "a head of zeros": head_of_zeros(),
    "an unused layer": Net(lambda net, a: net.first(a)),
    "a list beside": in_a_list(nn.ModuleList([layer()]), lambda b: b[0]),
    "a list of its own": Net(lambda net, a: net.last(net.first(a)), names=[1, "a"]),
    "a frozen teacher in a list": in_a_list([layer().requires_grad_(False)], lambda b: b[0]),
    "a frozen backbone": Net(without_gradient, backbone=nn.Linear(64, 10).requires_grad_(False)),
    "all but the head": frozen(1, 3, 4, 5, 6, 7),
    "all but one block": frozen(1, 3, 4, 6, 7, 8),
    "the first layer": frozen(1),
    "the head": frozen(8),
    "most blocks": frozen(3, 4, 5, 6, 7),
    "one score for two classes": nets.fully_connected(4, width=8, classes=8),
    "maps": nn.Sequential(nn.Unflatten(1, (1, 8)), nets.convolutional(8, width=2)),
}
MEANT["a list of its own"].both = [MEANT["a list of its own"].first]


@pytest.mark.parametrize("net", MEANT.values(), ids=MEANT)
def test_what_is_meant_gets_no_warning(net):
    assert warned(net) == []


@pytest.mark.parametrize("of_normalisations", [False, True])
def test_frozen_normalisations_are_meant_and_so_is_everything_but_them(of_normalisations):
    net = nets.convolutional(8, width=2)
    for part in net.modules():
        is_normalisation = isinstance(part, nn.BatchNorm2d)
        if is_normalisation or isinstance(part, nn.Conv2d | nn.Linear):
            part.requires_grad_(is_normalisation == of_normalisations)
    x, y, *_ = DATA
    assert warned(net, (x[:, None], y, x[:, None], y)) == []


def test_many_nets_of_one_kind_get_one_warning():
    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU())

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        settings = {"learning_rates": [1e-3] * 3, "seeds": range(3), "epochs": 1}
        training.train_many([make() for _ in range(3)], DATA, **settings)
    assert [warning.filename for warning in caught] == [__file__]


def test_pixels_from_0_to_255_are_noticed_where_they_reach_the_scores():
    x, y, *_ = DATA
    pixels = (x * 30 + 100).clip(0, 255).astype(np.uint8)
    (message,) = warned(nets.fully_connected(4, width=8), (pixels, y, pixels, y))
    assert "use datasets.standardise, or divide by 255" in message
    scaled = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10))
    with torch.no_grad():
        scaled[1].running_var.fill_(1e4)
    assert warned(scaled, (pixels, y, pixels, y)) == []


def test_labels_of_one_class_are_noticed():
    x, y, *test = DATA
    (message,) = warned(nets.fully_connected(4, width=8), (x, y * 0 + 3, *test))
    assert message == "all training labels are 3, so there is nothing to tell apart"


def test_images_that_are_all_alike_are_noticed():
    x, y, *test = DATA
    (message,) = warned(nets.fully_connected(4, width=8), (abs(x) // 255, y, *test))
    assert message == "all training images are the same, so there is nothing to tell apart"


def test_looking_at_a_net_changes_nothing():
    net = nets.convolutional(8, width=2).eval()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    chance = torch.random.get_rng_state()
    x, y, *_ = DATA
    plan = {"epochs": 1, "learning_rate": 1, "batch": 59}  # one image is left alone
    for labels, optimizer, sentence in (
        (y * 0 + 99, torch.optim.Adam, "the labels go from 0 to 99"),
        (y, "Adam", "optimizer = 'Adam', but it must make one of torch.optim"),
    ):
        with pytest.raises(ValueError, match=sentence):
            training.train(net, (x[:, None], labels, x[:, None], y), optimizer=optimizer, **plan)
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    assert not net.training
    assert torch.equal(chance, torch.random.get_rng_state())


def test_no_hook_is_left_in_a_net_that_was_looked_at():
    net, words = SILENT["detach"]
    (message,) = warned(net)
    assert re.search(words, message)
    assert not any(part._forward_hooks for part in net.modules())


def many_rows(shuffled):
    """600 images; the labels of those named are drawn anew."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 8, 600)
    x = rng.normal(0, 0.3, (600, 8, 8))
    x[np.arange(600), y] += 1
    new = rng.permutation(y)
    y_train = new if "training" in shuffled else y
    y_test = new if "test" in shuffled else y
    return x[:400], y_train[:400], x[400:], y_test[400:]


@pytest.mark.parametrize("shuffled", [("training",), ("test",), ("training", "test")])
def test_labels_that_do_not_belong_to_the_images_are_noticed(shuffled):
    net = nets.fully_connected(4, width=64)
    data = many_rows(shuffled)
    (message,) = warned(net, data, epochs=60, optimizer=lambda p, lr: torch.optim.Adam(p, 3e-3))
    assert "the net learned the training images by heart" in message
    assert "do the labels belong to the images?" in message


def test_a_net_that_learns_is_not_suspected():
    assert warned(nets.fully_connected(4, width=16), many_rows(()), epochs=20) == []


def test_a_history_says_how_it_ended_and_whether_guessing_does_as_well():
    data = many_rows(())
    options = {"epochs": 5, "learning_rate": 3e-3}
    dead = training.train(nets.fully_connected(56, "none", "pytorch", width=8), data, **options)
    assert dead.final_training_error >= dead.chance[0] > 0.75
    said = "of the training images wrong (no better than guessing), "
    assert repr(dead).startswith("after epoch 5: training loss 2.")
    assert said in repr(dead)
    learned = training.train(nets.fully_connected(4, width=32), data, **options)
    assert learned.final_training_error < 0.5
    assert "guessing" not in repr(learned)
    # A net that always names the most frequent class is wrong as often as that, to the last image.
    always = training.History([(0, 2.3, 0.88, 0.87)], chance=(0.88, 0.88))
    guesses = "88.0% of the training images wrong (no better than guessing), 87.0% of the test"
    assert guesses in repr(always)
    assert repr(training.History()) == repr(training.History([(0, *[float("nan")] * 3)]))
    ends = training.History([(0, 2.3, 0.9, 0.5)], diverged=True, stopped=True)
    assert repr(ends) == (
        "after epoch 0: training loss 2.3, 90.0% of the training images wrong, 50.0% of the test "
        "images wrong; diverged; stopped early"
    )


def test_few_images_do_not_tell_guessing_from_knowing():
    history = training.train(nets.fully_connected(4, width=8), DATA, epochs=1, learning_rate=1e-3)
    assert np.isnan(history.chance).tolist() == [False, True]  # 60 and 20 images
