"""The readers: right numbers, or one sentence that says what to do."""

import functools
import hashlib
import io
import struct
import subprocess
import sys
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from helpers import datasets


def test_digits_are_what_the_readme_says():
    digits = datasets.digits()
    assert digits.x_train.shape == (1437, 8, 8)
    assert digits.x_test.shape == (360, 8, 8)
    for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test)):
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert x.min() == 0
        assert x.max() == 1
        assert set(y.tolist()) == set(range(10))
        assert min(Counter(y.tolist()).values()) > len(y) / 15  # no class is rare, in either part
    assert datasets.DIGITS_SHA256 in (datasets.DATA / "README.md").read_text(encoding="utf-8")


def test_digits_look_like_their_labels():
    """The mean image of each class is nearest to test images of that class far more often than
    chance.
    """
    digits = datasets.digits()
    means = np.stack([digits.x_train[digits.y_train == label].mean(axis=0) for label in range(10)])
    distances = ((digits.x_test[:, None] - means) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == digits.y_test).mean() > 0.85


def test_no_test_image_is_a_training_image():
    digits = datasets.digits()
    seen = {image.tobytes() for image in digits.x_train}
    assert not any(image.tobytes() in seen for image in digits.x_test)


def test_standardise_uses_the_training_images_alone():
    digits = datasets.digits()
    result = datasets.standardise(digits)
    assert abs(result.x_train.mean()) < 1e-5
    assert result.x_train.std() == pytest.approx(1, abs=1e-5)
    mean, deviation = digits.x_train.mean(), digits.x_train.std()
    assert np.allclose(result.x_test, (digits.x_test - mean) / deviation)
    assert result.x_train.dtype == np.float32
    constant = digits._replace(x_train=np.ones_like(digits.x_train))
    with pytest.raises(ValueError, match="all training pixels are equal"):
        datasets.standardise(constant)


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"digits.npz is missing; restore it with 'git checkout -- data'"
    ):
        datasets.digits(tmp_path / "digits.npz")


HARMS = [lambda b: b[:1000], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b * 2]


@pytest.mark.parametrize("harm", HARMS)
def test_harmed_file_is_refused(tmp_path, harm):
    path = tmp_path / "digits.npz"
    path.write_bytes(harm((datasets.DATA / "digits.npz").read_bytes()))
    with pytest.raises(ValueError, match=r"is damaged or was changed: .* bytes with SHA-256"):
        datasets.digits(path)


def test_pickles_are_never_read(tmp_path, monkeypatch):
    """Even a file with the right checksum is not unpickled."""
    path = tmp_path / "digits.npz"
    np.savez(path, images=np.array([{"a": 1}], dtype=object), labels=np.array([1]))
    monkeypatch.setattr(datasets, "DIGITS_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle"):
        datasets.digits(path)


def test_importing_the_readers_loads_nothing_that_fetches():
    fetchers = "{'pooch', 'requests', 'tqdm'}"
    code = f"import sys, helpers.datasets; print(*sorted({fetchers} & set(sys.modules)))"
    root = datasets.DATA.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


# Folders of pictures


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, dtype=np.uint8)).save(path, **options)


def grey(level, shape=(8, 8)):
    return np.full((*shape, 3), level)


def two_classes(root):
    """Two classes of two readable pictures each, to which a test adds what it is about."""
    for name, level in (("cat/a.png", 10), ("cat/b.png", 20), ("dog/a.png", 30), ("dog/b.png", 40)):
        save(root / name, grey(level))
    return root


def read_one(root, size=(8, 8), colour=True):
    """The picture cat/0.* of a folder that has it: the first by name, so the first test image."""
    return datasets.folder(two_classes(root), size, colour).images.x_test[0]


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


def test_a_picture_of_the_right_size_keeps_its_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    save(tmp_path / "cat" / "0.png", pixels)
    assert np.allclose(read_one(tmp_path), pixels.transpose(2, 0, 1) / 255)


# How a camera stores the pixels for each orientation of the EXIF standard, so that turning them
# back shows the picture.
STORED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_pictures_are_turned_upright(tmp_path, orientation, suffix):
    upright = np.zeros((32, 64, 3))
    upright[:16, :32] = 255  # the upper left quarter is white
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "cat" / f"0.{suffix}", STORED[orientation](upright), exif=exif)
    assert np.allclose(
        read_one(tmp_path, size=(32, 64)), upright.transpose(2, 0, 1) / 255, atol=0.1
    )


