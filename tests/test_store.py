"""The store: what is finished is in it once, whatever happens, and no other file is written to."""

import errno
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import runs
from runs import ROOT, cube, lines, mark, marks, square, stored

from helpers.studies import store as module
from helpers.studies import sweeps

folder, store, script = runs.folder, runs.store, runs.script


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
    rows = sweeps.iterate(fragile, {"x": [4, 1]}, store=store, version="1")
    assert [row.result for row in rows] == [1, 4]


def test_a_line_says_what_was_run(store):
    sweeps.run(cube, {"x": [2]}, store=store)
    (entry,) = lines(store)
    assert entry.pop("seconds") < 1
    assert re.fullmatch("[0-9a-f]{12}", entry.pop("version"))
    assert entry == {"function": "cube", "arguments": {"x": 2}, "result": 8}


@pytest.mark.parametrize(
    ("result", "plain"),
    [
        ((1, 2.5, None, True), [1, 2.5, None, True]),
        ({"loss": np.float32(0.5), "count": np.int64(3)}, {"loss": 0.5, "count": 3}),
        (np.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
        ({"loss": [math.inf, -math.inf], "text": "NaN"},) * 2,
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
        raise AssertionError(f"{constant} is not JSON")

    def loss(x):
        return {"loss": [1.0, math.nan]}

    for _ in range(2):
        (row,) = sweeps.run(loss, [{"x": math.nan}], store=store, version="1")
        assert math.isnan(row.result["loss"][1])
    (entry,) = [json.loads(line, parse_constant=refuse) for line in store.read_text().splitlines()]
    assert entry["result"] == {"loss": [1.0, {"float": "nan"}]}
    assert entry["arguments"] == {"x": {"float": "nan"}}


# --- the version of the code ---


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
    monkeypatch.setattr(module, "HELPERS", tmp_path / "helpers")
    monkeypatch.syspath_prepend(tmp_path)
    from experiment import double

    edits = [None, None, "experiment.py", None, "helpers/nets.py", "helpers/lockstep/stack.py"]
    edits += ["helpers/exercises/n01.py", "helpers/quizzes/quiz.py"]  # which compute no results
    edits += ["helpers/quizzes/quiz.js"]
    for count, edited in zip([1, 1, 2, 2, 3, 4, 4, 4, 4], edits, strict=True):
        if edited:
            edit(tmp_path / edited, "# another thought\n")
        sweeps.run(double, {"x": [1]}, store=store)
        assert len(lines(store)) == count


@pytest.mark.parametrize("change", [("2 *", "3 *"), ("def", "import os\n\ndef"), ("return", "(")])
def test_a_function_whose_file_was_changed_after_its_import_needs_a_version(
    change, tmp_path, monkeypatch, store
):
    """What is computed is the code of before; it must not be stored as that of now."""
    (tmp_path / "edited.py").write_text("def twice(x):\n    return 2 * x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "edited", raising=False)
    from edited import twice

    assert sweeps.run(twice, {"x": [1]}, store=store)[0].result == 2
    text = (tmp_path / "edited.py").read_text(encoding="utf-8").replace(*change)
    (tmp_path / "edited.py").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="or restart, if its file was edited after the import"):
        sweeps.iterate(twice, {"x": [2]}, store=store)
    assert stored(store) == [1]


def adder(y):
    return lambda x: x + y


def typed():
    scope = {}
    exec("def typed(x):\n    return x\n", scope)
    return scope["typed"]


def scaled(factor):
    def scale(x, factor=factor):
        return factor * x

    return scale


ALIKE = {
    "lambdas of a file": [lambda x: x, lambda x: -x],
    "a default of a loop": [lambda x, factor=factor: factor * x for factor in (2, 3)],
    "a default by name": [lambda x, *, factor=factor: factor * x for factor in (2, 3)],
    "functions made by another": [scaled(2), scaled(3)],
}


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE)
def test_functions_that_only_look_alike_are_kept_apart(pair, store):
    for _ in range(2):
        for fn in pair:
            assert sweeps.run(fn, {"x": [1]}, store=store)[0].result == fn(1)
    assert len(lines(store)) == 2


def test_parts_of_two_functions_are_kept_apart_by_their_names(store):
    for fn, result in ((square, {"square": 4}), (cube, 8)):
        (row,) = sweeps.run(partial(fn), {"x": [2]}, store=store, version="1")
        assert row.result == result


def test_code_of_a_notebook_whose_module_has_no_file_is_known(store, monkeypatch):
    monkeypatch.delattr(runs, "__file__")
    assert sweeps.run(cube, {"x": [2]}, store=store)[0].result == 8
    assert stored(store) == [2]


UNCLEAR = [partial(square, seconds=0.0), dict, adder(1), typed(), scaled(object())]


@pytest.mark.parametrize("fn", UNCLEAR)
def test_code_that_the_store_cannot_know_needs_a_version(fn, store):
    with pytest.raises(
        ValueError, match=r"the source of .* does not say all that it does: pass version="
    ):
        sweeps.iterate(fn, {"x": [1]}, store=store)
    sweeps.iterate(fn, {"x": [1]}, store=store, version="1")
    sweeps.iterate(fn, {"x": [1]})


def test_a_store_that_cannot_be_opened_is_a_sentence_before_the_first_run(tmp_path, folder):
    run = partial(sweeps.run, square, {"x": [1], "folder": [folder]})
    nowhere = tmp_path / "nowhere" / "runs.jsonl"
    sentence = "^the store .*runs.jsonl cannot be opened: No such file or directory$"
    with pytest.raises(FileNotFoundError, match=sentence):
        run(store=nowhere)
    with pytest.raises(IsADirectoryError, match=r"^the store \S+ cannot be opened: Is a directory"):
        run(store=tmp_path)
    assert marks(folder) == {}


def test_a_folder_that_cannot_be_written_to_is_a_sentence(folder, store, monkeypatch):
    """Made to fail, since root may write anywhere."""
    usual = Path.open

    def refuse(path, mode="r", *arguments, **options):
        if path == store:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return usual(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError, match=r"^the store \S+ cannot be opened: Perm"):
        sweeps.run(square, {"x": [1], "folder": [folder]}, store=store)
    assert marks(folder) == {}


def test_a_store_that_has_all_runs_is_only_read(store, monkeypatch):
    """A course folder may be read-only."""
    sweeps.run(square, {"x": [1, 2]}, store=store)
    monkeypatch.setattr(module.Store, "add", None)
    assert len(sweeps.run(square, {"x": [2, 1]}, store=str(store))) == 2


# --- locks, and a full disk ---


@pytest.mark.parametrize("number", [37, 38, 45, 95])
def test_a_file_system_without_locks_is_one_warning(store, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.fcntl, "flock", flock)
    with pytest.warns(UserWarning, match="without locks: let one sweep at a time") as caught:
        sweeps.run(cube, {"x": [1, 2, 3]}, store=store)
    assert len(caught) == 1
    assert stored(store) == [1, 2, 3]


def test_another_failure_of_a_lock_ends_the_sweep(store, monkeypatch):
    def flock(*_):
        raise OSError(errno.EIO, "not today")

    monkeypatch.setattr(module.fcntl, "flock", flock)
    with pytest.raises(OSError, match="not today"):
        sweeps.run(cube, {"x": [1]}, store=store)


def test_who_writes_has_the_store_alone(store, monkeypatch):
    locked = []

    def fsync(_):
        with store.open("rb") as file, pytest.raises(BlockingIOError):
            module.fcntl.flock(file, module.fcntl.LOCK_SH | module.fcntl.LOCK_NB)
        locked.append(True)

    monkeypatch.setattr(os, "fsync", fsync)
    sweeps.run(cube, {"x": [1, 2]}, store=store)
    assert locked == [True, True]


def test_windows_has_no_locks(store, monkeypatch):
    monkeypatch.setattr(module, "fcntl", None)
    sweeps.run(cube, {"x": [1, 2]}, store=store)
    assert stored(store) == [1, 2]


FULL = """
import resource
from helpers.studies import sweeps
from runs import square

resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))
sweeps.run(square, {{"x": list(range(9)), "folder": ["{marks}"]}}, store="{store}")
"""


def test_a_full_disk_ends_the_sweep_and_loses_nothing(script, folder, store):
    resource = pytest.importorskip("resource")  # not on Windows
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    _, said = script(FULL, stderr=subprocess.PIPE).communicate(timeout=30)
    assert "OSError: there is no room for" in said
    before = marks(folder)
    assert 2 <= len(before) < 9
    assert stored(store) == list(range(len(before) - 1))  # and no half line
    sweeps.run(square, {"x": list(range(9)), "folder": [folder]}, store=store)
    assert stored(store) == list(range(9))
    assert Counter(marks(folder).values()) == {1: 8, 2: 1}


TOGETHER = """
import pathlib, time
from helpers.studies import sweeps
import test_store

while not pathlib.Path("{marks}").exists():
    time.sleep(0.001)
rows = sweeps.run(test_store.long_line, {{"x": list(range(24))}}, store="{store}", version="1")
assert [len(row.result) for row in rows] == [60_000] * 24
"""


def long_line(x):
    return str(x % 10) * 60_000


def test_two_sweeps_on_one_store_at_once(script, store, tmp_path):
    both = [script(TOGETHER) for _ in range(2)]
    time.sleep(1)
    (tmp_path / "marks").mkdir()
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert sorted(stored(store)) == list(range(24))
