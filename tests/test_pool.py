"""Sweeps that are really killed, interrupted and run on real workers: nothing is lost."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from threading import Lock

import psutil
import pytest
import runs
from runs import check_hazards, cube, hazard, marks, square, stored, until

from helpers.studies import pool as module
from helpers.studies import sweeps

folder, store, script = runs.folder, runs.store, runs.script

slow = pytest.mark.slow


def spawned(workers=2, *settings, **others):
    """Return what a user would take for this machine, with processes that start afresh."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), *settings, **others)


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


# --- kill -9, and interrupts ---

KILLED = """
from helpers.studies import sweeps
from runs import square
from test_pool import spawned

if __name__ == "__main__":
    grid = {{"x": list(range(18)), "folder": ["{marks}"], "seconds": [0.06]}}
    print([row.result["square"] for row in sweeps.run(square, grid, EXECUTOR, "{store}")])
"""


@pytest.mark.parametrize(
    ("executor", "flying"),
    [
        ("sweeps.Processes(2)", 3),
        pytest.param("None", 1, marks=slow),
        pytest.param("spawned()", 3, marks=slow),
    ],
)
def test_kill_9_in_the_middle_loses_nothing_and_runs_nothing_twice(
    script, folder, store, executor, flying
):
    killed = {}  # what was stored at a kill, and how often each of those had been begun
    for _ in range(2):
        process = script(KILLED.replace("EXECUTOR", executor), stdout=subprocess.PIPE)
        until(has_lines, store, len(killed) + 5)
        process.kill()
        process.wait()
        pids = {int(pid) for path in Path(folder).iterdir() for pid in path.read_text().split()}
        until(gone, *pids, seconds=5)  # no orphan goes on
        killed = {x: marks(folder)[x] for x in stored(store)}
    assert len(killed) < 18
    process = script(KILLED.replace("EXECUTOR", executor), stdout=subprocess.PIPE)
    printed, _ = process.communicate(timeout=30)
    assert json.loads(printed) == [x * x for x in range(18)]
    assert sorted(stored(store)) == list(range(18))
    counts = marks(folder)
    assert {x: counts[x] for x in killed} == killed
    assert sum(counts.values()) <= 18 + 2 * 2 * flying  # only what was in flight at the two kills


INTERRUPTED = """
from helpers.studies import sweeps
from runs import square

if __name__ == "__main__":
    grid = [{{"x": x, "folder": "{marks}", "seconds": 0.1 if x < 3 else 60.0}} for x in range(RUNS)]
    pool = EXECUTOR
    rows = sweeps.run(square, grid, pool, store="{store}")
    print([row.error or row.result["square"] for row in rows])
    print(sweeps.run(square, [{{"x": 5}}], pool)[0].result["square"])
"""


