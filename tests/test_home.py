"""A path that begins with a tilde leads home, wherever one is taken."""

import pytest
import small_cifar10
import small_paper
from small_paper import SMALL, small_net

from helpers import datasets
from helpers.exercises import checks
from helpers.studies import paper, sweeps
from helpers.studies.cifar10 import cifar10

official, data = small_cifar10.official, small_paper.data


@pytest.fixture
def home(at_home, tmp_path_factory, monkeypatch):
    """A home of its own, and another folder to work in."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    yield at_home
    assert not any(elsewhere.iterdir())


def plainly(x):
    return x


WRITERS = {
    "answers": lambda path, data: checks.report(path),
    "a store": lambda path, data: sweeps.run(plainly, {"x": [1]}, store=path, progress=False),
    "a checkpoint": lambda path, data: list(
        paper.train(small_net(), data, iterations=2, checkpoint=path, **SMALL)
    ),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_written_lies_at_home_and_is_found_again(home, data, write):
    for _ in range(2):
        write("~/kept", data)
    assert (home / "kept").is_file()


def test_answers_are_kept_at_home(home, monkeypatch):
    monkeypatch.setattr(checks.keeping, "path", None)
    assert str(home / "kept") in checks.keep("~/kept")


def test_what_is_read_is_found_at_home(home, official):
    (home / "digits.npz").write_bytes((datasets.DATA / "digits.npz").read_bytes())
    assert len(datasets.digits("~/digits.npz").x_train) == 1437
    archive = official()
    archive.rename(home / archive.name)
    assert len(cifar10(f"~/{archive.name}", images=30)[0]) == 30
