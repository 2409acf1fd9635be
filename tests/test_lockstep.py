"""Many nets together against the loop a user would write for each of them."""

from concurrent.futures import ThreadPoolExecutor

import brightest
import numpy as np
import pytest
import torch
from brightest import Together, assert_equal_alone, with_channel

from helpers import datasets, nets, training

data = brightest.data
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
