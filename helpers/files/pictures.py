"""Pictures in class folders, whatever people put there: upright, on white, of one size."""

import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (".png", ".jpg", ".jpeg")
LITTER = ("Thumbs.db", "desktop.ini", "__MACOSX")  # left by operating systems, like hidden files


def list_class_folders(root):
    """Return the class folders of ``root``, sorted by name, and {name: reason} of loose files.

    Raises FileNotFoundError if there is no such folder, ValueError for fewer than two classes.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"there is no folder {root}; give one that has a sub-folder of pictures for each class"
        )
    entries = _list_visible(root)
    classes = [path for path in entries if path.is_dir()]
    reason = "is not in a class folder, so it has no class"
    loose = {path.name: reason for path in entries if not path.is_dir()}
    if len(classes) < 2:
        raise ValueError(
            f"{root} needs two or more class folders, but has {len(classes)} (and {len(loose)} "
            "files directly in it, which have no class); sort the pictures into one sub-folder for "
            "each class"
        )
    return classes, loose


def _list_visible(path):
    visible = (p for p in path.iterdir() if not p.name.startswith(".") and p.name not in LITTER)
    return sorted(visible, key=lambda entry: entry.name)  # paths sort differently on Windows


def read_class(path, size, colour, skipped):
    """Return the readable pictures of a class, sorted by name, uint8 (n, ...).

    The others are added to ``skipped``, {path: reason}. Raises ValueError for fewer than two.
    """
    found, failed = [], {}
    for picture in _list_visible(path):
        try:
            found.append(_read(picture, *size, colour))
        except ValueError as error:
            failed[f"{path.name}/{picture.name}"] = str(error)
    if len(found) < 2:
        raise ValueError(
            f"the class {path.name!r} needs two readable pictures, one to train and one to test, "
            f"but has {len(found)}; add some, or remove the folder; files skipped in it: "
            f"{describe_skipped(failed)}"
        )
    skipped.update(failed)
    return np.stack(found)


def describe_skipped(skipped):
    """Return how many files were skipped, and at most ten of them with their reasons."""
    named = [f"{path} {reason}" for path, reason in skipped.items()]
    more = [f"and {len(named) - 10} more"] if len(named) > 10 else []
    return f"{len(named)} ({'; '.join(named[:10] + more)})" if named else "0"


def _read(path, height, width, colour):
    """Return a picture, uint8 (3, height, width) or (height, width); ValueError says why not."""
    if not path.is_file():
        raise ValueError("is not a file directly in its class folder")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"is not named {', '.join(SUFFIXES)}")
    try:
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                image.draft(None, [2 * max(height, width)] * 2)  # a large JPEG: only what it takes
                upright = _lay_on_white(ImageOps.exif_transpose(image))
            fitted = upright.convert("RGB" if colour else "L")
        fitted = ImageOps.fit(fitted, (width, height), Image.Resampling.LANCZOS)
    except UnidentifiedImageError:
        raise ValueError("is not a PNG or JPEG picture, whatever its name says") from None
    except Exception as error:  # a decoder may raise anything on a harmed file
        raise ValueError(f"cannot be decoded ({error})") from error
    pixels = np.asarray(fitted)
    # In the order of PyTorch in memory as well: it trains faster, and without a warning.
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)) if colour else pixels


def _lay_on_white(image):
    """Return the picture in 8 bits, without transparency."""
    if image.mode.startswith("I"):  # 16 bits: Pillow would turn all but the darkest pixels white
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
