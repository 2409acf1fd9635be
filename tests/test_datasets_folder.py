"""A folder of pictures becomes images: what is read, what is skipped, and what is said of it."""

import functools
import io
import os
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawn import grey, read_one, save, two_classes
from PIL import Image

from helpers import datasets


def test_a_folder_of_pictures_becomes_images(tmp_path):
    for name, colour in (("zebra", (255, 0, 0)), ("ant", (0, 255, 0)), ("Moth", (0, 0, 255))):
        for file in ("a.png", "b.JPG", "c.jpeg"):
            save(tmp_path / name / file, np.broadcast_to(colour, (20, 30, 3)))
    images, classes, skipped = datasets.folder(tmp_path, size=(6, 10))
    assert classes == ["Moth", "ant", "zebra"]
    assert skipped == {}
    assert images.x_train.shape == (6, 3, 6, 10)
    assert images.x_test.shape == (3, 3, 6, 10)
    for x, y in ((images.x_train, images.y_train), (images.x_test, images.y_test)):
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert (
            x.mean(axis=(2, 3)).argmax(axis=1) == 2 - y
        ).all()  # Moth is blue, ant green, zebra red
        assert x.min() == pytest.approx(0, abs=0.02)  # JPEG
        assert x.max() == pytest.approx(1, abs=0.02)
    without = datasets.folder(tmp_path, size=(6, 10), colour=False).images
    assert without.x_train.shape == (6, 6, 10)
    assert without.x_train[0, 0, 0] == pytest.approx(29 / 255)  # blue is dark: ITU-R 601


@pytest.mark.parametrize("counts", [(2, 2), (5, 6), (11, 3), (26, 4, 7)])
def test_every_fifth_picture_of_a_class_is_a_test_image_and_no_training_image(
    tmp_path, monkeypatch, counts
):
    """Whatever order the file system lists the files in: each picture carries its class and place
    as its colour.
    """
    names = [(label, place) for label, count in enumerate(counts) for place in range(count)]
    for label, place in np.random.default_rng(0).permutation(names):
        save(
            tmp_path / f"class {label}" / f"{place:02}.png",
            np.broadcast_to((label, place, 0), (4, 4, 3)),
        )
    listed = Path.iterdir
    for order in (sorted, functools.partial(sorted, reverse=True)):
        monkeypatch.setattr(Path, "iterdir", lambda path, order=order: iter(order(listed(path))))
        images = datasets.folder(tmp_path, size=(4, 4)).images
        found = [
            [tuple(map(int, image[:2, 0, 0] * 255 + 0.5)) for image in x]
            for x in (images.x_train, images.x_test)
        ]
        assert found[0] == [name for name in names if name[1] % 5 != 0]
        assert found[1] == [name for name in names if name[1] % 5 == 0]
        assert [label for label, _ in found[0]] == images.y_train.tolist()
        assert [label for label, _ in found[1]] == images.y_test.tolist()


def jpeg(**options):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(file, "JPEG", **options)
    return file.getvalue()


def png(width, height, data=b"", **chunks):
    """A PNG file of this size in RGB, with whatever pixels are in ``data``, and further chunks
    before them.
    """
    chunks = {
        "IHDR": struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0),
        **chunks,
        "IDAT": zlib.compress(data),
        "IEND": b"",
    }
    named = ((content, name.encode() + content) for name, content in chunks.items())
    parts = (
        struct.pack(">I", len(content)) + both + struct.pack(">I", zlib.crc32(both))
        for content, both in named
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def box(brand):
    """The beginning of a file of the ISO family: HEIC, AVIF, films of telephones."""
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic"


def tiff():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "TIFF")
    return file.getvalue()


