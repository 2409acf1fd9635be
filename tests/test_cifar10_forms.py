"""CIFAR-10 in the forms that people have: read, or named with what to take instead."""

import gzip
import tarfile

import pytest
import small_cifar10
from small_cifar10 import batches, pack

from helpers.studies.cifar10 import cifar10

official = small_cifar10.official


def unpacked(path, folder):
    """Unpack an archive as a program would."""
    with tarfile.open(path) as archive:
        # As an argument it is not known to Python 3.11.3 and before, which Debian 12 has.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    return folder / "cifar-10-batches-bin"


def unzipped(path, folder):
    """Some browsers unzip what they fetch, and keep its name or not."""
    folder.mkdir()
    (folder / "cifar-10-binary.tar").write_bytes(gzip.decompress(path.read_bytes()))
    return folder / "cifar-10-binary.tar"


def misnamed(path, folder):
    return unzipped(path, folder).rename(folder / "cifar-10-binary.tar.gz")


FORMS = {
    "the folder of the archive": lambda path, folder: path.parent,
    "the unpacked folder": unpacked,
    "the folder of the unpacked folder": lambda path, folder: unpacked(path, folder).parent,
    "an unzipped archive": unzipped,
    "the folder of an unzipped archive": lambda path, folder: unzipped(path, folder).parent,
    "an unzipped archive with its old name": misnamed,
    "one of the unpacked files": lambda path, folder: unpacked(path, folder) / "test_batch.bin",
    "text": lambda path, folder: str(unpacked(path, folder)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_cifar10_is_read_in_the_forms_that_people_have(official, tmp_path, form):
    path = official()
    expected = cifar10(path, images=30)
    found = cifar10(form(path, tmp_path / "form"), images=30)
    assert all((a == b).all() for a, b in zip(found, expected, strict=True))


def other(name, zipped):
    """An archive of another version: files that nobody may unpickle."""

    def make(path, folder):
        folder.mkdir()
        found = pack(folder / "cifar-10.tar.gz", {f"{name}/data_batch_1": b"cos\nsystem\n"})
        if not zipped:
            found.write_bytes(gzip.decompress(found.read_bytes()))
        return found

    return make


def folder_of(name, within):
    def make(path, folder):
        (folder / name).mkdir(parents=True)
        (folder / name / "data_batch_1").write_bytes(b"cos\nsystem\n")
        return folder if within else folder / name

    return make


UNPICKLED = "is the Python version, which would have to be unpickled, .*; take the binary version:"
OTHERS = {
    "Python, zipped": (other("cifar-10-batches-py", True), UNPICKLED),
    "Python, unzipped": (other("cifar-10-batches-py", False), UNPICKLED),
    "Python, unpacked": (folder_of("cifar-10-batches-py", False), UNPICKLED),
    "Python, in a folder": (folder_of("cifar-10-batches-py", True), UNPICKLED),
    "MATLAB": (other("cifar-10-batches-mat", True), "is the version for MATLAB; take the binary"),
    "CIFAR-100": (other("cifar-100-binary", True), "is CIFAR-100, with other classes; take the"),
    "packed from within": (other("./cifar-10-batches-py", False), UNPICKLED),
    "another archive": (other("pictures", True), "is not the archive of CIFAR-10; fetch it with"),
    "another unzipped archive": (other("pictures", False), "the archive lacks files of 20"),
}


@pytest.mark.parametrize(("make", "sentence"), OTHERS.values(), ids=OTHERS)
def test_another_version_is_named_and_never_unpickled(official, tmp_path, make, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        cifar10(make(official(), tmp_path / "other"))
    assert "\n" not in str(caught.value)


def test_what_is_no_archive_is_named(official, tmp_path):
    official()
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty has no CIFAR-10 in it; fetch it with"):
        cifar10(tmp_path / "empty")
    damaged, other = "is damaged or was changed: .* fetch it with", "is not the archive of CIFAR-10"
    for name, content, sentence in (
        ("a.tar", b"", other),
        ("b.tar.gz", b"\x1f\x8bcut", damaged),
        ("c.zip", b"PK\3\4", other),
        ("d.tar.gz", b"<!DOCTYPE html>", other),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=sentence):
            cifar10(tmp_path / name)


@pytest.mark.parametrize("size", [600, 100_000, 200_000])
def test_an_unzipped_archive_that_is_cut_off_is_named(official, tmp_path, size):
    """As a download that was stopped leaves it: within a header, and within a file."""
    path = unzipped(official(), tmp_path / "form")
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"the archive lacks files of 20 .*data_batch_1\.bin"):
        cifar10(path)


def test_a_changed_folder_is_noticed(official, tmp_path):
    folder = unpacked(official(), tmp_path / "form")
    records = batches()["data_batch_2.bin"]
    records[3, 0] = 4  # as many as before have the other labels
    (folder / "data_batch_2.bin").write_bytes(records.tobytes())
    with pytest.raises(
        ValueError, match="was changed: a class has 9 to 11 images, but in CIFAR-10"
    ):
        cifar10(folder)
    missing = r"the folder lacks files of 20 .*: data_batch_2.bin$"
    (folder / "data_batch_2.bin").write_bytes(records[1:].tobytes())
    with pytest.raises(ValueError, match=missing):
        cifar10(folder)
    (folder / "data_batch_2.bin").unlink()
    with pytest.raises(ValueError, match=missing):
        cifar10(folder)
