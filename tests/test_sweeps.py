"""The front of the sweeps: grids, rows, interrupts, progress, and what a notebook sees."""

import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import runs
from runs import ENVIRONMENT, ROOT, Sulking, cube, lines, marks, square, stored

from helpers.studies import sweeps

folder, store, script = runs.folder, runs.store, runs.script


def test_all_combinations_in_the_order_of_the_grid():
    rows = sweeps.run(lambda a, b: f"{a}{b}", {"a": [1, 2], "b": ["x", "y"]})
    assert [row.result for row in rows] == ["1x", "1y", "2x", "2y"]
    assert rows[2].arguments == {"a": 2, "b": "x"}
    assert {row.error for row in rows} == {None}


def test_a_grid_may_be_any_dicts_and_any_values():
    some = sweeps.run(cube, ({"x": x} for x in np.arange(3)))
    others = sweeps.run(cube, {"x": range(3)})
    assert [row.result for row in some] == [0, 1, 8]
    assert [row._replace(seconds=0) for row in some] == [row._replace(seconds=0) for row in others]


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(1)])
def test_a_run_that_changes_its_arguments_changes_no_other(executor, store):
    def measure(widths, seed):
        widths.append(10)
        return len(widths)

    grid = {"widths": [[64, 64]], "seed": [0, 1]}
    rows = sweeps.run(measure, grid, executor, store, version="1")
    assert [row.result for row in rows] == [3, 3]
    assert rows[1].arguments == {"widths": [64, 64], "seed": 1}


@pytest.mark.parametrize("grid", [{}, [], {"x": []}])
def test_an_empty_grid_has_no_rows(grid, store):
    assert sweeps.run(square, grid, store=store) == []
    assert not store.exists()


def test_rows_in_the_order_of_the_grid_however_they_finish():
    grid = [{"x": x, "seconds": 0.3 - 0.1 * x} for x in range(3)]
    with ThreadPoolExecutor(3) as executor:
        assert [row.result["square"] for row in sweeps.run(square, grid, executor)] == [0, 1, 4]
        assert [row.result["square"] for row in sweeps.iterate(square, grid, executor)] == [4, 1, 0]


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)])
def test_equal_entries_run_once(folder, executor):
    grid = [
        {"x": 1, "folder": folder},
        {"folder": folder, "x": 1},
        {"x": 2, "folder": folder},
        {"x": np.int64(1), "folder": folder},
    ]
    rows = sweeps.run(square, grid, executor)
    assert [row.result["square"] for row in rows] == [1, 1, 4, 1]
    assert marks(folder) == {1: 1, 2: 1}
    assert len(list(sweeps.iterate(square, grid, executor))) == 2


def test_a_function_may_change_its_arguments():
    def emptied(numbers):
        numbers.clear()
        return "done"

    assert [row.result for row in sweeps.run(emptied, {"numbers": [[1], [2]]})] == ["done", "done"]


def test_results_come_as_they_are_ready(folder):
    rows = sweeps.iterate(square, {"x": [1, 2, 3], "folder": [folder]})
    assert marks(folder) == {}
    assert next(rows).result == {"square": 1}
    assert marks(folder) == {1: 1}


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)])
def test_a_run_that_raises_fails_alone(executor):
    def reciprocal(x):
        return 1 / x if x < 3 else Sulking("no", "never") if x == 3 else [][x]

    rows = sweeps.run(reciprocal, {"x": [1, 0, 2, 3, 4]}, executor)
    assert [row.result for row in rows] == [1.0, None, 0.5, None, None]
    assert rows[1].error == "ZeroDivisionError: division by zero"
    assert rows[3].error.startswith("TypeError: Sulking(")
    assert rows[4].error == "IndexError: list index out of range"
    assert rows[1].seconds < 1


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            {"x": "abc"},
            r"the grid has x = 'abc', but it must be a list of values, such as \['abc'\]",
        ),
        ({"x": 20}, r"the grid has x = 20, but it must be a list"),
        ([1, 2], "or a list of {name: value}"),
        (None, "or a list of {name: value}"),
        ({"y": [1]}, "fn cannot be called with the grid's y: missing a required argument: 'x'"),
        ({"x": [1], "z": [1]}, "fn cannot be called with the grid's x, z: .*argument"),
        ({"x": [Path]}, "Path'> is of type type; use numbers, text"),
        ([{1: 2}], r"\{1: 2\} is a dict with keys that are not text"),
    ],
)
def test_what_is_no_grid_is_said_at_once(grid, message):
    with pytest.raises(TypeError, match=message):
        sweeps.iterate(square, grid)