UNKNOWN = "is not a picture in PNG, JPEG, WebP, GIF or BMP, whatever its name says"
BOMB = "has more than 89 million pixels: make it smaller first"
UNREADABLE = {
    "cut.jpg": (jpeg()[:-2000], "cannot be decoded (image file is truncated"),
    "cut.png": (png(10, 10), "cannot be decoded ("),
    "header.jpg": (jpeg()[:30], ""),
    "empty.png": (b"", UNKNOWN),
    "text.png": (b"not a picture", UNKNOWN),
    "notes.txt": (b"cats", UNKNOWN),
    "photo.heic": (box(b"heic"), "is a HEIC photograph: save it as JPEG; an iPhone does that by"),
    "really-heic.jpg": (box(b"mif1"), "is a HEIC photograph: save it as JPEG"),
    "burst.HEIC": (box(b"msf1"), "is a HEIC photograph: save it as JPEG"),
    "photo.avif": (box(b"avif"), "is an AVIF picture: save it as PNG or JPEG"),
    "film.mov": (box(b"qt  "), "is a video: save one of its pictures as PNG or JPEG"),
    "scan.tif": (tiff(), "is a TIFF picture or a raw photograph: save it as PNG or JPEG"),
    "raw.dng": (b"MM\0*\0\0\0\x08", "is a TIFF picture or a raw photograph"),
    "page.pdf": (b"%PDF-1.7", "is a PDF: save its picture as PNG or JPEG"),
    "drawing.svg": (b'<?xml version="1.0"?><svg/>', "is an SVG drawing: save it as PNG"),
    "bomb.png": (png(10_000, 10_000), BOMB),
    "bigger-bomb.png": (png(60_000, 60_000), BOMB),
}


def test_what_cannot_be_read_is_skipped_and_named(tmp_path):
    """No error, and no warning: pytest makes errors of warnings."""
    two_classes(tmp_path)
    for name, (content, _) in UNREADABLE.items():
        (tmp_path / "cat" / name).write_bytes(content)
    save(tmp_path / "cat" / "nested" / "a.png", grey(50))
    (tmp_path / "index.csv").write_text("a list", encoding="utf-8")
    result = datasets.folder(tmp_path, size=(8, 8))
    assert set(result.skipped) == {f"cat/{name}" for name in UNREADABLE} | {
        "cat/nested",
        "index.csv",
    }
    for name, (_, reason) in UNREADABLE.items():
        assert result.skipped[f"cat/{name}"].startswith(reason)
    assert "not a file directly in its class folder" in result.skipped["cat/nested"]
    assert "is not in a class folder" in result.skipped["index.csv"]
    assert np.allclose(result.images.x_train[:, 0, 0, 0] * 255, [20, 40])
    assert np.allclose(result.images.x_test[:, 0, 0, 0] * 255, [10, 30])


