"""One training and the fair comparison: the numbers, the Histories, and what may go wrong."""

import os
import signal
import threading
import time
from functools import partial

import numpy as np
import pytest
import torch
from brightest import Tail, brightest_rows, by_hand, stem, with_channel
from jupyter_client.manager import start_new_kernel

from helpers import nets, training


@pytest.fixture
def data():
    return brightest_rows()


@pytest.fixture
def stop_button():
    """Press it: what Jupyter's stop button does in Python, also in a background process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_inference_mode_is_refused_in_words(data):
    with (
        torch.inference_mode(),
        pytest.raises(ValueError, match=r"no net learns in torch\.inference_mode"),
    ):
        training.train(nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3)


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


def test_any_optimizer_of_torch_can_be_used(data):
    sgd = partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-2)
    net, lonely = (nets.fully_connected(4, seed=0, width=16) for _ in range(2))
    history = training.train(
        net, data, epochs=3, learning_rate=0.05, seed=1, batch=20, optimizer=sgd
    )
    loss, _ = by_hand(lonely, data, 3, 0.05, 1, 20, make=sgd)
    assert history.training_loss[-1] == pytest.approx(loss, rel=1e-3)


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


INTERRUPTED = """
import numpy as np
from helpers import datasets, nets, training
data = datasets.standardise(datasets.digits())
training.train(nets.fully_connected(4), data, epochs=1, learning_rate=1e-3)
print("ready", flush=True)
net = nets.fully_connected(8, width=16)
history = training.train(net, data, epochs=100_000, learning_rate=1e-3)
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
    history = training.train(
        net, data, epochs=3, learning_rate=1e12, optimizer=torch.optim.SGD, measure_every=3
    )
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


def test_train_is_the_loop_that_a_user_would_write(data):
    """To the last bit, since nothing is summed in another order."""
    net, other = (nets.fully_connected(8, "inside", seed=1, width=16) for _ in range(2))
    history = training.train(
        net, data, epochs=3, learning_rate=1e-2, seed=4, batch=25, optimizer=torch.optim.Adam
    )
    loss, error = by_hand(other, data, 3, 1e-2, 4, 25)
    assert history.training_loss[-1] == pytest.approx(loss, rel=1e-6)
    assert history.training_error[-1] == pytest.approx(error)
    for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("build", [nets.fully_connected, nets.convolutional])
def test_train_many_gives_each_net_what_train_gives(data, build, dtype, tolerance):
    if build is nets.convolutional:
        data = with_channel(data)
    arms = [(skip, seed) for skip in nets.SKIPS for seed in (0, 1)]
    together, alone = (
        [build(8, skip, seed=seed, width=4).to(dtype) for skip, seed in arms] for _ in range(2)
    )
    rates = [3e-3, 1e-3] * 3
    histories = training.train_many(
        together, data, epochs=3, learning_rates=rates, seeds=range(6), batch=25, measure_every=2
    )
    for seed, (net, rate, history) in enumerate(zip(alone, rates, histories, strict=True)):
        expected = training.train(
            net, data, epochs=3, learning_rate=rate, seed=seed, batch=25, measure_every=2
        )
        assert history.epoch == expected.epoch == [0, 2, 3]
        for of in ("training_loss", "training_error", "test_error"):
            assert getattr(history, of) == pytest.approx(getattr(expected, of), rel=tolerance)
    for mine, theirs in zip(together, alone, strict=True):
        for name, value in theirs.state_dict().items():
            assert torch.allclose(mine.state_dict()[name], value, rtol=tolerance, atol=tolerance)


def test_a_net_that_diverged_is_infinitely_bad_and_has_no_errors(data):
    net = nets.fully_connected(8, "outside", width=16)
    history = training.train(net, data, epochs=3, learning_rate=1e12, optimizer=torch.optim.SGD)
    assert history.diverged
    assert history.final_loss == np.inf
    assert np.isnan([history.final_training_error, history.final_test_error]).all()
    history = training.train(nets.fully_connected(2, width=16), data, epochs=3, learning_rate=1e-3)
    last = (history.final_loss, history.final_training_error, history.final_test_error)
    assert history.rows[-1] == (3, *last)


def test_a_fair_comparison_trains_each_seed_at_each_rate(data):
    def make(seed):
        return nets.fully_connected(4, "none", seed=seed, width=16)

    found = training.fair(make, data, rates=[1e-3, 1e-2], seeds=[3, 4], epochs=2, batch=20)
    assert list(found) == [1e-3, 1e-2]
    for rate, histories in found.items():
        for seed, history in zip([3, 4], histories, strict=True):
            alone = training.train(
                make(seed), data, epochs=2, learning_rate=rate, seed=seed, batch=20
            )
            assert history.training_loss == pytest.approx(alone.training_loss, rel=1e-4)


def history(loss, diverged=False):
    return training.History([(0, loss, 0.5, 0.5)], diverged)


def test_the_best_rate_has_the_lowest_median_loss_and_diverged_nets_count_as_infinite():
    lucky = [history(0.0), history(0.0), history(0.1, diverged=True), history(0.1, diverged=True)]
    steady = [history(loss) for loss in (0.5, 0.6, 0.8, 0.9)]
    assert training.best({0.1: steady, 1.0: lucky}) == 0.1
    assert training.best({1.0: lucky, 0.1: steady}) == 0.1
    outlier = [history(0.65), history(0.65), history(0.65), history(0.1, diverged=True)]
    assert training.best({0.1: steady, 0.3: outlier}) == 0.3  # the median, not the mean
    assert training.best({0.1: steady, 0.3: steady}) == 0.1
