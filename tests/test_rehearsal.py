"""Whether a net takes these images and learns from them: said in one sentence, before it trains."""

import brightest
import numpy as np
import pytest
import torch
from brightest import with_channel
from torch import nn
from torch.utils.checkpoint import checkpoint

from helpers import nets, training

data = brightest.data


class Net(nn.Module):
    """A net with a forward of the reader's own."""

    def __init__(self, forward):
        super().__init__()
        self.first, self.last = nn.Linear(64, 12), nn.Linear(12, 10)
        self.called = forward

    def forward(self, x):
        return self.called(self, x.flatten(1))


def changed_in_place(net, x):
    hidden = torch.sigmoid(net.first(x))
    hidden += hidden.clone()
    return net.last(hidden)


def squeezed(net, x):
    return net.last(net.first(x)).squeeze()


def two_heads_while_training(net, x):
    scores = net.last(net.first(x))
    return (scores, scores) if net.training else scores


def detached_while_training(net, x):
    hidden = net.first(x)
    scores = net.last(hidden)
    return scores.detach() if net.training else scores


def misspelt_while_training(net, x):
    return net.last(net.frist(x) if net.training else net.first(x))


def kept_and_cut(net, x):
    net.hidden = net.first(x)  # such a net cannot be copied
    return net.last(net.hidden[:, 1:])


def cut_and_named(net, x):
    return net.last(input=net.first(x)[:, 1:])


MISTAKES = {
    kept_and_cut: r"its layer last, Linear\(in_features=12, .*\), is given \(2, 11\)",
    cut_and_named: r"its layer last, Linear\(in_features=12, .*\), is given \(2, 11\)",
    changed_in_place: "cannot learn from these images: an operation in place, .*: write h = h",
    squeezed: r"the net makes \(10,\) of 1 image, but must make a tensor \(1, classes\)",
    two_heads_while_training: r"the net makes a tuple, but must make a tensor \(2, classes\)",
    detached_while_training: "no gradient comes back from the scores of the net",
    misspelt_while_training: "cannot take images of shape .* has no attribute 'frist'",
}


@pytest.mark.parametrize("way", ["train", "train_many"])
@pytest.mark.parametrize(("forward", "sentence"), MISTAKES.items())
def test_what_fails_while_training_is_said_before(data, forward, sentence, way):
    """The last batch has one image: 60 = 59 + 1."""
    net, plan = Net(forward), {"epochs": 1, "batch": 59}
    ways = {
        "train": lambda: training.train(net, data, learning_rate=0.01, **plan),
        "train_many": lambda: training.train_many(
            [net], data, learning_rates=[0.01], seeds=[0], **plan
        ),
    }
    with pytest.raises(ValueError, match=sentence):
        ways[way]()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")  # while measuring
def test_a_checkpoint_that_only_backward_can_take_is_trained(data):
    net = Net(lambda net, x: checkpoint(net.last, net.first(x), use_reentrant=True))
    history = training.train(net, data, epochs=2, learning_rate=0.01)
    assert history.final_loss < history.training_loss[0]


def by_batches(seed=0):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16, track_running_stats=False),
        nn.Linear(16, 10),
    )  # fmt: skip


def test_layers_that_are_not_used_do_not_keep_a_net_from_learning(data):
    """As the Ws of a net that was made plain."""
    net = Net(lambda net, x: net.last(x[:, :12]))
    assert training.train(net, data, epochs=1, learning_rate=0.01, seed=0).rows[-1][0] == 1


@pytest.mark.parametrize(("training_images", "test_images"), [(257, 20), (60, 1), (60, 513)])
def test_an_image_that_would_be_measured_alone_is_said(training_images, test_images):
    x, y, *_ = brightest.brightest_rows()
    chosen = np.arange(600) % len(x)
    train, test = chosen[:training_images], chosen[:test_images]
    with pytest.raises(ValueError, match=r"one image would be measured alone \(256 at once are\)"):
        training.train(
            by_batches(), (x[train], y[train], x[test], y[test]), epochs=1, learning_rate=0.01,
            batch=20,
        )  # fmt: skip


@pytest.mark.parametrize("make", [nets.fully_connected, nets.convolutional])
def test_a_net_that_takes_one_image_is_measured_on_one(data, make):
    x, y, x_test, y_test = with_channel(data)
    one = x, y, x_test[:1], y_test[:1]
    training.train(make(8, width=4), one, epochs=1, learning_rate=0.01, batch=20)


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(12), nn.ReLU(), nn.LazyLinear(10))


def test_lazy_layers_draw_from_the_seed_alone(data):
    plan = {"epochs": 1, "batch": 20}
    together = training.train_many(
        [lazy() for _ in range(3)], data, learning_rates=[1e-3] * 3, seeds=[1, 2, 1], **plan
    )
    first = [history.training_loss[0] for history in together]
    assert first[0] == first[2] != first[1]
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    for seed, history in zip([1, 2], together, strict=False):
        alone = training.train(lazy(), data, learning_rate=1e-3, seed=seed, **plan)
        assert history.training_loss == pytest.approx(alone.training_loss, rel=1e-4)
    assert torch.equal(torch.random.get_rng_state(), before)
