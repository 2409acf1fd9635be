"""How the course writes files: never half of one, and never over something that is not its own."""

import json
import os
from contextlib import suppress
from pathlib import Path


def write(path, content, is_own):
    """Write a file in one step: whoever reads it finds what was there before, or all of the new.

    path: folders on the way to it are made; a link is followed.
    content: text or bytes.
    is_own: tells of a path whether the course wrote the file there.
    Raises OSError, with a sentence, where ``check`` does and if there is no room; what was there
    then is as it was.
    """
    check(path, is_own)
    target = Path(path).expanduser().resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before its name is: a power failure loses neither
        os.replace(part, target)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror or error}); nothing was changed"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def check(path, is_own):
    """Raise OSError if ``write`` would fail: to be called before hours of work, not after them."""
    try:
        target = Path(path).expanduser().resolve()
    except (OSError, RuntimeError):  # a link that leads back to itself
        raise FileExistsError(f"{path} is a link that leads nowhere; choose another name") from None
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder; choose another name for the file")
    if target.exists() and not (target.is_file() and _holds(is_own, target)):
        raise FileExistsError(
            f"{path} holds something that this course did not write, and stays as it is; move it "
            "away, or choose another name"
        )
    folder = next(folder for folder in target.parents if folder.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"{path} cannot be written: {folder} is a file, not a folder")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise PermissionError(f"{path} may not be written by you; choose another place")


def _holds(is_own, path):
    try:
        return bool(is_own(path))
    except Exception:  # what cannot be read as ours is not
        return False


def has_keys(*keys):
    """Return a function that tells whether a file is a dict in JSON with these keys."""
    return lambda path: set(keys) <= json.loads(path.read_text(encoding="utf-8")).keys()
