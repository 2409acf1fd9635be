"""One training and the fair comparison: the numbers, the Histories, and what may go wrong."""

import inspect
import threading
import time
from functools import partial

import brightest
import numpy as np
import pytest
import torch
from brightest import by_hand, with_channel
from jupyter_client.manager import start_new_kernel

from helpers import nets, training
from helpers.inputs import suspects

data, stop_button = brightest.data, brightest.stop_button


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


def test_guessing_may_be_lucky_by_two_standard_deviations():
    """One class of ten is wrong for 90 images of 100, give or take 3."""
    assert suspects.chance(torch.arange(100) % 10) == (pytest.approx(0.84),)


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


@pytest.mark.parametrize("mode", [False, True])
@pytest.mark.parametrize("learning_rate", [1e-3, 1e30])  # at the latter it diverges
def test_the_mode_of_one_net_is_given_back(data, mode, learning_rate):
    net = nets.fully_connected(4, width=8).train(mode)
    training.train(net, data, epochs=1, learning_rate=learning_rate)
    assert {part.training for part in net.modules()} == {mode}


def test_ways_of_training_agree_on_what_is_not_said():
    """A net that ``train_many`` gives what ``train`` gives is given it by default, too."""
    ways = training.train, training.train_many, training.lockstep
    ways += training.fair, training.fair_many
    for name in ("batch", "optimizer", "measure_every"):
        assert len({inspect.signature(way).parameters[name].default for way in ways}) == 1


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
        assert history.chance[0] == expected.chance[0] > 0.6
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


def test_kinds_that_are_compared_together_get_what_each_gets_alone(data):
    makes = {
        (layers, skip, start): partial(nets.fully_connected, layers, skip, start, width=16)
        for layers, skip, start in ((6, "none", "he"), (4, "inside", "he"), (6, "none", "pytorch"))
    }
    rules = {"rates": [1e-2, 1e-3], "seeds": [4, 3], "epochs": 2, "batch": 20}
    together = training.fair_many(makes, data, **rules)
    assert list(together) == list(makes)
    for kind, make in makes.items():
        alone = training.fair(make, data, **rules)
        assert list(alone) == list(together[kind]) == [1e-2, 1e-3]
        for rate, histories in alone.items():
            for one, same in zip(histories, together[kind][rate], strict=True):
                assert same.training_loss == pytest.approx(one.training_loss, rel=1e-4)


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
