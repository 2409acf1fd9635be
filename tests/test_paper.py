"""The paper's recipe, piece by piece, on small images; stopping it and going on."""

import itertools
import json

import numpy as np
import pytest
import small_paper
import torch
from small_paper import SMALL, small_net, without_times
from torch.nn.functional import cross_entropy

from helpers.studies import paper

data = small_paper.data


# The schedule


def test_the_rate_at_every_boundary():
    steps = {0: 0.1, 31_999: 0.1, 32_000: 0.01, 47_999: 0.01, 48_000: 0.001, 63_999: 0.001}
    assert {step: paper.rate(step) for step in steps} == pytest.approx(steps, rel=1e-12)
    assert [paper.rate(step, 8) for step in range(8)] == pytest.approx(
        [0.1] * 4 + [0.01] * 2 + [0.001] * 2
    )


def test_warming_up_is_never_faster_than_the_schedule():
    assert [paper.rate(step, warming=True) for step in (0, 31_999, 32_000, 48_000)] == [
        0.01,
        0.01,
        0.01,
        0.001,
    ]


def test_the_warm_up_ends_once_the_training_error_is_below_80_percent(data):
    rows = list(paper.train(small_net(), data, warm_up=True, iterations=40, **SMALL))
    errors, rates = [row["training error"] for row in rows], [row["rate"] for row in rows]
    ended = next(number for number, error in enumerate(errors) if error < 0.8)
    assert rates[: ended + 1] == [0.01] * (ended + 1)
    assert rates[ended + 1 : 10] == [0.1] * (9 - ended)
    shuffled = (
        data[0],
        np.random.default_rng(1).integers(0, 10, 40),
        *data[2:],
    )  # nothing can be learned in one row
    rows = list(paper.train(small_net(), shuffled, warm_up=True, iterations=8, **SMALL))
    assert rows[0]["training error"] >= 0.8
    assert [row["rate"] for row in rows[:2]] == [0.01] * 2
    assert next(paper.train(small_net(), data, iterations=40, **SMALL))["rate"] == 0.1


# The images


def test_the_mean_is_that_of_the_training_images_at_each_pixel(data):
    x_train, y_train, x_test, y_test = paper.centred(data)
    mean = data[0].astype(float).mean(0)
    assert np.allclose(x_train, data[0] - mean, atol=1e-6)
    assert np.allclose(x_test, data[2] - mean, atol=1e-6)
    assert x_train.dtype == x_test.dtype == torch.float32
    assert (y_train.numpy() == data[1]).all()
    assert (y_test.numpy() == data[3]).all()
    elsewhere = (
        *data[:2],
        data[2] + 1,
        data[3],
    )  # other test images do not move the training images
    assert torch.equal(paper.centred(elsewhere)[0], x_train)


