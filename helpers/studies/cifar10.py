"""CIFAR-10 from its official binary archive: 60,000 photographs, 32 x 32 pixels, ten classes."""

import tarfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from helpers.datasets import Images
from helpers.files.verified import verified
from helpers.inputs.numbers import is_whole

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
RECORDS = 10_000  # in each of the six files of the archive
FOLDER = "cifar-10-batches-bin"  # of the archive
FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
# Other archives of that host: what they unpack to, and why they are not read.
PYTHON = "the Python version, which would have to be unpickled, and that runs any code in a file"
OTHERS = {
    "cifar-10-batches-py": PYTHON,
    "cifar-10-batches-mat": "the version for MATLAB",
    "cifar-100-python": "CIFAR-100, with other classes",
    "cifar-100-binary": "CIFAR-100, with other classes",
    "cifar-100-matlab": "CIFAR-100, with other classes",
}
MEND = (
    "fetch it with cifar10(download=True), 170 MB from a slow host, which can be stopped at any "
    f"time; or fetch {URL} by hand and give its path; the bundled digits() are the default and "
    "need nothing"
)


def cifar10(path=None, download=False, images=None):
    """Return CIFAR-10 as Images (n, 3, 32, 32) in [0, 1] and labels 0 to 9: 50,000 and 10,000.

    path: the official archive cifar-10-binary.tar.gz, or what becomes of it: a .tar that a browser
        unzipped, the unpacked folder, or a folder with one of them; by default, the course's cache.
    download: fetch the archive into the cache if it is not there: 170 MB from a slow host. Ctrl+C
        stops that and leaves no partial file; the next call starts over.
    images: keep only the first ``images`` training images, and a fifth as many test images. All
        of CIFAR-10 takes 737 MB of memory.

    Source: A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html. Raises
    FileNotFoundError if the archive is missing, OSError if it cannot be fetched, and ValueError if
    it is not the official one (SHA-256; of what is unpacked, sizes and numbers of labels), or if
    ``images`` is not from 1 to 50,000.
    """
    everything = 5 * RECORDS
    if images is not None and not (is_whole(images) and 1 <= images <= everything):
        raise ValueError(
            f"images = {images!r}, but it must be a whole number from 1 to {everything}, or None "
            "for all"
        )
    train, test = _records(_find(_cached(download) if path is None else Path(path).expanduser()))
    some = images or everything
    return Images(*_arrays(train, some), *_arrays(test, max(some // 5, 1)))


def _find(path):
    """Return the archive or the folder of the six files that a path leads to."""
    if path.name in FILES:
        path = path.parent
    inside = (path / name for name in (FOLDER, "cifar-10-binary.tar.gz", "cifar-10-binary.tar"))
    if not path.is_dir() or (path / FILES[0]).is_file():
        return path
    for found in inside:
        if found.exists():
            return found
    for name in (path.name, *(entry.name for entry in path.iterdir())):
        _refuse_other(path, name)
    raise FileNotFoundError(f"the folder {path} has no CIFAR-10 in it; {MEND}")


def _refuse_other(path, name):
    """Raise ValueError for a folder, or an archive, that holds something else."""
    if name in OTHERS:
        raise ValueError(f"{path} is {OTHERS[name]}; take the binary version: {MEND}")


def _cached(download):
    """Return where the archive is kept on this computer; fetch it first if asked to."""
    import pooch  # not at the top: only this function needs it, and requests with it

    folder, name = Path(pooch.os_cache("why-resnets-work")), URL.rsplit("/", 1)[-1]
    if download:
        try:
            pooch.retrieve(URL, f"sha256:{SHA256}", fname=name, path=folder, progressbar=True)
        except ValueError as error:
            raise ValueError(f"{URL} did not send the official archive; try again later") from error
        except OSError as error:
            raise OSError(
                f"CIFAR-10 could not be fetched into {folder} ({type(error).__name__}): check "
                f"network and disk; then {MEND}"
            ) from error
    return folder / name


def _records(path):
    """Return the training records and the test records, uint8 (n, 3073) each.

    A record is a label, then a red, a green and a blue plane.
    """
    if path.is_dir():
        kept = {name: (path / name).read_bytes() for name in FILES if (path / name).is_file()}
    else:
        kept = _from_archive(path)
    if missing := [name for name in FILES if len(kept.get(name, b"")) != RECORDS * 3073]:
        kind = "folder" if path.is_dir() else "archive"
        raise ValueError(
            f"the {kind} lacks files of {RECORDS} records of 3073 bytes: {', '.join(missing)}"
        )
    *training, test = (np.frombuffer(kept[name], np.uint8).reshape(-1, 3073) for name in FILES)
    training = np.concatenate(training)
    if path.is_dir() or not _is_zipped(path):
        for records in (training, test):
            _check_classes(path, np.bincount(records[:, 0], minlength=10))
    return training, test


def _check_classes(path, counts):
    """Of what is unpacked no checksum is known, but each class has a tenth of all records."""
    if len(set(counts.tolist())) > 1:
        raise ValueError(
            f"{path} is damaged or was changed: a class has {counts.min()} to {counts.max()} "
            f"images, but in CIFAR-10 all have as many; {MEND}"
        )


def _from_archive(path):
    """Return {name: content} of the files of an archive. Its checksum is known if it is zipped."""
    first, zipped = _first_folder(path), not path.is_file() or _is_zipped(path)
    _refuse_other(path, first)
    may_be_it = first in ("", FOLDER) if zipped else tarfile.is_tarfile(path)
    if not may_be_it:
        raise ValueError(f"{path} is not the archive of CIFAR-10; {MEND}")
    with (  # where nothing is, ``verified`` says so
        verified(path, SHA256, MEND) if zipped else path.open("rb") as file,
        tarfile.open(fileobj=file) as archive,
    ):
        return dict(_members(archive))


def _is_zipped(path):
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _first_folder(path):
    """Return the folder of the first file in an archive; empty if it cannot be read."""
    with suppress(tarfile.TarError, OSError, EOFError, zlib.error), tarfile.open(path) as archive:
        first = archive.next()
        return first.name.removeprefix("./").split("/")[0] if first else ""
    return ""


def _members(archive):
    with suppress(tarfile.ReadError):  # of what is cut off, the other files are missing
        for member in archive:
            folder, _, name = member.name.removeprefix("./").rpartition("/")
            is_right = folder == FOLDER and name in FILES and member.size == RECORDS * 3073
            if is_right and member.isreg():
                yield name, archive.extractfile(member).read()


def _arrays(records, count):
    """Return the pixels (count, 3, 32, 32) and labels (count,) of the first records (n, 3073)."""
    pixels = records[:count, 1:] / np.float32(255)
    return pixels.reshape(-1, 3, 32, 32), records[:count, 0].astype(np.int64)
