"""Sweeps on a real cluster of Dask."""

import os
from pathlib import Path

import pytest
import runs
from runs import check_hazards, hazard, marks, square, stored

from helpers.studies import sweeps

folder, store = runs.folder, runs.store
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def client():
    """A real cluster of two processes, which gives up all runs that wait where a worker dies."""
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError:
        assert os.environ.get("CI") != "true", "pip install -e .[cluster]"
        pytest.skip("Dask is not installed: pip install -e .[cluster]")
    settings = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    settings["dashboard_address"] = "127.0.0.1:0"
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
    executor = client.get_executor(pure=False)
    assert sweeps.run(lambda x: x + 1, {"x": [1]}, executor)[0].result == 2


def test_dask_workers_that_cannot_import_the_function_are_a_sentence(client, tmp_path, monkeypatch):
    """The workers were started before this module could be found."""
    (tmp_path / "at_home.py").write_text("def one(x):\n    return x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    from at_home import one

    executor = client.get_executor(pure=False)
    with pytest.raises(ValueError, match=r"2 of 2 Dask workers, .* cannot import at_home: install"):
        sweeps.iterate(one, {"x": [1]}, executor)
    client.upload_file(str(tmp_path / "at_home.py"))
    assert sweeps.run(one, {"x": [1]}, executor)[0].result == 1


def test_dask_workers_without_the_course_are_a_sentence(client, monkeypatch):
    def run(function, package):
        return {"tcp://one": function(package), "tcp://two": None}

    monkeypatch.setattr(client, "run", run)
    with pytest.raises(
        ValueError, match="1 of 2 Dask workers, such as tcp://two, cannot import he"
    ):
        sweeps.iterate(square, {"x": [1]}, client.get_executor(pure=False))


@slow
def test_a_dying_dask_worker_fails_its_run_alone_and_the_sweep_goes_on(client, folder, store):
    with client.get_executor(pure=False) as executor:
        rows = sweeps.run(hazard, {"x": list(range(8)), "folder": [folder]}, executor, store)
    given_up = "KilledWorker: Attempted to run task"
    check_hazards(rows, folder, given_up, given_up)
    assert sorted(stored(store)) == [0, 1, 3, 7]
    once = {x: count for x, count in marks(folder).items() if x not in (2, 4)}
    assert once == dict.fromkeys([0, 1, 3, 5, 6, 7], 1)