@pytest.mark.parametrize("shape", [(100, 300), (300, 100), (100, 100)])
@pytest.mark.parametrize("size", [(40, 40), (20, 40), (40, 20)])
def test_nothing_is_distorted(tmp_path, shape, size):
    """A circle in the middle stays a circle in the middle, at the largest scale at which the
    picture fills ``size``.
    """
    picture = Image.new("RGB", shape[::-1])
    centre = np.array(shape[::-1]) / 2
    ImageDraw.Draw(picture).ellipse((*(centre - 25), *(centre + 24)), fill="white")
    save(tmp_path / "cat" / "0.png", picture)
    seen = read_one(tmp_path, size=size)[0] > 0.5
    radius = 25 * max(size[0] / shape[0], size[1] / shape[1])
    for axis in (0, 1):
        places = np.flatnonzero(seen.any(axis=1 - axis))
        assert places[0] == size[axis] / 2 - radius
        assert places[-1] == size[axis] / 2 + radius - 1


@pytest.mark.parametrize("size", [(32, 48), (300, 400)])
def test_a_large_photograph_is_read_as_if_decoded_in_full(tmp_path, size):
    y, x = np.mgrid[:1200, :1600]
    photograph = np.stack(
        [x * 255 / 1600, y * 255 / 1200, 128 + 100 * np.sin(x / 3) * np.cos(y / 3)], axis=-1
    )
    save(tmp_path / "cat" / "0.jpg", photograph, quality=95, subsampling=0)
    full = ImageOps.fit(
        Image.fromarray(photograph.astype(np.uint8)), size[::-1], Image.Resampling.LANCZOS
    )
    assert np.abs(read_one(tmp_path, size) - np.asarray(full).transpose(2, 0, 1) / 255).max() < 0.05


TRANSPARENT = {
    "RGBA": (Image.new("RGBA", (8, 8), (200, 0, 0, 0)), None),
    "LA": (Image.new("LA", (8, 8), (50, 0)), None),
    "P": (Image.new("RGB", (8, 8), (9, 9, 9)).quantize(2), 0),  # the index of the only colour
    "L": (Image.new("L", (8, 8), 3), 3),
    "RGB": (Image.new("RGB", (8, 8), (3, 3, 3)), (3, 3, 3)),
}


@pytest.mark.parametrize("mode", TRANSPARENT)
@pytest.mark.parametrize("colour", [True, False])
def test_transparent_pictures_lie_on_white(tmp_path, mode, colour):
    picture, clear = TRANSPARENT[mode]
    (tmp_path / "cat").mkdir()
    picture.save(tmp_path / "cat" / "0.png", **({} if clear is None else {"transparency": clear}))
    assert (read_one(tmp_path, colour=colour) == 1).all()


def test_half_transparent_black_on_white_is_grey(tmp_path):
    save(tmp_path / "cat" / "0.png", np.broadcast_to((0, 0, 0, 128), (8, 8, 4)))
    assert np.allclose(read_one(tmp_path), 1 - 128 / 255, atol=0.01)


def levels(mode):
    """A picture whose left half is black and whose right half is at about 3/4 of white, and that
    level exactly.
    """
    ramp = np.repeat([[0, 192]], 8, axis=0).repeat(4, axis=1).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16) * 257), 192 / 255
    if mode == "1":
        return Image.fromarray(ramp > 0), 1
    if mode == "P":
        return Image.fromarray(ramp).convert("RGB").quantize(4), 192 / 255
    return Image.fromarray(ramp).convert("RGB").convert(mode), 192 / 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB", "CMYK", "YCbCr"])
@pytest.mark.parametrize("colour", [True, False])
def test_every_kind_of_png_and_jpeg_is_read(tmp_path, mode, colour):
    picture, level = levels(mode)
    (tmp_path / "cat").mkdir()
    picture.save(tmp_path / "cat" / f"0.{'jpg' if mode in ('CMYK', 'YCbCr') else 'png'}")
    found = read_one(tmp_path, colour=colour)
    assert np.allclose(found[..., :4], 0, atol=0.02)
    assert np.allclose(found[..., 4:], level, atol=0.02)


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


def webp():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "WEBP")
    return file.getvalue()


