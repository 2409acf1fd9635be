"""Readers: a path in, arrays out. Nothing is unpacked or unpickled, and nothing is fetched unless
asked for.
"""

import csv
import hashlib
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.setup.machine import ROOT

DATA = ROOT / "data"
DIGITS_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"
PICTURES = (".png", ".jpg", ".jpeg")
LITTER = (
    "Thumbs.db",
    "desktop.ini",
    "__MACOSX",
)  # what operating systems leave in folders, beside hidden files


class Images(NamedTuple):
    """Training and test images, float32 (n, height, width), in colour (n, 3, height, width);
    labels, int64 (n,).
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


class Folder(NamedTuple):
    """What was read: the Images, the class names in the order of their labels, and {path: why it
    was skipped}.
    """

    images: Images
    classes: list
    skipped: dict

    def summary(self):
        """Return two sentences: how many images and classes there are, and which files were skipped
        and why.
        """
        train, test = len(self.images.y_train), len(self.images.y_test)
        read = f"{train + test} images in {len(self.classes)} classes: {train} to train, {test} to test."
        return f"{read} Files skipped: {_named(self.skipped)}."

    __repr__ = summary  # so that a cell which ends in a Folder shows what was read


def digits(path=DATA / "digits.npz"):
    """Return 1,437 training and 360 test images of handwritten digits, 8 x 8 pixels in [0, 1],
    labels 0 to 9.

    Every fifth image is a test image; nothing is shuffled, so the split is the same on every
    machine.
    Source: UCI "Optical Recognition of Handwritten Digits" (CC BY 4.0), see data/README.md.
    Raises FileNotFoundError if the file is missing, and ValueError if its SHA-256 is not the
    published one.
    """
    mend = "restore it with 'git checkout -- data', or fetch the course again"
    with (
        verified(path, DIGITS_SHA256, mend) as content,
        np.load(content, allow_pickle=False) as file,
    ):
        images, labels = (
            (file["images"] / np.float32(16)).astype(np.float32),
            file["labels"].astype(np.int64),
        )
    return _split(images, labels, np.arange(len(images)) % 5 == 0)


def folder(root, size=(32, 32), colour=True):
    """Return the pictures root/CLASS/*.png, *.jpg and *.jpeg as a Folder; the classes are the
    sub-folders.

    Images: (n, 3, height, width) in [0, 1], or (n, height, width) with ``colour`` False. ``size``
    is (height, width) in
    pixels: a picture is turned the way its EXIF data say, laid on white where it is transparent,
    cropped about its centre to the shape of ``size``, and resized. Classes and pictures are in the
    order of their names, and every fifth picture of a class is a test image. What cannot be read is
    skipped, and the result says why. The same picture under two names is not noticed.
    Raises FileNotFoundError if ``root`` is not a folder, and ValueError for fewer than two classes,
    for a class of fewer than two readable pictures, or if ``size`` is not two whole numbers above
    0.
    """
    if not (
        isinstance(size, tuple | list)
        and len(size) == 2
        and all(isinstance(n, int) and n > 0 for n in size)
    ):
        raise ValueError(
            f"size = {size!r}, but it must be (height, width), two whole numbers above 0"
        )
    classes, skipped = _class_folders(Path(root))
    parts = [_class_pixels(path, size, colour, skipped) for path in classes]
    labels = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])
    test = np.concatenate([np.arange(len(part)) % 5 == 0 for part in parts])
    images = _split(np.concatenate(parts) / np.float32(255), labels, test)
    return Folder(images, [path.name for path in classes], skipped)


def published(**where):
    """Return the published figures, a list of dicts, whose columns equal ``where``:
    published(net="plain", layers=34).

    Columns: source, arxiv, place, data, net, layers (int, or None where it has no meaning),
    variant, measure, unit, value (float). Source of every figure: the paper named in its row; see
    data/README.md. Raises ValueError for an unknown column, and if no figure is left.
    """
    with (DATA / "published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["layers"], row["value"] = (
            int(row["layers"]) if row["layers"] else None,
            float(row["value"]),
        )
    if unknown := where.keys() - rows[0].keys():
        raise ValueError(
            f"no column is named {', '.join(sorted(unknown))}; use {', '.join(rows[0])}"
        )
    found = [row for row in rows if all(row[column] == value for column, value in where.items())]
    if not found:
        wanted = ", ".join(f"{column} = {value!r}" for column, value in where.items())
        raise ValueError(
            f"no published figure has {wanted}; data/published.csv shows what there is"
        )
    return found


def standardise(images):
    """Return the same Images with mean 0 and standard deviation 1 over all training pixels.

    Training and test images are shifted and scaled by the same two numbers, measured on the
    training images alone. Raises ValueError if all training pixels are equal.
    """
    mean, deviation = images.x_train.mean(), images.x_train.std()
    if not deviation > 0:
        raise ValueError(
            "all training pixels are equal (or not numbers), so they cannot be scaled to deviation 1"
        )
    return images._replace(
        x_train=(images.x_train - mean) / deviation, x_test=(images.x_test - mean) / deviation
    )


def _named(skipped):
    """Return the count, and at most ten of the names with their reasons."""
    named = [f"{path} {reason}" for path, reason in skipped.items()]
    more = [f"and {len(named) - 10} more"] if len(named) > 10 else []
    return f"{len(named)} ({'; '.join(named[:10] + more)})" if named else "0"


def _split(images, labels, test):
    return Images(images[~test], labels[~test], images[test], labels[test])


@contextmanager
def verified(path, sha256, mend):
    """Yield the file, open for reading, once its content is known to be the right one."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"the data file {path} is missing; {mend}")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise ValueError(
                f"{path} is damaged or was changed: {file.tell()} bytes with SHA-256 "
                f"{found[:12]}..., expected {sha256[:12]}...; {mend}"
            )
        file.seek(0)
        yield file


def _class_folders(root):
    """Return the class folders in the order of their names, and {name: reason} of the files beside
    them.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"there is no folder {root}; give one that has a sub-folder of pictures for each class"
        )
    entries = _visible(root)
    classes = [path for path in entries if path.is_dir()]
    loose = {
        path.name: "lies beside the class folders, so it has no class"
        for path in entries
        if not path.is_dir()
    }
    if len(classes) < 2:
        raise ValueError(
            f"{root} needs two or more class folders, but has {len(classes)} (and {len(loose)} "
            "files directly in it, which have no class); sort the pictures into one sub-folder for "
            "each class"
        )
    return classes, loose


def _visible(path):
    entries = (
        entry
        for entry in path.iterdir()
        if not entry.name.startswith(".") and entry.name not in LITTER
    )
    return sorted(
        entries, key=lambda entry: entry.name
    )  # paths themselves sort differently on Windows


def _class_pixels(path, size, colour, skipped):
    """Return the readable pictures of one class, sorted by name, uint8 (n, ...); add the others to
    ``skipped``.
    """
    found, failed = [], {}
    for picture in _visible(path):
        try:
            found.append(_pixels(picture, *size, colour))
        except ValueError as error:
            failed[f"{path.name}/{picture.name}"] = str(error)
    if len(found) < 2:
        raise ValueError(
            f"the class {path.name!r} needs two readable pictures, one to train and one to test, "
            f"but has {len(found)}; add some, or remove the folder; files skipped in it: "
            f"{_named(failed)}"
        )
    skipped.update(failed)
    return np.stack(found)


def _pixels(path, height, width, colour):
    """Return a picture as uint8, (3, height, width) or (height, width); raise ValueError with the
    reason if not.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not path.is_file():
        raise ValueError("is not a file directly in its class folder")
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"is not named {', '.join(PICTURES)}")
    try:
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                image.draft(
                    None, [2 * max(height, width)] * 2
                )  # large JPEGs: decode no more pixels than it takes
                upright = _on_white(ImageOps.exif_transpose(image)).convert(
                    "RGB" if colour else "L"
                )
        fitted = ImageOps.fit(upright, (width, height), Image.Resampling.LANCZOS)
    except UnidentifiedImageError:
        raise ValueError("is not a PNG or JPEG picture, whatever its name says") from None
    except Exception as error:  # a decoder may raise anything on a harmed file
        raise ValueError(f"cannot be decoded ({error})") from error
    # In the order of PyTorch in memory as well: it trains faster, and without a warning.
    return (
        np.ascontiguousarray(np.moveaxis(np.asarray(fitted), -1, 0))
        if colour
        else np.asarray(fitted)
    )


def _on_white(image):
    """Return the picture in 8 bits, without transparency."""
    from PIL import Image

    if image.mode.startswith(
        "I"
    ):  # 16 bits: Pillow's own conversion would turn all but the darkest pixels white
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
