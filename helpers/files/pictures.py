"""Pictures in class folders, whatever people put there: upright, on white, of one size."""

import math
import re
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # told by what is in a file, not by its name
READ = "PNG, JPEG, WebP, GIF or BMP"
# Left by operating systems, like hidden files.
LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "icon\r", "lost+found")
LITTER += ("__pycache__", "$recycle.bin", "#recycle", "system volume information")
IPHONE = "an iPhone does that by itself after Settings, Camera, Formats, Most Compatible"
MAX_BYTES = 16e9  # of memory
# What people take for such a picture: the bytes it begins with, and what it is.
OTHERS = {
    rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)": f"is a HEIC photograph: save it as JPEG; {IPHONE}",
    rb"....ftyp(avif|avis)": "is an AVIF picture: save it as PNG or JPEG",
    rb"....ftyp": "is a video: save one of its pictures as PNG or JPEG",
    rb"II\*\x00|MM\x00\*": "is a TIFF picture or a raw photograph: save it as PNG or JPEG",
    rb"%PDF": "is a PDF: save its picture as PNG or JPEG",
    rb"\s*<(\?xml|svg)": "is an SVG drawing: save it as PNG",
}


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
        mend = "sort the pictures into one sub-folder for each class"
        if classes and sum(path.is_dir() for path in _list_visible(classes[0])) > 1:
            mend = f"is {classes[0]} meant, which has several?"
        raise ValueError(
            f"{root} needs two or more class folders, but has {len(classes)} (and {len(loose)} "
            f"files directly in it, which have no class); {mend}"
        )
    return classes, loose


def _list_visible(path):
    try:  # by name: paths sort differently on Windows
        entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    except PermissionError as error:
        raise PermissionError(f"the folder {path} may not be read by you") from error
    return [e for e in entries if e.name[0] != "." and e.name.casefold() not in LITTER]


def check_memory(classes, size, colour):
    """Raise ValueError if the pictures of these class folders would take MAX_BYTES of memory."""
    count = sum(len(_list_visible(path)) for path in classes)
    needed = count * math.prod(map(int, size)) * (3 if colour else 1) * 4  # float32
    if needed > MAX_BYTES:
        raise ValueError(
            f"{count} pictures of {size[0]} x {size[1]} pixels take {needed / 1e9:,.0f} GB of "
            f"memory; choose a size with which they take less than {MAX_BYTES / 1e9:.0f} GB"
        )


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
        mend = "add some, or remove the folder"
        if any(entry.is_dir() for entry in _list_visible(path)):
            mend = f"if its folders are the classes, give {path} itself"
        raise ValueError(
            f"the class {path.name!r} needs two or more readable pictures, but has {len(found)}; "
            f"{mend}; files skipped in it: {describe_skipped(failed)}"
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
        if path.is_symlink() and not path.exists():
            raise ValueError("is a link that leads nowhere")
        raise ValueError("is not a file directly in its class folder")
    try:
        with warnings.catch_warnings(action="ignore"):
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                image.draft(None, [2 * max(height, width)] * 2)  # a large JPEG: only what it takes
                upright = lay_on_white(ImageOps.exif_transpose(image))
            fitted = upright.convert("RGB" if colour else "L")
        fitted = ImageOps.fit(fitted, (width, height), Image.Resampling.LANCZOS)
    except UnidentifiedImageError:
        raise ValueError(describe_other(path)) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
        raise ValueError(f"has more than {limit}: make it smaller first") from None
    except PermissionError as error:
        raise ValueError("may not be read by you") from error
    except Exception as error:  # a decoder may raise anything on a harmed file
        raise ValueError(f"cannot be decoded ({error})") from error
    pixels = np.asarray(fitted)
    # In the order of PyTorch in memory as well: it trains faster, and without a warning.
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)) if colour else pixels


def describe_other(path):
    """Say what a file is that holds no picture which can be read."""
    with path.open("rb") as file:
        head = file.read(64)
    known = (what for begins, what in OTHERS.items() if re.match(begins, head, re.DOTALL))
    return next(known, f"is not a picture in {READ}, whatever its name says")


def lay_on_white(image):
    """Return the picture in 8 bits, without transparency."""
    if image.mode.startswith("I"):  # 16 bits: Pillow would turn all but the darkest pixels white
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
