"""Sweeps that are really killed, interrupted and run on real workers: nothing is lost, and nothing
runs twice.
"""

import json
import math
import multiprocessing
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from helpers.studies import (
    sweeps,  # nothing heavy here and above: worker processes import this file
)

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
    "PYTHONDONTWRITEBYTECODE": "1",
}
ENVIRONMENT["OMP_NUM_THREADS"] = "2"  # which a worker must not take over


def spawned(workers=2):
    """What a user would take for the cores at hand, without the warning about forks of some Python
    versions.
    """
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def mark(folder, x):
    with open(f"{folder}/{x}", "a") as file:
        file.write(f"{os.getpid()}\n")


def marks(folder):
    """How often each run was started."""
    return {int(path.name): len(path.read_text().split()) for path in Path(folder).iterdir()}


def square(x, folder=None, seconds=0.0):
    if folder:
        mark(folder, x)
    time.sleep(seconds)
    return {"square": x * x}


def cube(x):
    return x**3


class Sulking(Exception):
    """Cannot be unpickled, which would break a ProcessPoolExecutor."""

    def __init__(self, reason, mood):
        super().__init__(f"{reason},\n\nand {mood}")


def hazard(x, folder):
    """Some runs end in ways that runs should not."""
    mark(folder, x)
    time.sleep(0.2)
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 4:
        os._exit(7)
    if x == 5:
        raise Sulking("no", "never")
    if x == 6:
        sys.exit("I leave")
    return x


def lines(store):
    return [json.loads(line) for line in Path(store).read_text(encoding="utf-8").splitlines()]


def stored(store):
    """The argument x of each line; a broken line is an error."""
    return [entry["arguments"]["x"] for entry in lines(store)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "marks").mkdir()
    return str(tmp_path / "marks")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.jsonl"


@pytest.fixture
def script(tmp_path):
    """Start a script of these lines; {store} and {marks} stand for the test's own."""

    def start(code, **options):
        path = tmp_path / "script.py"
        path.write_text(
            code.format(store=tmp_path / "runs.jsonl", marks=tmp_path / "marks"), encoding="utf-8"
        )
        started.append(
            subprocess.Popen(
                [sys.executable, "-W", "error", path], env=ENVIRONMENT, text=True, **options
            )
        )
        return started[-1]

    started = []
    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdout, process.stderr)):
            pipe.close()


def until(condition, *arguments, seconds=20):
    """Wait until the condition is true."""
    end = time.monotonic() + seconds
    while not condition(*arguments):
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.01)


# --- the grid and its rows ---


def test_all_combinations_in_the_order_of_the_grid():
    rows = sweeps.run(lambda a, b: f"{a}{b}", {"a": [1, 2], "b": ["x", "y"]})
    assert [row.result for row in rows] == ["1x", "1y", "2x", "2y"]
    assert rows[2].arguments == {"a": 2, "b": "x"}
    assert {row.error for row in rows} == {None}


def test_a_grid_may_be_any_dicts_and_any_values():
    rows = sweeps.run(cube, ({"x": x} for x in np.arange(3)))
    assert [row.result for row in rows] == [0, 1, 8]
    assert sweeps.run(cube, {"x": range(3)}) == [row._replace(seconds=0.0) for row in rows]


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
        ({"x": [Path]}, "Path'> is of type type; use numbers, text"),
        ([{1: 2}], r"\{1: 2\} is a dict with keys that are not text"),
    ],
)
def test_what_is_no_grid_is_said_at_once(grid, message):
    with pytest.raises(TypeError, match=message):
        sweeps.iterate(square, grid)


def test_what_is_no_executor_is_said_at_once():
    with pytest.raises(
        TypeError, match=r"4 is no concurrent.futures.Executor; a Dask client has get_executor"
    ):
        sweeps.iterate(square, {"x": [1]}, 4)


