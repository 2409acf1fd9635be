"""The images of a study: read from any form, spread over the classes, standardised."""

import numpy as np
import pytest
import small_cifar10
from PIL import Image

from helpers import datasets
from helpers.studies import photographs

official = small_cifar10.official
whole = photographs.read.__wrapped__  # without its memory


def read(*arguments):
    return whole(*arguments).images


def paint(folder, classes=("blue", "red"), each=10):
    """Pictures of one colour a class, number ``n`` of them a little darker than the one before."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        channel = ["red", "green", "blue"].index(name)
        for number in range(each):
            pixels = np.zeros((4, 4, 3), np.uint8)
            pixels[..., channel] = 250 - 5 * number
            Image.fromarray(pixels).save(folder / name / f"{number:02d}.png")
    return folder


def test_digits_get_a_channel():
    found, digits = read(), datasets.standardise(datasets.digits())
    assert found.x_train.shape == (1437, 1, 8, 8)
    np.testing.assert_array_equal(found.x_test[:, 0], digits.x_test)


def test_a_folder_is_read_and_spread_over_its_classes(tmp_path):
    expected = datasets.standardise(datasets.folder(paint(tmp_path), size=(32, 32)).images)
    for one, other in zip(read(tmp_path), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    some = read(tmp_path, 4)
    assert some.y_train.tolist() == [0, 0, 1, 1]
    assert len(some.x_test) == 1
    assert some.x_train.mean() == pytest.approx(0, abs=1e-5)
    assert some.x_train.std() == pytest.approx(1, abs=1e-5)
    assert len(np.unique(some.x_train.mean(axis=(2, 3)), axis=0)) == 4
    with pytest.raises(ValueError, match="there are 16 images, fewer than the 17 that were asked"):
        read(tmp_path, 17)


@pytest.mark.parametrize("images", [0, -1, 1.5, "10", True])
def test_a_number_of_images_that_is_none_is_named(images):
    with pytest.raises(ValueError, match=f"images = {images!r}, but it must be a whole number abo"):
        read(None, images)


def test_a_folder_that_is_split_already_keeps_its_halves(tmp_path):
    paint(tmp_path / "train", each=10)
    paint(tmp_path / "test", each=5)
    found = read(tmp_path)
    assert np.bincount(found.y_train).tolist() == [10, 10]
    assert np.bincount(found.y_test).tolist() == [5, 5]
    blue = found.x_train[:, 2].mean(axis=(1, 2)) > found.x_train[:, 0].mean(axis=(1, 2))
    np.testing.assert_array_equal(blue, found.y_train == 0)
    (tmp_path / "test" / "red").rename(tmp_path / "test" / "green")
    with pytest.raises(ValueError, match="but green, red are in one of them alone"):
        read(tmp_path)
    (tmp_path / "test").rename(tmp_path / "val")
    with pytest.raises(ValueError, match="train and val need the same classes"):
        read(tmp_path)
    (tmp_path / "val" / "green").rename(tmp_path / "val" / "red")
    (tmp_path / "val" / "red" / "notes.txt").write_text("none")
    found = whole(tmp_path)
    assert len(found.images.x_test) == 10
    assert "30 images in 2 classes: 20 to train, 10 to test. Files skipped: 1" in found.summary
    assert "val/red/notes.txt is not a picture" in found.summary
    assert found.summary.endswith("They have 32 x 32 pixels.")


def test_a_class_may_be_called_as_a_half_is(tmp_path):
    paint(tmp_path, each=10)
    (tmp_path / "red").rename(tmp_path / "test")
    assert whole(tmp_path).classes == 2


def test_a_folder_with_few_test_images_keeps_those_that_there_are(tmp_path):
    paint(tmp_path / "train", each=15)
    paint(tmp_path / "test", each=2)
    assert [len(read(tmp_path, images).x_test) for images in (15, 20, 30)] == [3, 4, 4]


def test_a_class_without_images_is_named(tmp_path):
    paint(tmp_path, each=20)
    paint(tmp_path, ("green",), each=2)
    assert len(read(tmp_path, 33).x_train) == 33
    sentence = "^8 images, spread evenly, leave 1 of 3 classes without any, such as green: ask"
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path, 8)


def test_the_checksum_tells_images_and_labels_apart(monkeypatch):
    digits = photographs._digits()
    found = [whole().checksum, whole(images=1000).checksum]
    for changed in range(4):
        parts = [part.copy() for part in digits.images]
        parts[changed].flat[-1] += 1
        other = digits._replace(images=datasets.Images(*parts))
        monkeypatch.setattr(photographs, "_digits", lambda other=other: other)
        found.append(whole().checksum)
    assert len(set(found)) == 6
    assert all(len(each) == 12 for each in found)
    monkeypatch.undo()
    assert whole().checksum == found[0]


def test_a_file_of_something_else_is_not_taken_for_the_archive(tmp_path):
    for name in ("photographs.zip", "me.jpg"):
        (tmp_path / name).write_bytes(b"something")
        with pytest.raises(ValueError, match=f"{name} is a file, but must be CIFAR-10's archive"):
            read(tmp_path / name)


def test_the_archive_of_cifar10_is_read(official):
    found = read(official(), 50)
    assert found.x_train.shape == (50, 3, 32, 32)
    assert found.x_test.shape == (10, 3, 32, 32)
    assert found.y_train[:3].tolist() == [0, 2, 4]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        read(tmp_path / "nowhere")
