"""What the README says of measured figures is what the stored results say."""

import importlib
import json
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
README = " ".join((TESTS.parent / "README.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", ["panels", "training"])
def test_the_readme_quotes_the_results(name, monkeypatch):
    monkeypatch.syspath_prepend(str(TESTS / "benchmarks"))
    sentences = importlib.import_module(name).sentences(results(name))
    assert " ".join(sentences.split()) in README


def results(name):
    return json.loads(
        (TESTS / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8")
    )


def test_every_panel_was_moved_often_enough():
    report = results("panels")
    assert all(
        row[way]["moves"] >= 30 for row in report["panels"] for way in ("ours", "interact", "floor")
    )
    assert all(report[drag]["moves"] >= 10_000 for drag in ("long_drag", "long_drag_of_the_floor"))


def test_no_kernel_needs_more_memory_than_it_may():
    notebooks = results("memory")["notebooks"]
    assert set(notebooks) == {path.stem for path in (TESTS.parent / "notebooks").glob("*.ipynb")}
    assert all(
        row["MB"] < row["limit"] == (600 if row["torch"] else 150) for row in notebooks.values()
    )