@pytest.mark.parametrize("fn", [None, "square", 3])
def test_what_is_no_function_is_said_at_once(fn):
    with pytest.raises(TypeError, match=f"fn = {fn!r}, but it must be a function of the names in"):
        sweeps.iterate(fn, {"x": [1]})


def test_what_is_no_executor_is_said_at_once():
    with pytest.raises(
        TypeError, match=r"4 is not a concurrent.futures.Executor; a Dask client has get_executor"
    ):
        sweeps.iterate(square, {"x": [1]}, 4)


def test_a_tensor_is_a_list_of_numbers():
    import torch

    (row,) = sweeps.run(lambda x: torch.full((2,), x, requires_grad=True), {"x": [0.5]})
    assert row.result == [0.5, 0.5]


@pytest.mark.parametrize("result", [object(), {1, 2}, {20: 0.5}, {"path": [Path()]}, 1j])
def test_a_result_that_json_cannot_hold_fails_its_run(result):
    bad, good = sweeps.run(lambda x: result if x else x, {"x": [1, 0]})
    assert re.match(
        "TypeError: .* is (of type|a dict with keys that are not text).*; use numbers, text, None",
        bad.error,
    )
    assert good.result == 0


# --- interrupts ---


def test_what_a_function_returns_after_an_interrupt_is_not_finished(store):
    """helpers/training.py keeps what was reached when it is interrupted; that must not be stored as
    the result.
    """

    def patient(x):
        try:
            if x == 2:
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return "half"
        return "all"

    before = signal.getsignal(signal.SIGINT)
    rows = sweeps.run(patient, {"x": [1, 2, 3]}, store=store, version="1")
    assert [row.result for row in rows] == ["all", None, None]
    assert rows[1].error == rows[2].error == "stopped before it was finished"
    assert stored(store) == [1]
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        list(sweeps.iterate(patient, {"x": [2]}))


def test_an_interrupt_that_becomes_an_error_ends_the_sweep_too():
    def impatient(x):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("a library wraps it") from None

    assert [row.error for row in sweeps.run(impatient, {"x": [1, 2]})] == [
        "stopped before it was finished"
    ] * 2


@pytest.mark.slow
def test_the_example_of_the_readme(tmp_path):
    readme = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
        if "sweeps.run" in block
    ]
    code = code.replace(
        "sweeps.Processes()", "sweeps.Processes(1)"
    )  # each takes seconds to load torch
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-W", "error", "example.py"]
    printed = subprocess.check_output(
        command, cwd=tmp_path, env=ENVIRONMENT, text=True
    ).splitlines()
    entries = lines(tmp_path / "runs.jsonl")
    assert len(printed) == len(entries) == 4
    for entry in entries:
        (line,) = [
            line for line in printed if line.endswith(f"{entry['result']} {entry['seconds']}")
        ]
        assert (
            f"'layers': {entry['arguments']['layers']}, 'skip': '{entry['arguments']['skip']}'"
            in line
        )


def test_only_a_cluster_needs_dask():
    code = (
        "import sys; from helpers.studies import sweeps; "
        "print({'dask', 'torch', 'ipywidgets', 'numpy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, env=ENVIRONMENT, text=True) == "set()\n"
