"""Text files as people save them."""

from pathlib import Path


def read_text(path):
    """Return a text, without the mark of byte order that some editors put in front of it.

    Raises ValueError, with the path, if it is not in UTF-8, and OSError if it cannot be read.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not in UTF-8: save it as UTF-8 text") from None
