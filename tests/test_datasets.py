"""The readers: right numbers, or one sentence that says what to do."""

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from helpers import datasets


def test_digits_are_what_the_readme_says():
    digits = datasets.digits()
    assert digits.x_train.shape == (1437, 8, 8)
    assert digits.x_test.shape == (360, 8, 8)
    for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test)):
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert x.min() == 0
        assert x.max() == 1
        assert set(y.tolist()) == set(range(10))
        assert min(Counter(y.tolist()).values()) > len(y) / 15  # no class is rare, in either part
    assert datasets.DIGITS_SHA256 in (datasets.DATA / "README.md").read_text(encoding="utf-8")


def test_digits_look_like_their_labels():
    """The mean image of each class is nearest to test images of that class far more often than
    chance.
    """
    digits = datasets.digits()
    means = np.stack([digits.x_train[digits.y_train == label].mean(axis=0) for label in range(10)])
    distances = ((digits.x_test[:, None] - means) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == digits.y_test).mean() > 0.85


def test_no_test_image_is_a_training_image():
    digits = datasets.digits()
    seen = {image.tobytes() for image in digits.x_train}
    assert not any(image.tobytes() in seen for image in digits.x_test)


def test_standardise_uses_the_training_images_alone():
    digits = datasets.digits()
    result = datasets.standardise(digits)
    assert abs(result.x_train.mean()) < 1e-5
    assert result.x_train.std() == pytest.approx(1, abs=1e-5)
    mean, deviation = digits.x_train.mean(), digits.x_train.std()
    assert np.allclose(result.x_train, (digits.x_train - mean) / deviation)
    assert np.allclose(result.x_test, (digits.x_test - mean) / deviation)
    assert result.y_train is digits.y_train  # each image keeps its label
    assert result.y_test is digits.y_test
    assert result.x_train.dtype == np.float32


ONES, NOISE = np.ones((200, 64), np.float32), np.random.default_rng(0).random((200, 64))
FLAT = {
    "ones": (ONES, "all training pixels are equal"),
    "0.1, which no mean of float32 meets": (ONES / 10, "all training pixels are equal"),
    "0.1 in float64": (ONES.astype(float) * 0.1, "all training pixels are equal"),
    "none": (ONES[:0], r"x_train has shape \(0, 64\): it has no pixels"),
    "too large": (np.float32(NOISE) * np.float32(1e30), "in float32, is inf: .* too large"),
    "too small": (np.float32(NOISE) * np.float32(1e-30), "in float32, is 0.0: .* too small"),
    "no number": (np.where(NOISE > 0.5, NOISE, np.nan), "is nan: some are no numbers"),
}


@pytest.mark.parametrize(("pixels", "sentence"), FLAT.values(), ids=FLAT)
def test_pixels_without_a_standard_deviation_are_refused(pixels, sentence):
    with pytest.raises(ValueError, match=sentence):
        datasets.standardise(datasets.digits()._replace(x_train=pixels, x_test=pixels))


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"digits.npz is missing; restore it with 'git checkout -- data'"
    ):
        datasets.digits(tmp_path / "digits.npz")


HARMS = [lambda b: b[:1000], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b * 2]


@pytest.mark.parametrize("harm", HARMS)
def test_harmed_file_is_refused(tmp_path, harm):
    path = tmp_path / "digits.npz"
    path.write_bytes(harm((datasets.DATA / "digits.npz").read_bytes()))
    with pytest.raises(ValueError, match=r"is damaged or was changed: .* bytes with SHA-256"):
        datasets.digits(path)


def test_pickles_are_never_read(tmp_path, monkeypatch):
    """Even a file with the right checksum is not unpickled."""
    path = tmp_path / "digits.npz"
    np.savez(path, images=np.array([{"a": 1}], dtype=object), labels=np.array([1]))
    monkeypatch.setattr(datasets, "DIGITS_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle"):
        datasets.digits(path)


def test_importing_the_readers_loads_nothing_that_fetches():
    fetchers = "{'pooch', 'requests', 'tqdm'}"
    code = f"import sys, helpers.datasets; print(*sorted({fetchers} & set(sys.modules)))"
    root = datasets.DATA.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


COLUMNS = [
    "source",
    "arxiv",
    "place",
    "data",
    "net",
    "layers",
    "variant",
    "measure",
    "unit",
    "value",
]


def test_every_published_figure_is_complete():
    rows = datasets.published()
    for row in rows:
        assert list(row) == COLUMNS
        assert all(row[column] for column in set(COLUMNS) - {"layers", "variant"})
        assert row["layers"] is None or row["layers"] > 0
        assert row["data"] in ("CIFAR-10", "ImageNet")
        assert isinstance(row["value"], float)
        assert row["unit"] != "%" or 0 < row["value"] < 100
    assert {row["arxiv"] for row in rows} == {
        "1512.03385",
        "1603.05027",
        "1712.09913",
        "1706.02677",
    }
    keys = [tuple(row[column] for column in COLUMNS[:-1]) for row in rows]
    assert len(set(keys)) == len(keys)  # no figure has two values


def values(**where):
    return [row["value"] for row in datasets.published(**where)]


def test_published_figures_are_those_of_the_papers():
    first = {"source": "He et al. 2015", "place": "table 6"}
    errors = datasets.published(**first, measure="test error")
    table = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
    assert {row["layers"]: row["value"] for row in errors} == table
    assert values(**first, measure="parameters") == [0.27, 0.46, 0.66, 0.85, 1.7, 19.4]
    assert values(place="table 2", data="ImageNet", net="plain") == [27.94, 28.54]
    assert values(place="table 2", data="ImageNet", net="ResNet") == [27.88, 25.03]
    assert values(place="table 3", measure="top-1 error, 10-crop") == [28.54, 25.03, 24.52, 24.19]
    assert values(place="table 3", measure="top-5 error, 10-crop") == [10.02, 7.76, 7.46, 7.40]
    assert values(arxiv="1603.05027", layers=110, variant="ReLU before addition") == [7.84]
    assert values(arxiv="1603.05027", layers=164, variant="full pre-activation") == [5.46]
    assert values(source="Li et al. 2018", net="plain") == [8.18, 13.31, 16.44]
    assert values(source="Li et al. 2018", net="ResNet") == [7.37, 5.89, 5.79]


def test_a_typo_in_a_filter_is_not_an_empty_table():
    with pytest.raises(
        ValueError, match="no column is named depth; use source, arxiv, place, data, net, layers,"
    ):
        datasets.published(depth=34)
    with pytest.raises(
        ValueError, match=r"no published figure has net = 'Plain', layers = 34; data/published.csv"
    ):
        datasets.published(net="Plain", layers=34)
    with pytest.raises(ValueError, match="no published figure has layers = '34'"):
        datasets.published(layers="34")
