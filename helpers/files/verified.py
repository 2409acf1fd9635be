"""Files whose content is known by its checksum."""

import hashlib
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def verified(path, sha256, mend):
    """Yield the file, open for reading, once its content is known to be the right one.

    Raises FileNotFoundError if it is missing and ValueError for another SHA-256; both
    messages end in ``mend``, which says what the reader can do.
    """
    path = Path(path).expanduser()
    if not path.is_file():
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
