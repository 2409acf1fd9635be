"""The study of depth: a small one is run, run again from its store, and read."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.studies import depths

SMALL = depths.grid(layers=(8, 14), seeds=(0, 1), rates=(0.01, 0.05), width=2, epochs=1, batch=480)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    home = tmp_path_factory.mktemp("study")
    table = depths.run(
        SMALL,
        target=home / "results" / "table.json",
        store=home / "build" / "study.jsonl",
        workers=0,
    )
    return home, table


def test_every_net_is_in_the_table_once(small):
    home, table = small
    keys = [
        (row["layers"], row["skip"], row["learning_rate"], row["seed"]) for row in table["rows"]
    ]
    assert keys == sorted(
        (n, skip, rate, seed)
        for n in (8, 14)
        for skip in depths.ARMS
        for rate in (0.01, 0.05)
        for seed in (0, 1)
    )
    assert depths.stored(home / "results" / "table.json") == table
    assert all(
        0 <= row[of] <= 1 for row in table["rows"] for of in ("training error", "test error")
    )
    assert table["setting"] == {"width": 2, "epochs": 1, "batch": 480}


def test_a_table_says_where_when_and_by_which_code_it_was_made(small):
    made = small[1]["made"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", made["date"])
    assert all(made[name] for name in ("processor", "cores", "python", "torch", "numpy"))
    assert made["commit"] is None or re.fullmatch(r"[0-9a-f]{40}( and changes)?", made["commit"])


def test_the_benchmarks_note_the_same_facts_of_the_machine(monkeypatch):
    """And at least those that the stored results have."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "benchmarks")
    import machine

    facts = machine.facts("matplotlib", "ipywidgets")
    assert facts.items() >= depths.circumstances().items()
    for name, more in (("training", set()), ("panels", {"jupyterlab", "ipykernel"})):
        stored = json.loads((machine.RESULTS / f"{name}.json").read_text(encoding="utf-8"))[
            "machine"
        ]
        assert stored.keys() - more <= facts.keys()


def test_what_is_finished_is_not_run_again(small, monkeypatch):
    home, table = small
    monkeypatch.setattr("helpers.training.train_many", None)  # any training would fail
    again = depths.run(
        SMALL, target=home / "again.json", store=home / "build" / "study.jsonl", workers=0
    )
    assert again["rows"] == table["rows"]


def test_a_failed_run_stops_the_study_before_a_table_is_written(tmp_path):
    with pytest.raises(RuntimeError, match=r"1 of 2 runs failed; the first: .*layers = 9"):
        depths.run(
            [SMALL[-1], SMALL[-1] | {"layers": 9}], target=tmp_path / "table.json", workers=0
        )
    assert not (tmp_path / "table.json").exists()


def test_an_interrupt_comes_through_and_keeps_what_is_finished(tmp_path, monkeypatch):
    """The command answers it with a sentence; a table is not written."""
    finished = []

    def train_arm(**arguments):
        if finished:
            raise KeyboardInterrupt
        finished.append(arguments)
        return []

    monkeypatch.setattr(depths, "train_arm", train_arm)
    monkeypatch.setattr("helpers.studies.sweeps.code_version", lambda fn: "1")
    with pytest.raises(KeyboardInterrupt):
        depths.run(SMALL, target=tmp_path / "table.json", store=tmp_path / "study.jsonl", workers=0)
    assert not (tmp_path / "table.json").exists()
    assert len((tmp_path / "study.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_the_same_net_alone_gives_the_same_numbers(small):
    rows = [
        row
        for row in small[1]["rows"]
        if (row["layers"], row["skip"], row["learning_rate"]) == (8, "inside", 0.05)
    ]
    alone = depths.train_arm(8, "inside", 0.05, seeds=[1], width=2, epochs=1, batch=480)[0]
    assert alone["training loss"] == pytest.approx(rows[1]["training loss"], rel=1e-3)


def row(layers, skip, rate, seed, loss, error, diverged=False):
    names = (
        "layers",
        "skip",
        "learning_rate",
        "seed",
        "diverged",
        "training loss",
        "training error",
    )
    return dict(zip(names, (layers, skip, rate, seed, diverged, loss, error), strict=True))


def test_errors_are_those_at_the_rate_with_the_lowest_median_loss():
    rows = [
        row(20, skip, 0.01, seed, loss, 0.5)
        for skip in depths.ARMS
        for seed, loss in enumerate((0.1, 1.0, 1.1))
    ]
    rows += [
        row(20, skip, 0.03, seed, loss, 0.2)
        for skip in depths.ARMS
        for seed, loss in enumerate((0.9, 0.9, 9.0))
    ]
    assert depths.errors({"rows": rows}) == {
        skip: pytest.approx(np.array([[0.2] * 3])) for skip in depths.ARMS
    }
    assert depths.best_rates({"rows": rows}) == {skip: [0.03] for skip in depths.ARMS}


def test_a_net_that_diverged_counts_as_infinitely_bad_and_is_not_drawn():
    rows = [
        row(20, "none", 0.1, seed, None, None, diverged=seed > 0) | {"training loss": 0.0}
        for seed in range(3)
    ]
    rows += [row(20, "none", 0.01, seed, 2.0, 0.8, diverged=seed == 2) for seed in range(3)]
    found = depths.errors({"rows": rows + [r | {"skip": "inside"} for r in rows]})["none"]
    assert found[0][:2].tolist() == [0.8, 0.8]
    assert np.isnan(found[0][2])


def test_the_whole_grid_is_that_of_the_paper():
    runs = depths.grid()
    assert {run["layers"] for run in runs} == {20, 32, 44, 56, 110}
    assert {run["skip"] for run in runs} == {"none", "inside"}
    assert all(run["seeds"] == [0, 1, 2, 3, 4] for run in runs)
    assert runs[0]["layers"] == 110
    assert len(runs) == 5 * 2 * 5
    assert len({json.dumps(run) for run in runs}) == len(runs)


def test_the_stored_table_is_complete_and_of_the_usual_setting():
    table = depths.stored()
    keys = {
        (row["layers"], row["skip"], row["learning_rate"], row["seed"]) for row in table["rows"]
    }
    assert len(keys) == len(table["rows"]) == 250
    assert keys == {
        (run["layers"], run["skip"], run["learning_rate"], seed)
        for run in depths.grid()
        for seed in range(5)
    }
    assert table["setting"] == depths.SETTING
    assert re.fullmatch(r"[0-9a-f]{40}", table["made"]["commit"])
