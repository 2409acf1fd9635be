"""For tests of CIFAR-10: an archive with twenty images in each file."""

import hashlib
import io
import tarfile

import numpy as np
import pooch
import pytest

from helpers.studies import cifar10 as module

RECORDS = 20
BYTES = 3073 * RECORDS
FILES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def batches():
    """The six files, small: a label, then 3,072 random bytes; the first counts the records."""
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (6 * RECORDS, 3073)).astype(np.uint8)
    records[:, 0] = np.arange(6 * RECORDS) % 10
    records[:, 1] = np.arange(6 * RECORDS)
    return {name: records[i * RECORDS : (i + 1) * RECORDS] for i, name in enumerate(FILES)}


def pack(path, contents):
    """A tar.gz of these members: bytes, or a link to another name."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name if "/" in name else f"cifar-10-batches-bin/{name}")
            member.size = BYTES if isinstance(content, str) else len(content)
            if isinstance(content, str):  # a link that claims the right size
                member.type, member.linkname = tarfile.SYMTYPE, content
            archive.addfile(member, None if isinstance(content, str) else io.BytesIO(content))
    return path


@pytest.fixture
def official(tmp_path, monkeypatch):
    """Make an archive that counts as the official one; the cache folder is empty."""
    monkeypatch.setattr(module, "RECORDS", RECORDS)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)

    def make(change=None):
        contents = {
            "readme.html": b"<html>"
        }  # and then, as in the official archive, not in the order of names
        contents |= {name: records.tobytes() for name, records in reversed(batches().items())}
        path = pack(tmp_path / "cifar-10-binary.tar.gz", contents | (change or {}))
        monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
        return path

    return make