@pytest.mark.parametrize(
    ("executor", "number", "running"),
    [("sweeps.Processes(3)", 5, 2), pytest.param("None", 9, 1, marks=slow)],
)
def test_ctrl_c_ends_the_sweep_and_keeps_what_is_finished(
    script, folder, store, executor, number, running
):
    """Also workers that are idle, which must not complain."""
    code = INTERRUPTED.replace("EXECUTOR", executor).replace("RUNS", str(number))
    process = script(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    until(lambda: len(marks(folder)) == 3 + running and has_lines(store, 3))
    time.sleep(0.3)  # the line is on the disk before its row is in the list
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    printed, complaints = process.communicate(timeout=20)
    stopped = ["stopped before it was finished"] * (number - 3)
    assert printed.splitlines() == [str([0, 1, 4, *stopped]), "25"]
    assert complaints == ""
    assert sorted(stored(store)) == [0, 1, 2]
    pids = {int(pid) for path in Path(folder).iterdir() for pid in path.read_text().split()}
    assert gone(*pids)


@slow
def test_leaving_the_loop_ends_what_runs(folder):
    grid = [{"x": x, "folder": folder, "seconds": 60.0 if x else 0.0} for x in range(9)]
    with sweeps.Processes(2) as pool:
        for row in sweeps.iterate(square, grid, pool):
            assert row.result == {"square": 0}
            until(lambda: len(marks(folder)) == 3)
            break
        pids = {int(path.read_text()) for path in Path(folder).iterdir()}
        until(gone, *pids, seconds=5)
        rows = sweeps.run(square, {"x": [7]}, pool)  # the pool serves as before
        assert rows[0].result == {"square": 49}
        assert len(marks(folder)) == 3


# --- workers that die ---


def test_a_worker_that_ends_without_a_result_is_said_even_if_all_was_well():
    with sweeps.Processes(1) as pool:
        (row,) = sweeps.run(os._exit, {"status": [0]}, pool)
    assert row.error.startswith("the worker was ended by an exit with status 0; what it printed")


@pytest.mark.parametrize("make", [partial(sweeps.Processes, 2), pytest.param(spawned, marks=slow)])
def test_a_dying_worker_fails_its_run_alone_and_the_sweep_goes_on(folder, store, make):
    with make() as executor:
        rows = sweeps.run(hazard, {"x": list(range(8)), "folder": [folder]}, executor, store)
    killed = "the worker was ended by SIGKILL; is there enough memory?"
    check_hazards(rows, folder, killed, "the worker was ended by an exit with status 7")
    assert sorted(stored(store)) == [0, 1, 3, 7]
    assert max(marks(folder).values()) <= 3  # in flight at two deaths at most, and once more alone


@slow
def test_a_pool_that_is_broken_already_is_replaced():
    with spawned() as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        assert [row.result for row in sweeps.run(cube, {"x": [1, 2]}, pool)] == [1, 8]


def terminate(x):
    os.kill(os.getpid(), x)


@slow
def test_the_signal_is_named():
    numbers = [signal.SIGTERM, signal.SIGSEGV]
    with sweeps.Processes(2) as pool:
        rows = sweeps.run(terminate, {"x": list(map(int, numbers))}, pool)
    assert [row.error for row in rows] == [
        "the worker was ended by SIGTERM", "the worker was ended by SIGSEGV"
    ]  # fmt: skip


REMEMBERED = []


def remember(value):
    REMEMBERED.append(value)


def recall(x):
    if x == 1:
        os._exit(1)
    return REMEMBERED[0] * x


@slow
def test_what_replaces_a_broken_pool_is_set_up_like_it():
    with spawned(1, remember, (10,)) as pool:
        assert [row.result for row in sweeps.run(recall, {"x": [0, 1, 2]}, pool)] == [0, None, 20]


def whose(x):
    return os.getpid() if x else os._exit(1)


@slow
def test_what_replaces_a_broken_pool_renews_its_workers_as_often():
    with spawned(1, max_tasks_per_child=1) as pool:
        rows = sweeps.run(whose, {"x": [0, 1, 2, 3]}, pool)
    assert len({row.result for row in rows[1:]}) == 3


@slow
def test_workers_end_with_their_pool():
    pool = sweeps.Processes(1)
    pid = pool.submit(os.getpid).result()
    assert not gone(pid)
    del pool
    until(gone, pid, seconds=5)


@slow
def test_a_function_that_cannot_be_loaded_fails_its_runs_and_costs_no_worker(tmp_path, monkeypatch):
    path = tmp_path / "picky.py"
    path.write_text("def one(x):\n    return x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    from picky import one

    path.write_text("raise RuntimeError('not here')\n", encoding="utf-8")
    with sweeps.Processes(1) as pool:
        pid = pool.submit(os.getpid).result()
        rows = sweeps.run(one, {"x": [1, 2]}, pool)
        assert [row.error for row in rows] == ["RuntimeError: not here"] * 2
        assert pool.submit(os.getpid).result() == pid


# --- what workers are ---

THREADS = """
import torch
from helpers.studies import sweeps
from test_pool import spawned


def threads(x):
    return torch.get_num_threads()


if __name__ == "__main__":
    for executor in (None, spawned(1), sweeps.Processes(1)):
        print(*(row.result for row in sweeps.run(threads, {{"x": [0]}}, executor)), flush=True)
"""


@slow
def test_each_worker_process_computes_on_one_thread(script):
    """Whatever the environment says, and though they load torch before they are workers."""
    printed, _ = script(THREADS, stdout=subprocess.PIPE).communicate(timeout=60)
    assert printed.split() == ["2", "1", "1"]


def late_threads(x):
    import torch

    return torch.get_num_threads()


@slow
def test_a_worker_process_that_loads_torch_later_has_one_thread_too(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with sweeps.Processes(1) as pool:
        assert sweeps.run(late_threads, {"x": [1]}, pool)[0].result == 1


def guarded(lock, x):
    return x


@pytest.mark.parametrize("fn", [lambda x: x, partial(lambda x: x), partial(guarded, Lock())])
def test_a_function_that_cannot_be_sent_is_said_at_once(fn):
    with pytest.raises(
        ValueError, match=r"cannot be sent to worker processes .*define it with def"
    ):
        sweeps.iterate(fn, {"x": [1]}, sweeps.Processes(1))


def test_what_a_notebook_imports_can_be_sent_and_what_it_defines_cannot(monkeypatch):
    """A kernel's ``__main__`` has no file that a worker could load; a script's has one."""
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "late_threads", late_threads, raising=False)
    monkeypatch.delattr(main, "__file__", raising=False)
    with sweeps.Processes(1) as pool:
        module.check(late_threads, "late_threads", pool)
        monkeypatch.setattr(late_threads, "__module__", "__main__")
        for fn in (late_threads, partial(late_threads)):
            with pytest.raises(ValueError, match="cannot see late_threads, which is defined in"):
                module.check(fn, "late_threads", pool)
        monkeypatch.setattr(main, "__file__", "script.py", raising=False)
        module.check(late_threads, "late_threads", pool)


def test_as_many_workers_as_cores_that_may_be_used(monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 3)
    assert sweeps.Processes()._max_workers == 3
    assert sweeps.Processes(5)._max_workers == 5
    monkeypatch.setattr(module, "cores", lambda: 64)
    assert sweeps.Processes()._max_workers == 64
    monkeypatch.setattr(sys, "platform", "win32")
    assert sweeps.Processes()._max_workers == 61
