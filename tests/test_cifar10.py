"""CIFAR-10: read as it is, refused with a sentence, fetched once and only when asked."""

import functools
import http.server
import os
import threading

import numpy as np
import pooch
import pytest
import requests
import small_cifar10
from small_cifar10 import BYTES, RECORDS, batches

from helpers import datasets
from helpers.studies import cifar10 as module
from helpers.studies.cifar10 import cifar10

official = small_cifar10.official


def test_cifar10_is_read_in_order(official):
    images = cifar10(official())
    assert images.x_train.shape == (5 * RECORDS, 3, 32, 32)
    assert images.x_test.shape == (RECORDS, 3, 32, 32)
    assert images.x_train.dtype == images.x_test.dtype == np.float32
    assert images.y_train.dtype == images.y_test.dtype == np.int64
    records = np.concatenate(list(batches().values()))
    assert (np.concatenate([images.y_train, images.y_test]) == records[:, 0]).all()
    pixels = np.concatenate([images.x_train, images.x_test]).reshape(len(records), 3072)
    assert np.allclose(pixels, records[:, 1:] / 255)
    assert images.x_train.max() == 1


def test_cifar10_has_planes_of_red_green_and_blue_in_rows(official):
    record = np.zeros((RECORDS, 3073), dtype=np.uint8)
    record[:, 1 + 5] = 255  # red: row 0, column 5
    record[:, 1 + 1024 + 32] = 255  # green: row 1, column 0
    record[:, 1 + 2048 + 31 * 32 + 31] = 255  # blue: row 31, column 31
    images = cifar10(official({"data_batch_1.bin": record.tobytes()}))
    assert list(zip(*np.nonzero(images.x_train[0]), strict=True)) == [
        (0, 0, 5),
        (1, 1, 0),
        (2, 31, 31),
    ]


@pytest.mark.parametrize(("images", "test"), [(1, 1), (4, 1), (11, 2), (20, 4), (21, 4), (100, 20)])
def test_cifar10_keeps_only_the_first_images(official, images, test):
    path = official()
    everything, some = cifar10(path), cifar10(path, images=images)
    for whole, part, count in zip(everything, some, (images, images, test, test), strict=True):
        assert len(part) == count
        assert (part == whole[:count]).all()


@pytest.mark.parametrize("images", [0, -1, 101, 2.5, 5.0, True, "all"])
def test_cifar10_refuses_a_wrong_count(official, images):
    with pytest.raises(
        ValueError, match="but it must be a whole number from 1 to 100, or None for all"
    ):
        cifar10(official(), images=images)


def test_a_changed_archive_is_refused(official):
    path = official()
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(
        ValueError, match=r"is damaged or was changed: .* fetch it with cifar10\(download=True\)"
    ):
        cifar10(path)


WRONG = {
    "a file is too short": {"data_batch_3.bin": bytes(BYTES - 1)},
    "a file has a record too few": {"data_batch_3.bin": bytes(BYTES - 3073)},
    "a file is too long": {"data_batch_3.bin": bytes(BYTES + 3073)},
    "a file is empty": {"data_batch_3.bin": b""},
    "a file is a link": {"data_batch_3.bin": "data_batch_1.bin"},
    "a file is elsewhere": {"data_batch_3.bin": b"", "../data_batch_3.bin": bytes(BYTES)},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_cifar10_needs_six_whole_files(official, change):
    """Even in an archive with the right checksum."""
    with pytest.raises(
        ValueError, match=r"the archive lacks files of 20 records of 3073 bytes: data_batch_3.bin$"
    ):
        cifar10(official(change))


def test_nothing_of_the_archive_is_written(official, tmp_path):
    outside = {
        "../outside.bin": b"1",
        f"{tmp_path}/absolute.bin": b"1",
        "../test_batch.bin": bytes(BYTES),
    }
    path = official(outside)
    before = sorted(tmp_path.parent.rglob("*"))
    images = cifar10(path)
    assert images.x_test.any()  # the right test_batch.bin, not the one outside
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_cifar10_is_never_fetched_unasked(official, tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "retrieve", lambda *a, **k: pytest.fail("fetched"))
    path = official()
    sentence = (
        r"why-resnets-work.cifar-10-binary.tar.gz is missing; fetch it .*170 MB.*"
        r"digits\(\) are the default"
    )
    with pytest.raises(FileNotFoundError, match=sentence):
        cifar10()
    with pytest.raises(FileNotFoundError, match=r"elsewhere.tar.gz is missing; fetch it with"):
        cifar10(tmp_path / "elsewhere.tar.gz")
    (tmp_path / "cache" / "why-resnets-work").mkdir(parents=True)
    path.rename(tmp_path / "cache" / "why-resnets-work" / path.name)
    assert len(cifar10().y_train) == 5 * RECORDS


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def without_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_without_a_network_a_sentence_says_so(official, tmp_path, monkeypatch):
    official()
    without_proxies(monkeypatch)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a port where nobody listens
    with pytest.raises(
        OSError, match=r"could not be fetched into .* \(ProxyError\): check network and disk; then"
    ):
        cifar10(download=True)
    assert files(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "failure", [requests.ConnectionError, requests.Timeout, requests.HTTPError, PermissionError]
)
def test_every_failed_fetch_is_a_sentence(official, monkeypatch, failure):
    def fail(*arguments, **options):
        raise failure("a long story")

    official()
    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(
        OSError, match=rf"could not be fetched into .* \({failure.__name__}\)"
    ) as caught:
        cifar10(download=True)
    assert "a long story" not in str(caught.value)
    assert isinstance(caught.value.__cause__, failure)


@pytest.fixture
def host(official, tmp_path, monkeypatch):
    """Serve the archive from this machine."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    path = official()
    without_proxies(monkeypatch)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=tmp_path)
    )
    monkeypatch.setattr(module, "URL", f"http://127.0.0.1:{server.server_port}/{path.name}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield path
    server.shutdown()
    thread.join()
    server.server_close()


def test_cifar10_is_fetched_once_and_shows_how_far_it_is(host, tmp_path, capsys):
    fetched = cifar10(download=True)
    assert "100%" in capsys.readouterr().err
    host.unlink()  # from now on there is nothing to fetch
    assert [path.name for path in files(tmp_path / "cache")] == [host.name]
    for again in (cifar10(download=True), cifar10()):
        assert all((a == b).all() for a, b in zip(fetched, again, strict=True))


def test_a_wrong_archive_is_not_kept(host, tmp_path):
    host.write_bytes(b"moved")
    with pytest.raises(ValueError, match="did not send the official archive; try again later"):
        cifar10(download=True)
    assert files(tmp_path / "cache") == []


def test_a_fetch_that_is_interrupted_leaves_no_half_file(host, tmp_path, monkeypatch):
    def interrupted(response, chunk_size):
        yield response.raw.read(10)
        assert len(files(tmp_path / "cache")) == 1
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(requests.Response, "iter_content", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cifar10(download=True)
    assert files(tmp_path / "cache") == []
    assert len(cifar10(download=True).y_train) == 5 * RECORDS


def test_the_official_archive_is_the_one_in_the_readme():
    readme = (datasets.DATA / "README.md").read_text(encoding="utf-8")
    assert module.SHA256 in readme
    assert module.URL in readme
    assert module.RECORDS == 10_000


# Published figures
