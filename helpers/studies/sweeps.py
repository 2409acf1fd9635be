"""A grid of runs: in this process, on all cores, or on a cluster. Finished runs are stored.

    rows = sweeps.run(measure, {"layers": [8, 20], "seed": [0, 1]}, sweeps.Processes())

The executor is None (one run after another, in this process), ``Processes()`` for the cores of
this machine, ``Client(...).get_executor(pure=False)`` for a Dask cluster, or any other
concurrent.futures.Executor. Started again with the same store, a sweep skips what is finished.
"""

import inspect
import itertools
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from helpers.studies.pool import Processes, check, outcomes
from helpers.studies.store import Store, code_version, restored, to_text

__all__ = ["Processes", "Row", "iterate", "run"]


class Row(NamedTuple):
    """One run: its arguments, and its result or else its error, in one line.

    The result is what JSON makes of it, whether it was just computed or stored: tuples and arrays
    are lists. The seconds are None if the worker died.
    """

    arguments: dict
    result: object = None
    error: str | None = None
    seconds: float | None = None


def run(fn, grid, executor=None, store=None, *, version=None, progress=True):
    """Return a Row for each entry of the grid, in its order; ``iterate`` explains the arguments.

    An interrupt (Ctrl+C, Jupyter's stop button) ends the sweep early: a Row that was not finished
    says so in its ``error``. To see the whole traceback of a run that failed, call
    ``fn(**row.arguments)``.
    """
    entries, rows = _entries(grid), {}
    with suppress(KeyboardInterrupt):
        for key, row in _prepared(fn, dict(entries), executor, store, version, progress):
            rows[key] = row
    stopped = "stopped before it was finished"
    return [rows.get(key, Row(arguments, error=stopped)) for key, arguments in entries]


def iterate(fn, grid, executor=None, store=None, *, version=None, progress=True):
    """Call ``fn(**arguments)`` for each entry of the grid; yield a Row for each as it comes.

    grid: {name: list of values}, for all combinations, or an iterable of dicts; equal entries are
        run once. Arguments and results are what JSON can hold: numbers, text, None, lists, dicts;
        arrays become lists of numbers.
    executor: where the runs happen; the top of this file lists the choices.
    store: a file, to which each finished run is appended as a line of JSON. Runs found there come
        first and are not done again; failed ones are not stored. Several sweeps may write to one
        store at once; they do not share the work.
    version: a name for the code. Without one it is told from the source of ``fn``'s module (in a
        notebook, of ``fn`` alone) and of all helpers but exercises and quizzes. Give one if ``fn``
        depends on more, or to keep results over a change that does not matter.
    progress: whether to draw a progress bar.

    An interrupt, or leaving the loop, cancels the runs that wait, and ends those that run here or
    in worker processes; in any other executor, a run that has begun goes on to its end.
    Raises, before the first run: TypeError for a grid or an executor that is not one, for a ``fn``
    that is no function of the names in the grid, or for arguments that JSON cannot hold; ValueError
    if ``fn`` cannot be sent to the workers or has no source to tell its version, and for a file
    that is not a store, which stays as it is; OSError if the store cannot be read or written. A
    result that JSON cannot hold is its Row's ``error``.
    """
    rows = _prepared(fn, dict(_entries(grid)), executor, store, version, progress)
    return (row for _, row in rows)


def _entries(grid):
    """Return the entries of the grid as a list of (key, arguments)."""
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(
                    f"the grid has {name} = {values!r}, but it must be a list of values, such as "
                    f"[{values!r}]"
                )
        combinations = itertools.product(*grid.values()) if grid else ()
        grid = [dict(zip(grid, values, strict=True)) for values in combinations]
    entries = list(grid) if isinstance(grid, Iterable) else [None]
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise TypeError("the grid must be {name: list of values}, or a list of {name: value}")
    return [(to_text(entry), dict(entry)) for entry in entries]


def _prepared(fn, todo, executor, store, version, progress):
    """Check everything before the first run; return a generator of (key, Row)."""
    if not isinstance(executor, Executor | None):
        raise TypeError(
            f"{executor!r} is not a concurrent.futures.Executor; a Dask client has "
            "get_executor(pure=False)"
        )
    _check_call(fn, todo)
    named = fn.func if isinstance(fn, partial) else fn
    name = getattr(named, "__qualname__", type(named).__qualname__)
    check(fn, name, executor)
    if store is not None:
        store = Store(store, name, code_version(fn) if version is None else str(version))
        if todo.keys() - store.finished.keys():
            store.add()
    return _rows(fn, name, todo, executor, store, progress)


def _check_call(fn, todo):
    """Raise TypeError for what is no function of the names in the grid: each run would fail."""
    if not callable(fn):
        raise TypeError(f"fn = {fn!r}, but it must be a function of the names in the grid")
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):  # what is written in C need not tell
        return
    for arguments in todo.values():
        try:
            signature.bind(**arguments)
        except TypeError as error:
            names = ", ".join(arguments)
            raise TypeError(f"fn cannot be called with the grid's {names}: {error}") from error


def _rows(fn, name, todo, executor, store, progress):
    from tqdm.auto import tqdm  # not at the top: in a notebook it loads ipywidgets

    finished = {key: store.finished[key] for key in todo if key in store.finished} if store else {}
    # Without a terminal, as in a log file, disable=None draws no bar; in a notebook it does.
    settings = {"desc": name, "unit": "run", "miniters": 1, "disable": None if progress else True}
    with tqdm(total=len(todo), initial=len(finished), **settings) as bar:
        for key, (result, seconds) in finished.items():
            yield key, Row(todo.pop(key), result, None, seconds)
        failed = 0
        for key, (text, error, seconds) in outcomes(fn, todo, executor, bar.refresh):
            if error:
                failed += 1
                bar.set_postfix_str(f"{failed} failed", refresh=False)
            elif store:
                store.add(key, text, seconds)
            bar.update()
            result = text and json.loads(text, object_hook=restored)
            yield key, Row(todo[key], result, error, seconds)
