"""What cannot be trained, or not with these data, is refused in words."""

import brightest
import numpy as np
import pytest
import torch
from brightest import Tail, stem

from helpers import nets, training

data = brightest.data


def test_inference_mode_is_refused_in_words(data):
    with (
        torch.inference_mode(),
        pytest.raises(ValueError, match=r"no net learns in torch\.inference_mode"),
    ):
        training.train(nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3)


def test_autocast_around_a_training_is_refused_in_words(data):
    """It would show every step the weights of the first one."""
    net, sentence = nets.fully_connected(4, width=8), "torch.autocast keeps the weights"
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(ValueError, match=sentence):
            training.train(net, data, epochs=1, learning_rate=1e-3)
        with pytest.raises(ValueError, match=sentence):
            training.train_many([net], data, epochs=1, learning_rates=[1e-3], seeds=[0])
    training.train(net, data, epochs=1, learning_rate=1e-3)


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
            r"the net makes \(2,\) of 2 images, but must make a tensor \(2, classes\)",
        ),
        (lambda last, a: last(a)[..., None], r"the net makes \(2, 10, 1\) of 2 images"),
        (lambda last, a: (last(a), a), r"the net makes a tuple"),
        (
            lambda last, a: last(a).sum(3),
            r"cannot take images of shape \(8, 8\) in float32: its layer 3, Tail, .*Dimension out",
        ),
    ],
)
def test_scores_of_another_shape_are_named(data, forward, message):
    with pytest.raises(ValueError, match=message):
        training.train(stem(Tail(forward)), data, epochs=1, learning_rate=1e-3)


def replaced(data, index, value):
    parts = [np.array(part) for part in data]
    parts[index].ravel()[7] = value
    return parts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs = 0, but it must be a whole number above 0"),
        ({"batch": 0}, "batch = 0"),
        ({"measure_every": 0}, "measure_every = 0"),
        ({"learning_rates": [-1e-3]}, "learning_rate = -0.001, but it must be a number above 0"),
        ({"learning_rates": [float("nan")]}, "learning_rate = nan"),
        (
            {"learning_rates": [1e-3, 1e-3]},
            "1 nets, 2 learning rates and 1 seeds; give one of each per net",
        ),
        ({"seeds": []}, "1 nets, 1 learning rates and 0 seeds"),
        ({"learning_rates": {1e-3}}, "learning_rates = set, but it must be a list"),
        ({"learning_rates": [np.True_]}, "learning_rate = np.True_, but it must be a number"),
        ({"seeds": [torch.tensor(True)]}, r"seed = tensor\(True\), but it must be a whole number"),
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
    with pytest.raises(ValueError, match="there are no test images"):
        training.train(net, (*data[:2], data[2][:0], data[3][:0]), epochs=1, learning_rate=1e-3)
    narrow = [part[:, :, :7] if part.ndim == 3 else part for part in data]
    with pytest.raises(ValueError, match=r"the net cannot take images of shape \(8, 7\)"):
        training.train(net, narrow, epochs=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="there are 60 training images and 59 labels"):
        training.train(net, (data[0], data[1][:-1], *data[2:]), epochs=1, learning_rate=1e-3)


def test_the_same_net_twice_is_refused(data):
    net = nets.fully_connected(4, width=8)
    with pytest.raises(ValueError, match="the same net is given twice"):
        training.train_many([net, net], data, epochs=1, learning_rates=[1e-3] * 2, seeds=[0, 1])


def test_nets_share_only_layers_that_do_not_learn(data):
    """What one of them learned, the other would write over."""
    body, heads = nets.linear(64, 8), [torch.nn.Linear(8, 10) for _ in range(2)]
    many = [torch.nn.Sequential(torch.nn.Flatten(), body, head) for head in heads]
    plan = {"epochs": 1, "learning_rates": [1e-3] * 2, "seeds": [0, 1]}
    with pytest.raises(ValueError, match="two nets share a layer that learns"):
        training.train_many(many, data, **plan)
    body.requires_grad_(False)
    assert [history.epoch for history in training.train_many(many, data, **plan)] == [[0, 1]] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: None, r"make \(of type function\) must be a function of one argument, the seed"),
        (torch.nn.Linear, r"make \(of type type\) must be a function of one argument, the seed"),
        (lambda seed: None, "net number 0 must be a torch.nn.Module, but is of type NoneType"),
        (lambda seed: torch.nn.Linear, "net number 0 must be .* but is the class Linear"),
    ],
)
def test_a_function_that_makes_no_nets_is_named(data, make, message):
    with pytest.raises(ValueError, match=message):
        training.fair(make, data, rates=[1e-3, 1e-2], seeds=[0], epochs=1)


@pytest.mark.parametrize("entry", [training.History(), [1.0], "text", None])
def test_what_fair_does_not_return_has_no_best_rate(entry):
    with pytest.raises(ValueError, match="but it must be what fair returns"):
        training.best({1e-3: entry})


def test_a_layer_of_another_type_is_said(data):
    net = stem(torch.nn.Linear(16, 10).double())
    with pytest.raises(ValueError, match=r"its layer 3, Linear\(.*\), is given .* same dtype"):
        training.train(net, data, epochs=1, learning_rate=1e-3)


def test_bad_arguments_are_named_at_once_not_at_the_first_step(data):
    with pytest.raises(ValueError, match="epochs = 0"):
        training.lockstep(
            [nets.fully_connected(4, width=8)], data, epochs=0, learning_rates=[1e-3], seeds=[0]
        )


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
