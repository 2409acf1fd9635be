"""Data as people bring them: each form is read, or one sentence says what to write instead."""

import re

import brightest
import numpy as np
import pytest
import torch
from brightest import with_channel
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers import datasets, nets, training
from helpers.inputs.data import (
    FROM_DICTS,
    FROM_LOADED_DICTS,
    FROM_LOADERS,
    FROM_SETS,
    FROM_TEXT,
    FROM_TWO,
    tensors,
)

x, y, x_test, y_test = brightest.brightest_rows()
X, Y = torch.as_tensor(x), torch.as_tensor(y)
SET, TEST_SET = TensorDataset(X, Y), TensorDataset(torch.as_tensor(x_test), torch.as_tensor(y_test))
NAMES = np.array(list("abcdefgh"))


class Table:
    """What pandas and others have: an object that NumPy can make an array of."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class Closed:
    """An array in a file of HDF5 that was closed."""

    def __array__(self, dtype=None, copy=None):
        raise ValueError("Not a dataset")


def locked(array):
    array = array.copy()
    array.setflags(write=False)
    return array


READ = {
    "arrays": (x, y),
    "tensors": (X, Y),
    "lists of numbers": (x.tolist(), y.tolist()),
    "a list of arrays": (list(x), list(y)),
    "a list of tensors": (list(X), list(Y)),
    "a tuple of tensors": (tuple(X), tuple(Y)),
    "tables": (Table(x), Table(y)),
    "objects that are numbers": (x.astype(object), y.astype(object)),
    "read-only arrays": (locked(x), locked(y)),
    "arrays turned round": (x[::-1].copy()[::-1], y[::-1].copy()[::-1]),
    "another order of bytes": (x.astype(">f8"), y.astype(">i4")),
    "long doubles": (x.astype(np.longdouble), y.astype(np.uint16)),
    "a tensor with gradient": (X.clone().requires_grad_(), Y),
    "a sparse tensor": (X.to_sparse(), Y),
    "small integers": (x, y.astype(np.int8)),
}


@pytest.mark.parametrize("four", READ.values(), ids=READ)
def test_what_is_numbers_is_read(four):
    """Without a warning: pytest makes errors of warnings."""
    ready = datasets.standardise((*four, x_test, y_test))
    assert ready.x_train == pytest.approx((x - x.mean()) / x.std(), abs=1e-5)
    found = tensors((*four, x_test, y_test), "cpu", torch.float64)
    assert torch.equal(found[0], X)
    assert torch.equal(found[1], Y)
    assert [part.dtype for part in found] == [torch.float64, torch.long] * 2


HALF = {"x_train": x, "y_train": y}
ROWS = list(zip(x, y, strict=True))
DICTS = [{"image": image, "label": label} for image, label in zip(X, Y, strict=True)]
MIXED = [1, "a"] * 30


class OfDicts(Dataset):
    def __len__(self):
        return len(DICTS)

    def __getitem__(self, number):
        return DICTS[number]


REFUSED = {
    "a DataLoader": (DataLoader(SET), "data is of type DataLoader, .* of DataLoaders, write"),
    "two DataLoaders": ((DataLoader(SET), DataLoader(SET)), "has 2 parts, .* of DataLoaders"),
    "a Dataset": (SET, "data is of type TensorDataset, .* of Datasets, write"),
    "two Datasets": ((SET, SET), "has 2 parts, .* of Datasets, write"),
    "two pairs": (
        ((x, y), (x_test, y_test)),
        r"of pairs of images and labels, write \(\*train, \*test\)",
    ),
    "lists of pairs": ((ROWS, ROWS), r"lists of pairs .* write \(\*zip\(\*train_set"),
    "one list of pairs": (ROWS, r"has 60 parts, .* lists of pairs \(image, label\), write"),
    "three pairs": (((x, y), (x, y), (x, y)), r"has 3 parts, .* of pairs of images and labels"),
    "dicts of arrays": ((HALF, HALF), r"data has 2 parts, but must be \(x_train, .*\)$"),
    "a Dataset of dicts": (OfDicts(), r"of Datasets of dicts, write \[\[row\[name\] for row"),
    "a loader of dicts": (DataLoader(OfDicts(), 7), r"DataLoaders of dicts, write \[torch.cat"),
    "images and labels": ((x, y), "has 2 parts.* every fifth image for the test, write"),
    "three parts": ((x, y, x_test), "data has 3 parts, but must be"),
    "a dict": (HALF, "data is of type dict, .* not the names 'x_train', 'y_train'"),
    "a path": ("our_pictures", r"data is of type str, .* datasets\.folder\(path\)"),
    "a generator": ((part for part in (x, y, x, y)), "data is of type generator, but must be"),
    "a function": (
        datasets.digits,
        r"is of type function, .*: call it, as datasets.digits\(\) does",
    ),
    "one array": (x, "data is of type ndarray, but must be"),
    "nothing": (None, "data is of type NoneType, but must be"),
    "no test": ((x, y, None, None), "x_test is of type NoneType, but must be an array of numbers"),
    "names": ((x, NAMES[y], x_test, NAMES[y_test]), "y_train is text, such as 'g', .* np.unique"),
    "names as objects": ((x, NAMES[y].astype(object), x, y), "y_train is text, .* np.unique"),
    "names and numbers": ((x, MIXED, x, y), "y_train is text, such as 'a', .* np.unique"),
    "a table with a gap": (([["1.5", "?"]] * 60, y, x, y), r"such as '\?', but must be numbers$"),
    "a file that is closed": ((Closed(), y, x, y), r"x_train cannot become .* \(Not a dataset\)$"),
    "a missing label": ((x, [None, *y[1:]], x, y), "y_train holds a NoneType, but must be"),
    "paths": ((["a.png"] * 60, y, x, y), r"such as 'a.png', .* datasets.folder\(path\) reads"),
    "labels that differ": (
        (x, [[1], [1, 2]] * 30, x, y),
        r"of shape \(2,\); all must have one shape$",
    ),
    "Datasets as images": ((SET, Y, SET, Y), "x_train is no array of numbers: its rows differ"),
    "digits as text": ((x, y.astype(str), x, y), r"y_train is text, such as '5', .*y_train, int"),
    "pixels as text": ((x.astype(str), y, x, y), r"x_train is text, .* np.array\(x_train, float"),
    "one-hot": ((x, np.eye(8)[y], x, y), r"\(60, 8\), .* one-hot, so write y_train.argmax\(1"),
    "a column": ((x, y, x_test, y_test[:, None]), r"shape \(20, 1\), .* write y_test.reshape\(-1"),
    "grades": ((x, np.ones((60, 8)), x, y), r"\(60, 8\), but must be \(60,\), one class an image$"),
    "whole floats": ((x, y * 1.0, x, y), r"type torch.float64, .* y_train = np.array\(y_train, in"),
    "halves": ((x, y / 2, x, y), "classes are whole numbers from 0 on$"),
    "another order": ((x, x_test, y, y_test), r"write \[data\[i\] for i in \(0, 2, 1, 3\)\]"),
    "vectors in another order": (
        (x.reshape(60, -1), x_test.reshape(20, -1), y, y_test),
        r"write \[data\[i\] for i in \(0, 2, 1, 3\)\]",
    ),
    "labels first": ((y, x, y_test, x_test), r"write \[data\[i\] for i in \(1, 0, 3, 2\)\]"),
    "shapes that differ": (([x[0], x[1, :7], x[2, :6]], y, x, y), r"\(6, 8\) and .* \(7, 8\);"),
    "tensors that differ": (([X[0], X[1, :7]], y[:2], x, y), r"shape \(7, 8\) and .* \(8, 8\);"),
    "a label too few": ((x, y[1:], x, y), "60 training images and 59 labels"),
    "no images": ((x[:0], y[:0], x, y), "there are no training images"),
    "complex numbers": ((x * 1j, y, x, y), "x_train is complex numbers, but must be"),
    "one number": ((3.0, y, x, y), "x_train is the single number 3, but must be"),
    "no numbers at all": ((X.to("meta"), y, x, y), "x_train is on the device meta"),
    "hidden pixels": ((np.ma.masked_less(x, 0), y, x, y), "the training images hold .* in float32"),
    "hidden labels": ((x, np.ma.masked_equal(y, 3), x, y), "labels are of type torch.float64"),
    "NaN": ((np.where(x > 1, np.nan, x), y, x, y), "the training images hold .* in float32"),
}


@pytest.mark.parametrize(("data", "sentence"), REFUSED.values(), ids=REFUSED)
def test_other_forms_are_refused_in_one_sentence(data, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        training.train(nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3)
    assert "\n" not in str(caught.value)


def test_too_large_for_half_precision_is_said():
    with pytest.raises(ValueError, match="not a number in float16; mend"):
        tensors((x * 1e9, y, x, y), "cpu", torch.float16)


def run(code, **names):
    """Run what a sentence says to write, 'this and that'; return its last value."""
    *first, last = code.split(" and ")
    names |= {"np": np, "torch": torch}
    for line in first:
        exec(line, names)
    return eval(last, names)


def test_what_the_sentences_say_to_write_is_right():
    expected = tensors((x, y, x_test, y_test), "cpu", torch.float32)
    loaders = {"train_loader": DataLoader(SET, 7), "test_loader": DataLoader(TEST_SET, 7)}
    for data in (run(FROM_SETS, train_set=SET, test_set=TEST_SET), run(FROM_LOADERS, **loaders)):
        found = tensors(data, "cpu", torch.float32)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    names = ("image", "label")
    for form, rows in ((FROM_DICTS, OfDicts()), (FROM_LOADED_DICTS, DataLoader(OfDicts(), 7))):
        found = run(form.format(names=names), train_set=rows, test_set=rows)
        assert torch.equal(tensors(found, "cpu", torch.float32)[2], expected[0])
    split = run(FROM_TWO, x=x, y=y)
    assert [len(part) for part in split] == [48, 48, 12, 12]
    names = {"y_train": NAMES[y], "y_test": NAMES[y_test]}
    exec(FROM_TEXT.replace(" and ", "; "), {"np": np}, names)
    assert (names["y_train"] == y).all()
    assert (names["y_test"] == y_test).all()
    order = (x, x_test, y, y_test)
    with pytest.raises(ValueError, match="write") as caught:
        tensors(order, "cpu", torch.float32)
    assert run(re.search("write (.*)", str(caught.value))[1], data=order)[1] is y


def test_a_folder_is_data_and_can_be_standardised():
    folder = datasets.Folder(datasets.Images(x, y, x_test, y_test), list("abcdefgh"), {})
    ready = datasets.standardise(folder)
    assert ready.classes == folder.classes
    assert ready.images.x_train.std() == pytest.approx(1)
    one, other = (
        training.train(nets.fully_connected(4, width=8), data, epochs=1, learning_rate=1e-3)
        for data in (ready, ready.images)
    )
    assert one == other


def test_pixels_of_eight_bits_are_standardised_in_single_precision():
    pixels = (x * 40 + 100).astype(np.uint8)
    images = datasets.standardise((pixels, y, pixels[:20], y[:20]))
    assert images.x_train.dtype == images.x_test.dtype == np.float32
    assert images.x_train.mean() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", [np.float16, np.uint8, np.float64])
def test_images_of_any_precision_are_standardised(kind):
    pixels = ((x + 3) * 40).astype(kind)
    images = datasets.standardise((pixels, y, pixels[:20], y[:20]))
    assert images.x_train.std() == pytest.approx(1, abs=1e-3)
    assert images.x_train.dtype == (np.float64 if kind is np.float64 else np.float32)
    tracked = torch.as_tensor(pixels).float().requires_grad_()
    images = datasets.standardise((tracked, Y, tracked, Y))
    assert images.x_train.std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    "data",
    [
        (x, y),
        x,
        None,
        "digits",
        (NAMES, y, NAMES, y),
        ([x[0], x[1, :3]], y, x, y),
        (x * 1j, y, x, y),
        (x, x_test, y, y_test),
    ],
    ids=str,
)
def test_what_cannot_be_standardised_is_named(data):
    with pytest.raises(
        ValueError,
        match=r"x_train is (of type|no array)|images is of type .* but must|the order is",
    ):
        datasets.standardise(data)


FORMS = {
    "a channel": (x, 1, r"it takes \(1, 8, 8\), so give them a channel, as x_train\[:, None\]"),
    "channels last": (np.stack([x] * 3, -1), 3, r"takes \(3, 8, 8\), so put the channels first"),
    "grey": (x, 3, r"it takes \(3, 8, 8\), so repeat it as a channel"),
    "a grey channel": (x[:, None], 3, r"it takes \(3, 8, 8\), so repeat the channel"),
    "none": (np.stack([x] * 2, 1), 3, r"its layer 0\.0, Conv2d\(3, 4, .* is given \(2, 2, 8, 8\)"),
}


@pytest.mark.parametrize(("images", "channels", "sentence"), FORMS.values(), ids=FORMS)
def test_images_of_another_form_are_told_what_the_net_takes(images, channels, sentence):
    net = nets.convolutional(8, width=4, channels=channels)
    before = [buffer.clone() for buffer in net.buffers()]
    with pytest.raises(ValueError, match=sentence):
        training.train(net, (images, y, images, y), epochs=1, learning_rate=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))


@pytest.mark.parametrize(
    ("labels", "mend"),
    [
        (y + 1, "the labels go from 1 to 8, but the net has 8 classes: 0 to 7; subtract 1 from"),
        (y - 1, "the labels go from -1 to 6, .* number them from 0 on, as np.unique"),
        (y * 2, "the labels go from 0 to 14, .* build it with classes = 15"),
    ],
)
def test_labels_that_the_net_has_no_scores_for(labels, mend):
    net = nets.convolutional(8, width=4, classes=8)
    x_train, *_ = with_channel((x, y, x_test, y_test))
    with pytest.raises(ValueError, match=mend):
        training.train(net, (x_train, labels, x_train, labels), epochs=1, learning_rate=1e-3)