UNREADABLE = {
    "cut.jpg": (jpeg()[:-2000], "cannot be decoded (image file is truncated"),
    "cut.png": (png(10, 10), "cannot be decoded ("),
    "header.jpg": (jpeg()[:30], ""),
    "empty.png": (b"", "is not a PNG or JPEG picture, whatever its name says"),
    "text.png": (b"not a picture", "is not a PNG or JPEG picture, whatever its name says"),
    "really-webp.jpg": (webp(), "is not a PNG or JPEG picture, whatever its name says"),
    "bomb.png": (
        png(10_000, 10_000),
        "cannot be decoded (Image size (100000000 pixels) exceeds limit",
    ),
    "bigger-bomb.png": (
        png(60_000, 60_000),
        "cannot be decoded (Image size (3600000000 pixels) exceeds limit",
    ),
    "photo.webp": (webp(), "is not named .png, .jpg, .jpeg"),
    "notes.txt": (b"cats", "is not named .png, .jpg, .jpeg"),
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
    assert "beside the class folders" in result.skipped["index.csv"]
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
        "dog/desktop.ini",
        "__MACOSX/cat/a.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    result = datasets.folder(tmp_path)
    assert result.skipped == {}
    assert result.classes == ["cat", "dog"]


def test_the_summary_says_what_was_read_and_what_was_not(tmp_path):
    two_classes(tmp_path)
    everything = datasets.folder(tmp_path)
    assert everything.summary() == "4 images in 2 classes: 2 to train, 2 to test. Files skipped: 0."
    (tmp_path / "cat" / "z.png").write_bytes(b"")
    one = datasets.folder(tmp_path)
    reason = "is not a PNG or JPEG picture, whatever its name says"
    assert one.summary().endswith(f" Files skipped: 1 (cat/z.png {reason}).")
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
    skipped = r"add some, .* 1 \(dog/b.png is not a PNG"
    sentence = rf"the class 'dog' needs two readable pictures, .*, but has 1; {skipped}"
    with pytest.raises(ValueError, match=sentence):
        datasets.folder(tmp_path / "few")


@pytest.mark.parametrize("size", [32, (32,), (0, 8), (8, -1), (8.0, 8), "32", (3, 8, 8), None])
def test_a_wrong_size_is_refused(tmp_path, size):
    with pytest.raises(
        ValueError, match=r"but it must be \(height, width\), two whole numbers above 0"
    ):
        datasets.folder(two_classes(tmp_path), size=size)


COLUMNS = [
    "source",
    "arxiv",
    "place",
    "data",
    "net",
    "layers",
    "variant",
    "measure",
    "unit",
    "value",
]


def test_every_published_figure_is_complete():
    rows = datasets.published()
    for row in rows:
        assert list(row) == COLUMNS
        assert all(row[column] for column in set(COLUMNS) - {"layers", "variant"})
        assert row["layers"] is None or row["layers"] > 0
        assert row["data"] in ("CIFAR-10", "ImageNet")
        assert isinstance(row["value"], float)
        assert row["unit"] != "%" or 0 < row["value"] < 100
    assert {row["arxiv"] for row in rows} == {
        "1512.03385",
        "1603.05027",
        "1712.09913",
        "1706.02677",
    }
    keys = [tuple(row[column] for column in COLUMNS[:-1]) for row in rows]
    assert len(set(keys)) == len(keys)  # no figure has two values


def values(**where):
    return [row["value"] for row in datasets.published(**where)]


def test_published_figures_are_those_of_the_papers():
    first = {"source": "He et al. 2015", "place": "table 6"}
    errors = datasets.published(**first, measure="test error")
    table = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
    assert {row["layers"]: row["value"] for row in errors} == table
    assert values(**first, measure="parameters") == [0.27, 0.46, 0.66, 0.85, 1.7, 19.4]
    assert values(place="table 2", data="ImageNet", net="plain") == [27.94, 28.54]
    assert values(place="table 2", data="ImageNet", net="ResNet") == [27.88, 25.03]
    assert values(place="table 3", measure="top-1 error, 10-crop") == [28.54, 25.03, 24.52, 24.19]
    assert values(place="table 3", measure="top-5 error, 10-crop") == [10.02, 7.76, 7.46, 7.40]
    assert values(arxiv="1603.05027", layers=110, variant="ReLU before addition") == [7.84]
    assert values(arxiv="1603.05027", layers=164, variant="full pre-activation") == [5.46]
    assert values(source="Li et al. 2018", net="plain") == [8.18, 13.31, 16.44]
    assert values(source="Li et al. 2018", net="ResNet") == [7.37, 5.89, 5.79]


def test_a_typo_in_a_filter_is_not_an_empty_table():
    with pytest.raises(
        ValueError, match="no column is named depth; use source, arxiv, place, data, net, layers,"
    ):
        datasets.published(depth=34)
    with pytest.raises(
        ValueError, match=r"no published figure has net = 'Plain', layers = 34; data/published.csv"
    ):
        datasets.published(net="Plain", layers=34)
    with pytest.raises(ValueError, match="no published figure has layers = '34'"):
        datasets.published(layers="34")