def test_every_epoch_shows_every_image_once_across_its_last_batch():
    row = np.concatenate([paper.chosen(10, 0, step, batch=4) for step in range(10)])
    epochs = row.reshape(4, 10)
    assert (np.sort(epochs, axis=1) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert (paper.chosen(10, 0, 7, batch=4) == row[28:32]).all()
    assert (paper.chosen(10, 1, 7, batch=4) != row[28:32]).any()
    assert (
        np.bincount(paper.chosen(3, 0, 0, batch=12)) == 4
    ).all()  # more in a batch than there are


def positions(count, side=8):
    """Images (count, 1, side, side) of row + side * column + 1 at each pixel; 0 is padding."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return (rows + side * columns + 1.0).expand(count, 1, side, side)


def places(crops):
    """(row, column, flipped) of each crop of ``positions``; every pixel is where it must be."""
    all_places = itertools.product(range(9), range(9), (False, True))
    named = {np.ascontiguousarray(window(*place)).tobytes(): place for place in all_places}
    assert len(named) == 162
    return np.array([named[crop.contiguous().numpy().tobytes()] for crop in crops])


def window(top, left, flipped, side=8):
    """What the crop at this place must be, by NumPy alone."""
    padded = np.pad(positions(1)[0, 0].numpy(), 4)
    cut = padded[top : top + side, left : left + side]
    return cut[:, ::-1] if flipped else cut


def test_crops_are_uniform_over_9_x_9_places_and_half_are_flipped():
    top, left, flipped = np.concatenate(
        [places(paper.augmented(positions(90), 0, step)) for step in range(3)]
    ).T
    for corners in (top, left):
        assert set(corners) == set(range(9))
        assert np.bincount(corners).min() > 270 / 9 / 3
    assert 0.35 < flipped.mean() < 0.65
    assert (
        abs(np.corrcoef([top, left, flipped])[np.triu_indices(3, 1)]).max() < 0.25
    )  # nobody decides for another


def test_many_offsets_have_the_distribution_of_the_paper():
    """6,000 images of one bright pixel, which stays in the crop: where it lands is the offset."""
    images = torch.zeros(6000, 1, 17, 17)
    images[:, :, 8, 8] = 1
    _, _, rows, columns = torch.nonzero(paper.augmented(images, 3, 5)).T.numpy()
    for offsets in (rows - 4, columns - 4):
        counts = np.bincount(offsets, minlength=9)
        assert len(rows) == 6000
        assert len(counts) == 9
        assert (
            (counts - 6000 / 9) ** 2 / (6000 / 9)
        ).sum() < 30  # chi squared with 8 degrees of freedom


def test_augmentation_follows_from_seed_and_step_and_leaves_its_input_alone(data):
    images = torch.as_tensor(data[0])
    before, one = images.clone(), paper.augmented(images, 0, 0)
    assert torch.equal(one, paper.augmented(images, 0, 0))
    assert not torch.equal(one, paper.augmented(images, 1, 0))
    assert not torch.equal(one, paper.augmented(images, 0, 1))
    assert torch.equal(images, before)
    assert one.shape == images.shape


def test_colours_stay_together(data):
    """The three channels of an image are cropped and flipped alike."""
    grey = torch.as_tensor(data[0])[:, :1].repeat(1, 3, 1, 1) * torch.tensor([1.0, 2.0, 3.0]).view(
        3, 1, 1
    )
    crops = paper.augmented(grey, 0, 0)
    assert torch.allclose(crops[:, 1], 2 * crops[:, 0])
    assert torch.allclose(crops[:, 2], 3 * crops[:, 0])


# The training


def by_hand(net, data, steps, batch, seed=0):
    """The update rule of SGD written out: v = 0.9 v + gradient + 1e-4 w; w = w - rate v."""
    x, y, *_ = paper.centred(data)
    parameters = list(net.train().parameters())
    speeds = [torch.zeros_like(w) for w in parameters]
    for step in range(steps):
        which = torch.as_tensor(paper.chosen(len(x), seed, step, batch))
        loss = cross_entropy(net(paper.augmented(x[which], seed, step).contiguous()), y[which])
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for w, v, gradient in zip(parameters, speeds, gradients, strict=True):
                v.mul_(0.9).add_(gradient + 1e-4 * w)
                w.sub_(paper.rate(step, steps) * v)
    return net


@pytest.mark.parametrize("skip", ["none", "inside"])
def test_the_steps_are_those_of_the_paper(data, skip):
    """Momentum, weight decay on every parameter, the rate of each step, the augmented batch."""
    net = small_net(skip)
    list(paper.train(net, data, iterations=8, **SMALL))
    for ours, theirs in zip(
        net.parameters(), by_hand(small_net(skip), data, 8, 16).parameters(), strict=True
    ):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_weight_decay_alone_shrinks_a_weight_that_has_no_gradient(data):
    class Idle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.idle = torch.nn.Parameter(torch.ones(3))

        def forward(self, images):
            return images.mean((2, 3)) + 0 * self.idle

    net = Idle()
    list(paper.train(net, data, iterations=2, **SMALL))
    first = 1 - 0.1 * 1e-4
    second = first - 0.01 * (
        0.9 * 1e-4 + 1e-4 * first
    )  # two steps: the second at a rate that has fallen once
    assert net.idle.tolist() == pytest.approx([second] * 3, rel=1e-7)


def test_a_small_net_learns_and_the_rows_are_plain_numbers(data):
    rows = list(paper.train(small_net(), data, iterations=40, **SMALL))
    assert [row["iteration"] for row in rows] == list(range(2, 41, 2))
    assert [row["test error"] is not None for row in rows] == [
        step % 4 == 0 for step in range(2, 41, 2)
    ]
    assert rows[0]["training loss"] > 1
    assert rows[-1]["training loss"] < 0.5 * rows[0]["training loss"]
    assert rows[-1]["test error"] < 0.2
    assert all(row["seconds per step"] > 0 for row in rows)
    assert json.loads(json.dumps(rows)) == rows


def test_the_test_error_is_that_of_the_images_as_they_are(data):
    net = small_net()
    rows = list(paper.train(net, data, iterations=6, **SMALL))
    _, _, x, y = paper.centred(data)
    with torch.no_grad():
        wrong = (net.eval()(x).argmax(1) != y).float().mean().item()
    assert rows[-1]["test error"] == pytest.approx(wrong)


def test_a_training_learns_whatever_its_caller_has_switched_off(data):
    options = {"iterations": 4, **SMALL}
    usual = list(paper.train(small_net(), data, **options))
    with torch.no_grad():
        rows = list(paper.train(small_net(), data, **options | {"device": torch.device("cpu")}))
    assert without_times(rows) == without_times(usual)
    with torch.inference_mode(), pytest.raises(ValueError, match="no net learns in"):
        paper.train(small_net(), data, **options)


def test_another_seed_is_another_training(data):
    losses = {
        seed: [
            row["training loss"]
            for row in paper.train(small_net(), data, seed=seed, iterations=4, **SMALL)
        ]
        for seed in (0, 1)
    }
    assert losses[0] != losses[1]


def test_channels_last_and_bfloat16_keep_the_result(data):
    losses = {
        fast: [
            row["training loss"]
            for row in paper.train(small_net(), data, fast=fast, iterations=8, **SMALL)
        ]
        for fast in (False, True)
    }
    assert losses[True] != losses[False]
    assert losses[True] == pytest.approx(losses[False], rel=0.05)


def test_fast_is_channels_last_and_bfloat16(data):
    for fast, dtype in ((False, torch.float32), (True, torch.bfloat16)):
        net, seen = small_net(), []
        net[0][0].register_forward_hook(
            lambda layer, inputs, output, seen=seen: seen.append((inputs[0], output))
        )
        list(paper.train(net, data, fast=fast, iterations=1, **SMALL))
        # Two images come first, to see whether data and net fit.
        images, output = next(pair for pair in seen if len(pair[0]) == 16)
        assert output.dtype == dtype
        assert images.shape[1:] == (3, 8, 8)
        assert images.is_contiguous(memory_format=torch.channels_last) is fast
        assert net[0][0].weight.is_contiguous(memory_format=torch.channels_last) is fast
        assert all(parameter.dtype == torch.float32 for parameter in net.parameters())


def test_a_loss_that_is_not_finite_ends_the_training(data):
    net = small_net()
    torch.nn.init.constant_(net[-1].weight, float("inf"))
    rows = list(paper.train(net, data, iterations=40, **SMALL))
    assert [row["training loss"] for row in rows] == [None]
    json.dumps(rows, allow_nan=False)