@pytest.mark.parametrize(
    ("result", "plain"),
    [
        ((1, 2.5, None, True), [1, 2.5, None, True]),
        ({"loss": np.float32(0.5), "count": np.int64(3)}, {"loss": 0.5, "count": 3}),
        (np.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
        (
            {"loss": [math.inf, -math.inf], "text": "NaN"},
            {"loss": [math.inf, -math.inf], "text": "NaN"},
        ),
        (None, None),
    ],
)
def test_results_are_the_same_fresh_and_stored(store, result, plain):
    grid = {"x": [1, math.inf], "y": [(1, 2)]}
    fresh = sweeps.run(lambda x, y: result, grid, store=store, version="1")
    assert [row.result for row in fresh] == [plain, plain]
    assert sweeps.run(lambda x, y: 1 / 0, grid, store=store, version="1") == fresh
    assert all(type(row.arguments["y"]) is tuple for row in fresh)


def test_a_loss_that_is_not_a_number_is_stored_as_standard_json(store):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    for _ in range(2):
        (row,) = sweeps.run(
            lambda x: {"loss": [1.0, math.nan]}, [{"x": math.nan}], store=store, version="1"
        )
        assert math.isnan(row.result["loss"][1])
    (entry,) = [json.loads(line, parse_constant=refuse) for line in store.read_text().splitlines()]
    assert entry["result"] == {"loss": [1.0, {"float": "nan"}]}
    assert entry["arguments"] == {"x": {"float": "nan"}}


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


# --- the store ---


def test_finished_runs_are_skipped_and_failed_ones_tried_again(folder, store):
    (store.parent / "broken").touch()

    def fragile(x):
        mark(folder, x)
        if x == 2 and (store.parent / "broken").exists():
            raise OSError("not today")
        return x

    run = partial(sweeps.run, fragile, store=store, version="1")
    assert [row.error for row in run({"x": [1, 2]})] == [None, "OSError: not today"]
    (store.parent / "broken").unlink()
    assert [row.result for row in run({"x": [3, 2, 1]})] == [3, 2, 1]
    assert marks(folder) == {1: 1, 2: 2, 3: 1}
    assert stored(store) == [1, 3, 2]
    assert [
        row.result for row in sweeps.iterate(fragile, {"x": [4, 1]}, store=store, version="1")
    ] == [1, 4]


def test_a_line_says_what_was_run(store):
    sweeps.run(cube, {"x": [2]}, store=store)
    (entry,) = lines(store)
    assert entry.pop("seconds") < 1
    assert re.fullmatch("[0-9a-f]{12}", entry.pop("version"))
    assert entry == {"function": "cube", "arguments": {"x": 2}, "result": 8}


def test_functions_and_versions_are_kept_apart(store):
    grid = {"x": [2]}
    assert sweeps.run(cube, grid, store=store)[0].result == 8
    assert sweeps.run(square, grid, store=store)[0].result == {"square": 4}
    assert sweeps.run(cube, grid, store=store)[0].result == 8
    sweeps.run(cube, grid, store=store, version=1)
    sweeps.run(cube, grid, store=store, version="1")
    assert [entry["function"] for entry in lines(store)] == ["cube", "square", "cube"]


def test_a_change_of_the_module_or_of_a_helper_is_a_new_version(tmp_path, monkeypatch, store):
    def edit(path, line):
        path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")

    shutil.copytree(ROOT / "helpers", tmp_path / "helpers")
    (tmp_path / "experiment.py").write_text(
        "def double(x):\n    return FACTOR * x\n\n\nFACTOR = 2\n", encoding="utf-8"
    )
    monkeypatch.setattr(sweeps, "__file__", str(tmp_path / "helpers" / "sweeps.py"))
    monkeypatch.syspath_prepend(tmp_path)
    from experiment import double

    edits = [None, None, "experiment.py", None, "helpers/nets.py", "helpers/lockstep/stack.py"]
    edits += [
        "helpers/exercises/n01.py",
        "helpers/quizzes/n01.py",
        "helpers/quizzes/quiz.js",
    ]  # which compute no results
    for count, edited in zip([1, 1, 2, 2, 3, 4, 4, 4, 4], edits, strict=True):
        if edited:
            edit(tmp_path / edited, "# another thought\n")
        sweeps.run(double, {"x": [1]}, store=store)
        assert len(lines(store)) == count


def adder(y):
    return lambda x: x + y


@pytest.mark.parametrize("fn", [partial(square, seconds=0.0), [].append, adder(1)])
def test_code_that_the_store_cannot_know_needs_a_version(fn, store):
    with pytest.raises(
        ValueError, match="carries along beside its source is not known to the store: say version="
    ):
        sweeps.iterate(fn, {"x": [1]}, store=store)
    sweeps.iterate(fn, {"x": [1]}, store=store, version="1")
    sweeps.iterate(fn, {"x": [1]})


def test_a_function_without_source_needs_a_version(store):
    scope = {}
    exec("def typed(x):\n    return x\n", scope)
    with pytest.raises(
        ValueError, match=r"the source of <function typed .*> is not to be found: say version="
    ):
        sweeps.iterate(scope["typed"], {"x": [1]}, store=store)


def test_a_half_written_last_line_is_repaired_wherever_it_broke(folder, store):
    run = partial(
        sweeps.run,
        square,
        {"x": [1, 2, 3], "folder": [folder]},
        store=store,
        version="1",
        progress=False,
    )
    rows, whole = run(), store.read_bytes()
    last = whole.rindex(b'{"function"')
    for cut in range(last, len(whole)):
        store.write_bytes(whole[:cut])
        assert [row.result for row in run()] == [row.result for row in rows]
        assert stored(store) == [1, 2, 3]
        assert store.read_bytes().startswith(whole[:last])
    assert marks(folder) == {1: 1, 2: 1, 3: len(whole) - last}  # not when only the newline was gone


@pytest.mark.parametrize(
    "broken", [b'{"function": "squ', b"\x00\x00\x00", b"\xff\xfe", b"5", b"{}", b'{"x": [1]}']
)
def test_a_broken_line_in_the_middle_is_skipped_with_a_sentence(folder, store, broken):
    run = partial(sweeps.run, square, {"x": [1, 2, 3], "folder": [folder]}, store=store)
    run()
    first, _, third = store.read_bytes().splitlines(keepends=True)
    store.write_bytes(first + b"\n" + broken + b"\n" + third)
    with pytest.warns(
        UserWarning, match=r"line 3 of .*runs.jsonl is broken; if it was a run, it is done again"
    ):
        assert [row.result["square"] for row in run()] == [1, 4, 9]
    assert marks(folder) == {1: 1, 2: 2, 3: 1}


def test_a_store_that_cannot_be_written_is_noticed_before_the_first_run(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sweeps.run(
            square, {"x": [1], "folder": [folder]}, store=tmp_path / "nowhere" / "runs.jsonl"
        )
    assert marks(folder) == {}


def test_a_store_that_has_all_runs_is_only_read(store, monkeypatch):
    """A course folder may be read-only."""
    sweeps.run(square, {"x": [1, 2]}, store=store)
    monkeypatch.setattr(sweeps._Store, "add", None)
    assert len(sweeps.run(square, {"x": [2, 1]}, store=str(store))) == 2


FULL = """
import resource
from helpers.studies import sweeps
from test_sweeps import square

resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))
sweeps.run(square, {{"x": list(range(9)), "folder": ["{marks}"]}}, store="{store}")
"""


def test_a_full_disk_ends_the_sweep_and_loses_nothing(script, folder, store):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    _, said = script(FULL, stderr=subprocess.PIPE).communicate(timeout=30)
    assert "OSError: there is no room for a line of" in said
    assert not store.read_text().endswith("\n")
    before = marks(folder)
    assert 2 <= len(before) < 9
    sweeps.run(square, {"x": list(range(9)), "folder": [folder]}, store=store)
    assert stored(store) == list(range(9))
    assert Counter(marks(folder).values()) == {1: 8, 2: 1}


TOGETHER = """
import pathlib, time
from helpers.studies import sweeps
import test_sweeps

while not pathlib.Path("{marks}").exists():
    time.sleep(0.001)
rows = sweeps.run(test_sweeps.long_line, {{"x": list(range(60))}}, store="{store}", version="1")
assert [len(row.result) for row in rows] == [60_000] * 60
"""


def long_line(x):
    return str(x % 10) * 60_000


def test_two_sweeps_on_one_store_at_once(script, store, tmp_path):
    both = [script(TOGETHER) for _ in range(2)]
    time.sleep(1)
    (tmp_path / "marks").mkdir()
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert sorted(stored(store)) == list(range(60))


# --- kill -9, and interrupts ---

KILLED = """
from helpers.studies import sweeps
from test_sweeps import spawned, square

if __name__ == "__main__":
    grid = {{"x": list(range(18)), "folder": ["{marks}"], "seconds": [0.06]}}
    print([row.result["square"] for row in sweeps.run(square, grid, EXECUTOR, "{store}")])
"""


def gone(*pids):
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            pass
    return True


def has_lines(store, count):
    return store.exists() and store.read_bytes().count(b"\n") >= count


@pytest.mark.parametrize(
    ("executor", "workers"), [("None", 1), ("sweeps.Processes(2)", 2), ("spawned()", 2)]
)
def test_kill_9_in_the_middle_loses_nothing_and_runs_nothing_twice(
    script, folder, store, executor, workers
):
    killed = {}  # what was stored at a kill, and how often each of those had been started
    for _ in range(2):
        process = script(KILLED.replace("EXECUTOR", executor), stdout=subprocess.PIPE)
        until(has_lines, store, len(killed) + 5)
        process.kill()
        process.wait()
        pids = {int(pid) for path in Path(folder).iterdir() for pid in path.read_text().split()}
        until(gone, *pids, seconds=5)  # no orphan goes on
        killed = {x: marks(folder)[x] for x in stored(store)}
    assert len(killed) < 18
    printed, _ = script(KILLED.replace("EXECUTOR", executor), stdout=subprocess.PIPE).communicate(
        timeout=30
    )
    assert json.loads(printed) == [x * x for x in range(18)]
    assert sorted(stored(store)) == list(range(18))
    counts = marks(folder)
    assert {x: counts[x] for x in killed} == killed
    assert sum(counts.values()) <= 18 + 2 * 2 * workers  # only what was in flight at the two kills


INTERRUPTED = """
import time
from helpers.studies import sweeps
from test_sweeps import square

if __name__ == "__main__":
    grid = [{{"x": x, "folder": "{marks}", "seconds": 0.1 if x < 3 else 60.0}} for x in range(RUNS)]
    pool = EXECUTOR
    rows = sweeps.run(square, grid, pool, store="{store}")
    print([row.error or row.result["square"] for row in rows])
    print(sweeps.run(square, [{{"x": 5}}], pool)[0].result["square"])
"""


@pytest.mark.parametrize(
    ("executor", "runs", "running"), [("None", 9, 1), ("sweeps.Processes(3)", 5, 2)]
)
def test_ctrl_c_ends_the_sweep_and_keeps_what_is_finished(
    script, folder, store, executor, runs, running
):
    """Also workers that are idle, which must not complain."""
    code = INTERRUPTED.replace("EXECUTOR", executor).replace("RUNS", str(runs))
    process = script(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    until(lambda: len(marks(folder)) == 3 + running and has_lines(store, 3))
    time.sleep(0.3)  # the line is on the disk before its row is in the list
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    printed, complaints = process.communicate(timeout=20)
    assert printed.splitlines() == [
        str([0, 1, 4] + ["stopped before it was finished"] * (runs - 3)),
        "25",
    ]
    assert complaints == ""
    assert sorted(stored(store)) == [0, 1, 2]


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


def test_leaving_the_loop_ends_what_runs(folder):
    grid = [{"x": x, "folder": folder, "seconds": 60.0 if x else 0.0} for x in range(9)]
    with sweeps.Processes(2) as pool:
        for row in sweeps.iterate(square, grid, pool):
            assert row.result == {"square": 0}
            until(lambda: len(marks(folder)) == 3)
            break
        assert sweeps.run(square, {"x": [7]}, pool)[0].result == {
            "square": 49
        }  # the pool is as good as new
        assert len(marks(folder)) == 3
    assert pool._idle == []


# --- workers ---


def check_hazards(rows, folder, killed, left):
    """Two runs that took their workers with them, and six that had to be finished."""
    assert [row.result for row in rows] == [0, 1, None, 3, None, None, None, 7]
    assert killed in rows[2].error
    assert left in rows[4].error
    assert rows[5].error == "Sulking: no, and never"
    assert rows[6].error == "SystemExit: I leave"
    assert {row.error for row in rows if row.result is not None} == {None}
    assert marks(folder).keys() == set(range(8))


@pytest.mark.parametrize("make", [partial(sweeps.Processes, 2), spawned])
def test_a_dying_worker_fails_its_run_alone_and_the_sweep_goes_on(folder, store, make):
    with make() as executor:
        rows = sweeps.run(hazard, {"x": list(range(8)), "folder": [folder]}, executor, store)
    killed = "WorkerDied: the worker process was killed by signal 9 (Killed); if nobody did that, memory ran out"
    check_hazards(rows, folder, killed, "WorkerDied: the worker process ended with exit status 7")
    assert sorted(stored(store)) == [0, 1, 3, 7]
    if isinstance(executor, sweeps.Processes):
        assert set(marks(folder).values()) == {1}


def test_a_pool_that_is_broken_already_is_replaced():
    with spawned() as pool:
        with pytest.raises(Exception, match="terminated abruptly"):
            pool.submit(os._exit, 1).result()
        assert [row.result for row in sweeps.run(cube, {"x": [1, 2]}, pool)] == [1, 8]


REMEMBERED = []


def remember(value):
    REMEMBERED.append(value)


def recall(x):
    if x == 1:
        os._exit(1)
    return REMEMBERED[0] * x


def test_what_replaces_a_broken_pool_is_set_up_like_it():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), remember, (10,)) as pool:
        assert [row.result for row in sweeps.run(recall, {"x": [0, 1, 2]}, pool)] == [0, None, 20]


THREADS = """
import torch
from helpers.studies import sweeps
from test_sweeps import spawned


def threads(x):
    return torch.get_num_threads()


if __name__ == "__main__":
    for executor in (None, spawned(1)):
        print(*(row.result for row in sweeps.run(threads, {{"x": [0]}}, executor)), flush=True)
"""


def test_each_worker_process_computes_on_one_thread(script):
    """Even if the environment says otherwise, and though the workers load torch before they know
    what they are.
    """
    printed, _ = script(THREADS, stdout=subprocess.PIPE).communicate(timeout=60)
    assert printed.split() == ["2", "1"]


def late_threads(x):
    import torch

    return torch.get_num_threads()


def test_a_worker_process_that_loads_torch_later_has_one_thread_too(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with sweeps.Processes(1) as pool:
        assert sweeps.run(late_threads, {"x": [1]}, pool)[0].result == 1


@pytest.mark.parametrize("fn", [lambda x: x, partial(lambda x: x)])
def test_a_function_that_cannot_be_sent_is_said_at_once(fn):
    with (
        spawned() as pool,
        pytest.raises(ValueError, match=r"cannot be sent to worker processes .*define it with def"),
    ):
        sweeps.iterate(fn, {"x": [1]}, pool)


def test_as_many_workers_as_cores_that_may_be_used(monkeypatch):
    """Where the system does not say which those are, as many as there are."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    with sweeps.Processes() as pool:
        assert pool._threads._max_workers == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    with sweeps.Processes() as pool:
        assert pool._threads._max_workers == 64


def test_workers_end_with_their_executor():
    pool = sweeps.Processes(1)
    pid = pool.submit(os.getpid).result()
    assert not gone(pid)
    del pool
    until(gone, pid, seconds=5)


def test_an_idle_worker_that_was_killed_is_replaced():
    with sweeps.Processes(1) as pool:
        pid = pool.submit(os.getpid).result()
        (worker,) = pool._idle
        os.kill(pid, signal.SIGKILL)
        # until its last thread has ended: before that the system calls it alive
        worker.process.join()
        assert pool.submit(cube, 2).result() == 8


def test_an_executor_like_any_other():
    with sweeps.Processes(2) as pool:
        assert list(pool.map(cube, range(5))) == [0, 1, 8, 27, 64]
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        with pytest.raises(sweeps.WorkerDied, match="exit status 3"):
            pool.submit(os._exit, 3).result()
        assert pool.submit(cube, x=2).result() == 8
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(cube, 2)


def sulk():
    raise Sulking("no", "never")


def anonymous():
    return lambda: None


class Unreadable:
    """Can be sent, but not received."""

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise ValueError("not in this process")


def sulk_in_secret():
    raise RuntimeError(lambda: None)


@pytest.mark.parametrize(
    ("fn", "kind", "message"),
    [
        (sulk, RuntimeError, "Sulking: no, and never"),  # pickles, but does not unpickle
        (sulk_in_secret, RuntimeError, "RuntimeError: <function"),  # does not pickle
        (anonymous, Exception, "pickle.*<lambda>"),
        (Unreadable, ValueError, "not in this process"),
    ],
)
def test_what_cannot_be_sent_back_is_said_and_costs_no_worker(fn, kind, message):
    with sweeps.Processes(1) as pool:
        pid = pool.submit(os.getpid).result()
        for _ in range(2):
            with pytest.raises(kind, match=message):
                pool.submit(fn).result()
        assert pool.submit(os.getpid).result() == pid
        assert pool._busy == set()


def nap_and_tell(seconds):
    time.sleep(seconds)
    return os.getpid()


def test_workers_end_after_a_shutdown_that_did_not_wait():
    """Behind the last run, those that waited included, and no process is started for them."""
    pool = sweeps.Processes(1)
    futures = [pool.submit(nap_and_tell, 0.1) for _ in range(3)]
    pool.shutdown(wait=False)
    pids = {future.result() for future in futures}
    assert len(pids) == 1
    until(gone, *pids, seconds=5)
    until(lambda: pool._idle == [], seconds=5)


def test_workers_end_after_a_shutdown_that_cancels(folder):
    pool = sweeps.Processes(1)
    first = pool.submit(square, 1, folder, 0.1)
    until(lambda: marks(folder) == {1: 1})
    rest = [pool.submit(square, x, folder) for x in (2, 3)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert first.result() == {"square": 1}
    assert all(future.cancelled() for future in rest)
    until(lambda: pool._idle == [] and pool._busy == set(), seconds=5)
    until(gone, int(Path(folder, "1").read_text()), seconds=5)
    assert marks(folder) == {1: 1}


def test_workers_end_with_their_executor_though_futures_are_kept():
    pool = sweeps.Processes(1)
    future = pool.submit(os.getpid)
    pid = future.result()
    del pool
    until(gone, pid, seconds=5)


@pytest.fixture(scope="module")
def client():
    """A real cluster of two worker processes, which gives up all runs that wait at a worker when it
    dies.
    """
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError:
        assert os.environ.get("CI") != "true", "pip install -e .[cluster]"
        pytest.skip("Dask is not installed: pip install -e .[cluster]")
    settings = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": "127.0.0.1:0",
    }
    patience = dask.config.set({"distributed.scheduler.allowed-failures": 0})
    with patience, LocalCluster(**settings) as cluster, Client(cluster) as client:
        yield client


def test_a_dask_cluster_is_one_more_executor(client, folder, store):
    grid = {"x": list(range(12)), "folder": [folder], "seconds": [0.05]}
    with client.get_executor(pure=False) as executor:
        first = sweeps.run(square, {**grid, "x": [3, 4]}, executor, store)
        rows = sweeps.run(square, grid, executor, store)
    assert [row.result for row in rows] == [{"square": x * x} for x in range(12)]
    assert rows[3:5] == first
    assert marks(folder) == dict.fromkeys(range(12), 1)
    assert sorted(stored(store)) == list(range(12))
    pids = {path.read_text() for path in Path(folder).iterdir()}
    assert len(pids) == 2
    assert f"{os.getpid()}\n" not in pids
    assert sweeps.run(lambda x: x + 1, {"x": [1]}, client.get_executor(pure=False))[0].result == 2


def test_a_dying_dask_worker_fails_its_run_alone_and_the_sweep_goes_on(client, folder, store):
    with client.get_executor(pure=False) as executor:
        rows = sweeps.run(hazard, {"x": list(range(8)), "folder": [folder]}, executor, store)
    check_hazards(
        rows, folder, "KilledWorker: Attempted to run task", "KilledWorker: Attempted to run task"
    )
    assert sorted(stored(store)) == [0, 1, 3, 7]
    assert {x: count for x, count in marks(folder).items() if x not in (2, 4)} == dict.fromkeys(
        [0, 1, 3, 5, 6, 7], 1
    )


# --- what the reader sees ---

BAR = """
from helpers.studies import sweeps
from test_sweeps import nap

sweeps.run(nap, {{"x": [1, 2, 0, 4]}}, store="{store}", version="1")
"""


def nap(x):
    time.sleep(0.25)
    return 1 / x


def test_a_progress_bar_with_time_left_in_a_terminal(script, store):
    sweeps.run(nap, {"x": [4]}, store=store, version="1")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    script(BAR, stderr=theirs)
    os.close(theirs)
    drawn = b""
    with (
        open(ours, "rb", buffering=0) as terminal,
        suppress(OSError),
    ):  # which is how a terminal ends
        while more := terminal.read(1000):
            drawn += more
    text = drawn.decode()
    assert re.search(r"nap:  25%.*1/4 \[00:00<\?", text)  # the stored one
    assert re.search(r"nap:  50%.*2/4 \[00:00<00:00", text)
    assert re.search(r"nap: 100%.*4/4 \[00:00<00:00, .*1 failed\]", text)


def test_no_progress_bar_in_a_log_file(script):
    assert script(BAR, stderr=subprocess.PIPE).communicate(timeout=30)[1] == ""


CELLS = """
import time
import test_sweeps
from helpers.studies import sweeps


def nap(x):
    time.sleep(0.01)
    return x


def stubborn(x):
    print("ready")
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        return "half"


rows = sweeps.run(nap, {{"x": [1, 2]}}, store={store!r})
try:
    sweeps.run(nap, {{"x": [1, 2]}}, sweeps.Processes(1))
except ValueError as error:
    print(error)
rows = sweeps.run(stubborn, {{"x": [1, 2]}}, store={store!r}, progress=False)
print([row.error for row in rows])
print("ready")
rows = sweeps.run(test_sweeps.square, {{"x": [1, 2], "seconds": [60.0]}}, sweeps.Processes(1), progress=False)
print([row.error for row in rows])
print("behind")
"""


@pytest.fixture
def kernel(monkeypatch):
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    manager, client = start_new_kernel()
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_notebook_has_a_bar_a_stop_button_and_advice(kernel, store):
    manager, client = kernel
    client.execute(CELLS.format(store=str(store)))
    printed, shown = "", []
    while "behind" not in printed:
        message = client.get_iopub_msg(timeout=60)
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == "display_data":
            shown.append(message["content"]["data"])
        if message["msg_type"] == "stream":
            printed += message["content"]["text"]
            if printed.endswith("ready\n"):
                time.sleep(0.7)
                manager.interrupt_kernel()
    assert [entry["function"] for entry in lines(store)] == [
        "nap",
        "nap",
    ]  # the source of a cell is its version
    (bar,) = shown
    assert "application/vnd.jupyter.widget-view+json" in bar
    assert "0/2" in bar["text/plain"]
    assert (
        "worker processes cannot see nap, which is defined in this notebook: put it into a file, "
        "with %%wri" in printed
    )
    assert (
        printed.count("['stopped before it was finished', 'stopped before it was finished']\n") == 2
    )


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
    code = "import sys; from helpers.studies import sweeps; print({'dask', 'torch', 'ipywidgets', 'numpy'} & set(sys.modules))"
    assert (
        subprocess.check_output([sys.executable, "-c", code], env=ENVIRONMENT, text=True)
        == "set()\n"
    )
