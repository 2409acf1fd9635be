"""Stopping a training of the paper's recipe and going on; what is refused."""

import numpy as np
import pytest
import small_paper
import torch
from small_paper import SMALL, small_net, without_times

from helpers.studies import paper

data = small_paper.data


@pytest.mark.parametrize("rows_before", [1, 5, 7, 12])  # the warm-up ends after 5
def test_going_on_gives_the_numbers_of_going_through(data, tmp_path, rows_before):
    options = {"iterations": 24, "warm_up": True, "seed": 3, **SMALL}
    through, stopped, again = (
        small_net(),
        small_net(),
        small_net(seed=9),
    )  # what the last one starts from is not used
    expected = list(paper.train(through, data, **options))
    assert [expected[row]["rate"] for row in (0, 5, 7, 11)] == pytest.approx(
        [0.01, 0.1, 0.01, 0.001]
    )
    first = paper.train(stopped, data, checkpoint=tmp_path / "net.pt", **options)
    begun = [next(first) for _ in range(rows_before)]
    first.close()
    rows = list(paper.train(again, data, checkpoint=tmp_path / "net.pt", **options))
    assert without_times(rows) == without_times(expected)
    assert rows[:rows_before] == begun
    for name, value in again.state_dict().items():
        assert torch.equal(value, through.state_dict()[name]), name


def test_a_crash_while_writing_leaves_the_old_checkpoint(data, tmp_path, monkeypatch):
    path, options = tmp_path / "net.pt", {"iterations": 8, **SMALL}
    training = paper.train(small_net(), data, checkpoint=path, **options)
    next(training)
    whole = path.read_bytes()

    def crash(state, file):
        file.write(b"half a checkpoint")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", crash)
        with pytest.raises(OSError, match="no space left"):
            next(training)
    assert path.read_bytes() == whole
    rows = list(paper.train(small_net(), data, checkpoint=path, **options))
    assert without_times(rows) == without_times(paper.train(small_net(), data, **options))


def test_a_checkpoint_is_written_only_so_often_and_at_the_end(data, tmp_path):
    path, options = tmp_path / "net.pt", SMALL | {"iterations": 6, "save_every": 1000}
    training = paper.train(small_net(), data, checkpoint=path, **options)
    assert [path.exists() for _ in training] == [False, False, True]


def test_a_checkpoint_of_another_training_is_refused(data, tmp_path):
    path = tmp_path / "net.pt"
    list(paper.train(small_net(), data, checkpoint=path, iterations=2, **SMALL))
    for net, change, named in (
        (small_net("none"), {}, "net"),
        (small_net(), {"seed": 1}, "seed"),
        (small_net(), {"warm_up": True}, "warm_up"),
        (small_net(), {"batch": 8}, "batch"),
    ):
        with pytest.raises(
            ValueError, match=rf"is of another training \({named} differ\): move it away"
        ):
            paper.train(net, data, checkpoint=path, **{"iterations": 2, **SMALL, **change})
    changed = data[0] + np.float32(0.1), (data[1] + 1) % 3, data[2] / 2, (data[3] + 1) % 3
    for place, named in enumerate(("x_train", "y_train", "x_test", "y_test")):
        other = [*data[:place], changed[place], *data[place + 1 :]]
        with pytest.raises(ValueError, match=rf"is of another training \({named} differ\)"):
            paper.train(small_net(), other, checkpoint=path, iterations=2, **SMALL)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"net.pt is no checkpoint, or a damaged one \(.+\), and"):
        paper.train(small_net(), data, checkpoint=path, iterations=2, **SMALL)


def test_a_checkpoint_that_says_less_of_its_data_goes_on(data, tmp_path):
    """As one that an older version of the course wrote, after days."""
    path, options = tmp_path / "net.pt", {"iterations": 4, **SMALL}
    first = paper.train(small_net(), data, checkpoint=path, **options)
    next(first)
    first.close()
    state = torch.load(path, weights_only=True)
    del state["settings"]["x_train"]
    torch.save(state, path)
    rows = list(paper.train(small_net(), data, checkpoint=path, **options))
    assert without_times(rows) == without_times(paper.train(small_net(), data, **options))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"iterations": 0}, "iterations = 0, but it must be a whole number above 0"),
        ({"batch": 2.5}, "batch = 2.5, but"),
        ({"window": -1}, "window = -1, but"),
        ({"seed": "0"}, "seed = '0', but"),
        ({"seed": -1}, "seed = -1, but it must be a whole number from 0 on"),
        ({"device": "gpu"}, "device = 'gpu', but this machine has cpu"),
    ],
)
def test_options_that_make_no_sense_are_refused(data, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        paper.train(small_net(), data, **{"iterations": 2, **SMALL, **change})


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        ("resnet20", "the net must be a torch.nn.Module, but is of type str"),
        (torch.nn.Linear, "but is the class Linear: build a net of it"),
        (small_net().requires_grad_(False), "no parameter that learns: all are frozen"),
        (small_net().to("meta"), "is on the device meta, which keeps no numbers"),
    ],
)
def test_what_cannot_learn_is_refused(data, net, sentence):
    with pytest.raises(ValueError, match=sentence):
        paper.train(net, data, iterations=2, **SMALL)


def test_data_that_do_not_fit_are_refused(data):
    x, y, *test = data
    for bad, sentence in (
        (
            (x[:, 0], y, *test),
            r"the training images have shape \(40, 8, 8\), not \(images, channels, height, width\)",
        ),
        ((x, y, test[0][:, :, :4], test[1]), r"the test images have shape \(20, 3, 4, 8\)"),
        ((x, y[:-1], *test), "40 training images and 39 labels"),
        (
            (x[:, :2], y, test[0][:, :2], test[1]),
            r"the net cannot take images of shape \(2, 8, 8\) .* Conv2d\(3, .* is given \(2, 2, 8",
        ),
        ((x, y * 1.0, *test), "training labels are of type torch.float64"),
        ((x, y + 8, *test), "the labels go from 0 to 10, but the net has 10 classes"),
        (
            (np.where(x > 1, np.nan, x), y, *test),
            "the training images hold .*values that are infinite or not a number",
        ),
    ):
        with pytest.raises(ValueError, match=sentence):
            paper.train(small_net(), bad, iterations=2, **SMALL)