def test_a_picture_that_can_be_read_with_a_warning_is_read_without_one(tmp_path):
    """Pillow warns of an animation of no frames."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "0.png").write_bytes(png(8, 8, (b"\0" + b"\xff" * 24) * 8, acTL=bytes(8)))
    with warnings.catch_warnings(action="error"):
        assert (read_one(tmp_path) == 1).all()


def test_what_operating_systems_leave_behind_is_not_worth_a_word(tmp_path):
    two_classes(tmp_path)
    for name in (
        ".DS_Store",
        "cat/.DS_Store",
        "cat/._a.png",
        "cat/Thumbs.db",
        "lost+found/0001",
        "__pycache__/a.pyc",
        "System Volume Information/x",
        "dog/desktop.ini",
        "__MACOSX/cat/a.png",
        "THUMBS.DB",
        "@eaDir/cat/a.png",
        *(() if os.name == "nt" else ("Icon\r",)),  # which Windows cannot name
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    result = datasets.folder(tmp_path)
    assert result.skipped == {}
    assert result.classes == ["cat", "dog"]


def test_a_class_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    two_classes(tmp_path)
    listed = Path.iterdir

    def iterdir(path):
        if path.name == "dog":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(PermissionError, match=r"^the folder \S+dog may not be read by you$"):
        datasets.folder(tmp_path)


def test_the_summary_says_what_was_read_and_what_was_not(tmp_path):
    two_classes(tmp_path)
    everything = datasets.folder(tmp_path)
    assert everything.summary() == "4 images in 2 classes: 2 to train, 2 to test. Files skipped: 0."
    (tmp_path / "cat" / "z.png").write_bytes(b"")
    one = datasets.folder(tmp_path)
    assert one.summary().endswith(f" Files skipped: 1 (cat/z.png {UNKNOWN}).")
    for i in range(11):
        (tmp_path / "dog" / f"{i:02}.txt").touch()
    many = datasets.folder(tmp_path).summary()
    assert "Files skipped: 12 (cat/z.png is not" in many
    assert "dog/08.txt" in many
    assert "dog/09.txt" not in many
    assert many.endswith("; and 2 more).")
    assert repr(one) == str(one) == one.summary()


def test_a_folder_that_cannot_be_used_says_why(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"there is no folder .*nowhere; give one that has a sub-folder"
    ):
        datasets.folder(tmp_path / "nowhere")
    (tmp_path / "pictures.zip").touch()
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*pictures.zip"):
        datasets.folder(tmp_path / "pictures.zip")
    save(tmp_path / "flat" / "a.png", grey(1))
    save(tmp_path / "flat" / "b.png", grey(1))
    with pytest.raises(
        ValueError,
        match=r"flat needs two or more class folders, but has 0 \(and 2 files directly in it",
    ):
        datasets.folder(tmp_path / "flat")
    save(tmp_path / "one" / "cat" / "a.png", grey(1))
    with pytest.raises(
        ValueError, match=r"one needs two or more class folders, but has 1 \(and 0 files"
    ):
        datasets.folder(tmp_path / "one")
    two_classes(tmp_path / "few")
    (tmp_path / "few" / "dog" / "b.png").write_bytes(b"")
    skipped = r"add some, .* 1 \(dog/b.png is not a picture"
    sentence = rf"the class 'dog' needs two or more readable pictures, but has 1; {skipped}"
    with pytest.raises(ValueError, match=sentence):
        datasets.folder(tmp_path / "few")


def test_folders_within_folders_say_which_one_is_meant(tmp_path):
    two_classes(tmp_path / "pictures" / "train")
    with pytest.raises(
        ValueError, match=r"has 1 \(and 0 .*; is .*train meant, which has several\?"
    ):
        datasets.folder(tmp_path / "pictures")
    (tmp_path / "lone" / "cat").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"has 1 .*; sort the pictures into one sub-folder for"):
        datasets.folder(tmp_path / "lone")
    two_classes(tmp_path / "pictures" / "test")
    sentence = r"class 'test' needs two .* if its folders are the classes, give .*test itself; .*"
    with pytest.raises(ValueError, match=sentence + r"test/cat is not a file directly in its"):
        datasets.folder(tmp_path / "pictures")
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    (tmp_path / "empty" / "dog").mkdir()
    with pytest.raises(
        ValueError, match=r"class 'cat' needs two .* has 0; add some, or remove the f"
    ):
        datasets.folder(tmp_path / "empty")


def test_links_are_followed_and_lost_ones_are_named(tmp_path):
    two_classes(tmp_path / "there")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "cat").symlink_to(tmp_path / "there" / "cat")
    (tmp_path / "root" / "dog").mkdir()
    for name, place in (("a.png", "dog/a.png"), ("b.png", "dog/b.png"), ("c.png", "nowhere.png")):
        (tmp_path / "root" / "dog" / name).symlink_to(tmp_path / "there" / place)
    (tmp_path / "root" / "dog" / "d.png").symlink_to("d.png")  # to itself
    found = datasets.folder(tmp_path / "root", size=(8, 8))
    lost = "is a link that leads nowhere"
    assert found.skipped == {"dog/c.png": lost, "dog/d.png": lost}
    assert len(found.images.y_train) == len(found.images.y_test) == 2


@pytest.mark.parametrize(("size", "colour", "GB"), [(10**6, False, "16,000"), (10**5, True, "480")])
def test_a_size_that_no_memory_holds_is_refused_before_anything_is_read(tmp_path, size, colour, GB):
    with pytest.raises(ValueError, match=f"4 pictures of 100.* take {GB} GB of memory; choose"):
        datasets.folder(two_classes(tmp_path), (size, size), colour)


def test_the_example_of_the_guide_ends_in_a_trained_net(tmp_path, monkeypatch):
    guide = (datasets.DATA.parent / "notebooks" / "teachers_guide.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?our_pictures.*?)```", guide, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for number in range(10):
        for name, level in (("cat", 20), ("dog", 220)):
            save(tmp_path / "our_pictures" / name / f"{number}.png", grey(level + number))
    names = {}
    exec(code, names)
    assert names["pictures"].classes == ["cat", "dog"]
    assert names["history"].final_training_error == names["history"].final_test_error == 0


@pytest.mark.parametrize(
    "size", [32, (32,), (0, 8), (8, -1), (8.0, 8), "32", (3, 8, 8), None, (True, 8)]
)
def test_a_wrong_size_is_refused(tmp_path, size):
    with pytest.raises(
        ValueError, match=r"but it must be \(height, width\), two whole numbers above 0"
    ):
        datasets.folder(two_classes(tmp_path), size=size)
