"""CIFAR-10 from its official binary archive: 60,000 photographs, 32 x 32 pixels, ten classes."""

import tarfile
from pathlib import Path

import numpy as np

from helpers.datasets import Images
from helpers.files.verified import verified

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
RECORDS = 10_000  # in each of the six files of the archive
MEND = (
    "fetch it with cifar10(download=True), 170 MB from a slow host, which can be stopped at any "
    f"time; or fetch {URL} by hand and give its path; the bundled digits() are the default and "
    "need nothing"
)


def cifar10(path=None, download=False, images=None):
    """Return CIFAR-10 as Images (n, 3, 32, 32) in [0, 1] and labels 0 to 9: 50,000 and 10,000.

    path: the official archive cifar-10-binary.tar.gz; by default the one in the course's cache.
    download: fetch the archive into the cache if it is not there: 170 MB from a slow host. Ctrl+C
        stops that and leaves no partial file; the next call starts over.
    images: keep only the first ``images`` training images, and a fifth as many test images. All
        of CIFAR-10 takes 737 MB of memory.

    Source: A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html. Raises
    FileNotFoundError if the archive is missing, OSError if it cannot be fetched, and ValueError if
    it is not the official one (SHA-256, sizes, labels), or if ``images`` is not from 1 to 50,000.
    """
    everything = 5 * RECORDS
    if images is not None and images not in range(1, everything + 1):
        raise ValueError(
            f"images = {images!r}, but it must be a whole number from 1 to {everything}, or None "
            "for all"
        )
    with verified(_cached(download) if path is None else path, SHA256, MEND) as file:
        train, test = _records(file, images or everything)
    return Images(*_arrays(train), *_arrays(test))


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


def _records(file, train):
    """Return the first ``train`` training records and a fifth as many test records.

    Both are uint8 (n, 3073): a label, then a red, a green and a blue plane.
    """
    keep = {
        f"cifar-10-batches-bin/data_batch_{i + 1}.bin": max(train - i * RECORDS, 0)
        for i in range(5)
    }
    keep["cifar-10-batches-bin/test_batch.bin"] = max(train // 5, 1)
    kept = {}
    with tarfile.open(fileobj=file, mode="r:gz") as archive:
        for member in archive:
            if member.name in keep and member.isreg() and member.size == RECORDS * 3073:
                records = np.frombuffer(archive.extractfile(member).read(), np.uint8)
                kept[member.name] = records.reshape(-1, 3073)[: keep[member.name]].copy()
    if missing := sorted(keep.keys() - kept.keys()):
        raise ValueError(
            f"the archive lacks files of {RECORDS} records of 3073 bytes: {', '.join(missing)}"
        )
    *training, test = (kept[name] for name in keep)
    return np.concatenate(training), test


def _arrays(records):
    """Return the pixels (n, 3, 32, 32) and the labels (n,) of records (n, 3073)."""
    labels = records[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise ValueError(
            f"the archive has the label {labels.max()}, but the labels of CIFAR-10 are 0 to 9"
        )
    return (records[:, 1:] / np.float32(255)).reshape(-1, 3, 32, 32), labels
