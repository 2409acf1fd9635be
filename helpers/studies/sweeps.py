"""A grid of runs, here, on all cores or on a cluster; what is finished is stored, and skipped the
next time.

One call for all of them: ``run(fn, grid, executor, store)``. The executor is None (one run after
another, in this process), ``Processes()`` for the cores at hand,
``Client(...).get_executor(pure=False)`` of a Dask cluster, or any other
concurrent.futures.Executor. Only this process writes to the store; a worker sends its result back.
"""

import hashlib
import inspect
import itertools
import json
import math
import multiprocessing
import os
import pickle
import queue
import reprlib
import signal
import sys
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from helpers.setup.machine import cores

try:
    import fcntl
except ImportError:  # Windows: one sweep at a time for each store
    fcntl = None


class Row(NamedTuple):
    """One run: its arguments; its result, or else the error in one line; its seconds, None if its
    worker died.

    The result is what JSON makes of it, whether it was just computed or stored: tuples and arrays
    are lists.
    """

    arguments: dict
    result: object = None
    error: str | None = None
    seconds: float | None = None


def run(fn, grid, executor=None, store=None, *, version=None, progress=True):
    """Return the Rows of ``iterate``, which explains the arguments, as a list in the order of the
    grid.

    An interrupt (Ctrl+C, the stop button of Jupyter) ends the sweep early: a Row that was not
    finished says so in its ``error``. To see the whole traceback of a run that failed, call
    ``fn(**row.arguments)``.
    """
    keyed, rows = _keyed(grid), {}
    with suppress(KeyboardInterrupt):
        for key, row in _sweep(fn, dict(keyed), executor, store, version, progress):
            rows[key] = row
    return [
        rows.get(key, Row(arguments, error="stopped before it was finished"))
        for key, arguments in keyed
    ]


def iterate(fn, grid, executor=None, store=None, *, version=None, progress=True):
    """Call ``fn(**arguments)`` for each entry of the grid; yield a Row for each as it comes, the
    stored ones first.

    grid: {name: list of values}, for all combinations, or an iterable of dicts; equal entries are
    run once. Arguments and results are what JSON can hold: numbers, text, None, lists and dicts;
    arrays become lists of numbers.
    store: a file to which each finished run is appended as a line of JSON, with the function's
    name, its arguments and the version of the code. Runs found there are not done again; failed
    ones are. Numbers that JSON does not know are written {"float": "nan"}, "inf" or "-inf". Several
    sweeps may write to a store at once; they do not share the work.
    version: what identifies the code, if not the source of ``fn``'s module (in a notebook: of
    ``fn`` alone) and of all helpers but the exercises and quizzes. Give one if ``fn`` depends on
    more than that, or to keep results over a change that does not matter.
    An interrupt, or leaving the loop, cancels what waits, and ends what runs here or in
    ``Processes``; in any other executor, what runs already goes on to its end.
    Raises TypeError for a grid that is not one, for arguments that JSON cannot hold (a result that
    it cannot hold is the ``error`` of its Row) and for an executor that is none; ValueError if
    ``fn`` cannot be sent to worker processes or has no source to tell its version; and OSError if
    the store cannot be read or written.
    """
    sweep = _sweep(fn, dict(_keyed(grid)), executor, store, version, progress)
    return (row for _, row in sweep)


def _keyed(grid):
    """The entries of the grid as a list of (key, arguments)."""
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(
                    f"the grid has {name} = {values!r}, but it must be a list of values, such as "
                    f"[{values!r}]"
                )
        grid = (
            [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
            if grid
            else []
        )
    entries = list(grid)
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise TypeError("the grid must be {name: list of values}, or a list of {name: value}")
    return [(_text(entry), dict(entry)) for entry in entries]


def _text(arguments):
    """The same text for equal arguments, whatever their order."""
    return json.dumps(_plain(arguments), sort_keys=True)


def _plain(value):
    """The value as standard JSON can hold it; ``_restored`` undoes what is done to infinite numbers
    and NaN.
    """
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, tensors
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(item) for name, item in value.items()}
    kind = (
        "a dict with keys that are not text"
        if isinstance(value, Mapping)
        else f"of type {type(value).__name__}"
    )
    raise TypeError(
        f"{reprlib.repr(value)} is {kind}; use numbers, text, None, lists, and dicts with text as "
        "keys"
    )


def _restored(found):
    return (
        float(found["float"])
        if found.keys() == {"float"} and found["float"] in ("nan", "inf", "-inf")
        else found
    )


def _sweep(fn, todo, executor, store, version, progress):
    """Check everything before the first run; return a generator of (key, Row)."""
    name = getattr(fn, "__qualname__", type(fn).__qualname__)
    if not (executor is None or isinstance(executor, Executor)):
        raise TypeError(
            f"{executor!r} is no concurrent.futures.Executor; a Dask client has "
            "get_executor(pure=False)"
        )
    if isinstance(executor, Processes | ProcessPoolExecutor):
        _check_importable(fn, name)
    if store is not None:
        store = _Store(store, name, _code_version(fn) if version is None else str(version))
        if todo.keys() - store.finished.keys():
            store.add()
    return _rows(fn, name, todo, executor, store, progress)


def _check_importable(fn, name):
    if getattr(fn, "__module__", None) == "__main__" and not hasattr(
        sys.modules["__main__"], "__file__"
    ):
        raise ValueError(
            f"worker processes cannot see {name}, which is defined in this notebook: put it into a "
            "file, with %%writefile measure.py as the first line of its cell, and import it from "
            "there; or run it without an executor; or on a Dask cluster, which takes functions "
            "from notebooks"
        )
    try:
        pickle.dumps(fn)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"fn cannot be sent to worker processes ({error}): define it with def in a module"
        ) from error


HELPERS = Path(__file__).resolve().parents[1]
_QUESTIONS = {
    "exercises",
    "quizzes",
}  # folders of helpers that ask readers something, and compute no results


def _code_version(fn):
    """Twelve characters that change with the source of fn's module, or of any helper that may
    compute something.
    """
    mend = "say version='...', a name for the code, which you change when the code changes"
    if not inspect.isfunction(fn) or fn.__closure__:
        raise ValueError(
            f"what {fn!r} carries along beside its source is not known to the store: {mend}"
        )
    own = _source(inspect.getmodule(fn)) or _source(
        fn
    )  # a notebook has no file, but it keeps the source of each cell
    if own is None:
        raise ValueError(f"the source of {fn!r} is not to be found: {mend}")
    paths = (path for path in sorted(HELPERS.rglob("*.py")) if path.parent.name not in _QUESTIONS)
    helpers = [path.read_text(encoding="utf-8") for path in paths]
    return hashlib.sha256("\0".join([own, *helpers]).encode()).hexdigest()[:12]


def _source(thing):
    with suppress(OSError, TypeError):
        return inspect.getsource(thing)


def _rows(fn, name, todo, executor, store, progress):
    from tqdm.auto import tqdm  # not above: in a notebook it loads ipywidgets

    finished = {key: store.finished[key] for key in todo if key in store.finished} if store else {}
    # Without a terminal, as in a log file, disable=None draws no bar; in a notebook it does.
    settings = {"desc": name, "unit": "run", "miniters": 1, "disable": None if progress else True}
    with tqdm(total=len(todo), initial=len(finished), **settings) as bar:
        for key, (result, seconds) in finished.items():
            yield key, Row(todo.pop(key), result, None, seconds)
        failed = 0
        for key, (text, error, seconds) in _outcomes(fn, todo, executor, bar.refresh):
            if error is None and store:
                store.add(key, text, seconds)
            elif error:
                failed += 1
                bar.set_postfix_str(f"{failed} failed", refresh=False)
            bar.update()
            yield (
                key,
                Row(todo[key], text and json.loads(text, object_hook=_restored), error, seconds),
            )


class _Store:
    """The finished runs of one function and version in a file that may hold others, and that others
    may write to.

    A line is written under a lock, in one call, and is on the disk before its Row is seen: the runs
    that a sweep has shown outlive kill -9, and a power failure too.
    """

    def __init__(self, path, function, version):
        self.path, self.code = Path(path), {"function": function, "version": version}
        self.finished, self.bytes, self.lines = (
            {},
            0,
            0,
        )  # {key: (result, seconds)}, and how far the file is read
        if self.path.exists():
            with self.path.open("rb") as file:  # a store that has all runs may be read-only
                self._read(file)

    def add(self, key=None, text=None, seconds=None):
        """Append a finished run, unless another sweep did; with none, find out whether one could be
        appended.
        """
        with self.path.open("ab+", buffering=0) as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
            if rest := self._read(file):
                self._repair(file, rest)
            if key is not None and key not in self.finished:
                run = {"arguments": json.loads(key), "result": json.loads(text), "seconds": seconds}
                line = json.dumps({**self.code, **run}).encode() + b"\n"
                if file.write(line) < len(line):
                    raise OSError(
                        f"there is no room for a line of {len(line)} bytes in {self.path}; make "
                        "room, and restart"
                    )
                os.fsync(file.fileno())

    def _read(self, file):
        """Take in the lines that are new; return what stands behind the last newline."""
        file.seek(self.bytes)
        *lines, rest = file.read().split(b"\n")
        for line in lines:
            self.bytes, self.lines = self.bytes + len(line) + 1, self.lines + 1
            if line.strip():
                self._take(line)
        return rest

    def _take(self, line):
        try:
            entry = json.loads(line, object_hook=_restored)
            code = {name: entry[name] for name in self.code}
            key, found = _text(entry["arguments"]), (entry["result"], entry["seconds"])
        except (ValueError, KeyError, TypeError):
            warnings.warn(
                f"line {self.lines} of {self.path} is broken; if it was a run, it is done again",
                stacklevel=2,
            )
        else:
            if code == self.code:
                self.finished[key] = found

    def _repair(self, file, rest):
        """Give a last line its newline if an editor took it, and drop a line that was written only
        in part.
        """
        try:
            json.loads(rest)
        except ValueError:
            file.truncate(self.bytes)
        else:
            file.write(b"\n")
            self._read(file)


def _outcomes(fn, todo, executor, tick):
    """Yield (key, (result as JSON, error, seconds)) of each run as it finishes; call ``tick()``
    every second.
    """
    if executor is None:
        return ((key, _attempt(fn, arguments)) for key, arguments in todo.items())
    return _in_executor(fn, todo, executor, tick)


def _attempt(fn, arguments):
    """Run once, wherever this is: (result as JSON, None, seconds), or (None, error in one line,
    seconds).
    """
    start, text, error = time.perf_counter(), None, None
    try:
        with _interrupt_is_final():
            result = fn(**arguments)
        text = json.dumps(_plain(result))
    except (Exception, SystemExit) as failure:
        error = _sentence(failure)
    return text, error, round(time.perf_counter() - start, 3)


def _sentence(error):
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


@contextmanager
def _interrupt_is_final():
    """A function may survive an interrupt and return what it has, as trainings do; that is no
    finished run.
    """
    before, noticed = signal.getsignal(signal.SIGINT), []

    def note(number, frame):
        noticed.append(number)
        before(number, frame)

    watching = callable(before) and threading.current_thread() is threading.main_thread()
    if watching:
        signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        if watching:
            signal.signal(signal.SIGINT, before)
        if noticed:
            raise KeyboardInterrupt


def _in_executor(fn, todo, executor, tick):
    """As ``_outcomes``. A dying worker makes executors fail other runs too; here only the one to
    blame fails.
    """
    orphans, suspects = {}, {}
    with closing(_results(fn, todo, executor, tick)) as results:
        for key, outcome, error in results:
            if isinstance(error, BrokenProcessPool):
                orphans[key] = todo[key]
            elif type(error).__name__ == "KilledWorker" and len(todo) > 1:
                suspects[key] = todo[key]
            else:
                yield key, outcome or (None, _sentence(error), None)
    for (
        key,
        arguments,
    ) in suspects.items():  # Dask blames all runs that waited at the worker: now each is alone
        yield from _in_executor(fn, {key: arguments}, executor, tick)
    if orphans:
        settings = (
            getattr(executor, name, None) for name in ("_max_workers", "_initializer", "_initargs")
        )
        with Processes(*settings) as spare:
            yield from _in_executor(fn, orphans, spare, tick)


def _results(fn, todo, executor, tick):
    """Submit all runs; yield (key, what it returned, what it raised) of each as it is done."""
    waiting, running, done = deque(todo), {}, queue.SimpleQueue()
    try:
        while waiting or running:
            room = _room(executor) if waiting else 0
            while waiting and len(running) < room:
                key = waiting.popleft()
                future = _submit(executor, fn, todo[key])
                running[future] = key
                future.add_done_callback(done.put)
            try:
                future = done.get(timeout=1)
            except queue.Empty:
                tick()
            else:
                key, (result, error) = running.pop(future), _result(future)
                # Dask runs again what a dying worker had finished, as long as anybody refers to it
                del future
                yield key, result, error
    finally:
        for future in running:
            future.cancel()
        if running and isinstance(executor, Processes):
            executor.kill_workers()


def _result(future):
    try:
        return future.result(), None
    except Exception as error:
        return None, error


def _room(executor):
    """How many runs may be in flight: all, but on Dask, which blames the waiting ones, two for each
    thread.
    """
    client = getattr(executor, "_client", None)
    return 2 * max(1, sum(client.nthreads().values())) if hasattr(client, "nthreads") else math.inf


def _submit(executor, fn, arguments):
    task = _attempt_as_worker if isinstance(executor, Processes | ProcessPoolExecutor) else _attempt
    try:
        return executor.submit(task, fn, arguments)
    except BrokenProcessPool as error:  # broken before: the same as broken afterwards
        future = Future()
        future.set_exception(error)
        return future


class WorkerDied(RuntimeError):
    """A worker process ended in the middle of a run."""


class _Worker(NamedTuple):
    process: multiprocessing.Process
    connection: Connection


class Processes(Executor):
    """An Executor for the cores at hand: worker processes, one torch thread each. A worker that
    dies is replaced.

    It differs from ProcessPoolExecutor in that a dead worker fails its own run alone, with the
    cause; that an interrupt ends the runs; and that workers start afresh on every system and never
    outlive this process, even if it is killed.
    workers: how many, by default one for each core that this process may use. initializer: called
    in each new worker with ``initargs``.
    """

    def __init__(self, workers=None, initializer=None, initargs=()):
        self._threads = ThreadPoolExecutor(workers or cores())  # each waits for one worker
        self._lock, self._arguments = threading.Lock(), (initializer, initargs)
        self._idle, self._busy, self._open, self._closed = (
            [],
            set(),
            0,
            False,
        )  # open: runs that are not done
        self._idle.append(
            self._start()
        )  # now: a script that forgot its ``if __name__ == "__main__":`` stops here

    def submit(self, fn, /, *args, **kwargs):
        """Return a Future of ``fn(*args, **kwargs)``; it raises WorkerDied if the worker does.

        What ``fn`` returns or raises is sent back by pickle. For a result that cannot be sent, the
        Future raises what pickle says; for such an error, a RuntimeError with its text.
        """
        future = self._threads.submit(self._call, pickle.dumps((fn, args, kwargs)))
        with self._lock:
            self._open += 1
        reference = weakref.ref(
            self
        )  # workers end with their executor, also where somebody keeps the Future
        future.add_done_callback(lambda _: (pool := reference()) and pool._done())
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        """End the workers once the runs are done, those that wait too unless ``cancel_futures``."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        with self._lock:
            self._closed = True
            self._end_idle()

    def _done(self):
        """Behind the last run of a pool that was shut down without waiting, nobody else ends the
        workers.
        """
        with self._lock:
            self._open -= 1
            if self._closed and not self._open:
                self._end_idle()

    def _end_idle(self):
        for worker in self._idle:
            worker.connection.close()
            worker.process.join()
        self._idle = []

    def kill_workers(self):
        """End the runs at once; their Futures raise WorkerDied. New runs get new workers."""
        with self._lock:
            for worker in self._busy:
                worker.process.kill()
            self._busy = set()

    def _start(self):
        context = multiprocessing.get_context(
            "spawn"
        )  # a fork of a process that has used torch may hang
        connection, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, connection)

    def _take(self):
        with self._lock:
            living = [worker for worker in self._idle if worker.process.is_alive()]
            worker = living.pop() if living else self._start()
            self._idle = living
            self._busy.add(worker)
            return worker

    def _call(self, task):
        worker = self._take()
        try:
            worker.connection.send_bytes(task)
            answer = worker.connection.recv_bytes()
        except (EOFError, OSError):
            with self._lock:
                self._busy.discard(worker)
                worker.process.join()
            raise WorkerDied(_cause(worker.process.exitcode)) from None
        with self._lock:
            if worker in self._busy:
                self._busy.remove(worker)
                self._idle.append(worker)
        good, value = pickle.loads(answer)  # only now: what cannot be read must not cost a worker
        if good:
            return value
        raise value


def _cause(code):
    if code >= 0:
        return f"the worker process ended with exit status {code}; what it wrote to the terminal may say why"
    hint = "; if nobody did that, memory ran out" if code == -9 else ""
    return f"the worker process was killed by signal {-code} ({signal.strsignal(-code)}){hint}"


def _serve(connection, initializer, initargs):
    """A worker's life: call what comes, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    _as_worker()
    if initializer:
        initializer(*initargs)
    with suppress(EOFError):
        while True:
            task = connection.recv_bytes()
            try:
                fn, args, kwargs = pickle.loads(task)
                answer = pickle.dumps((True, fn(*args, **kwargs)))
            except BaseException as error:
                answer = _packed(error)
            connection.send_bytes(answer)


def _packed(error):
    """The bytes of an error; in place of one that pickle cannot send there and back, of its text."""
    try:
        answer = pickle.dumps((False, error))
        pickle.loads(answer)
    except Exception:
        answer = pickle.dumps((False, RuntimeError(_sentence(error))))
    return answer


def _attempt_as_worker(fn, arguments):
    _as_worker()
    return _attempt(fn, arguments)


def _as_worker():
    """One thread for each worker, which shares the machine with others; and its end when the parent
    is killed.
    """
    os.environ.update(
        dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    )
    if "torch" in sys.modules:  # what is imported later reads the environment
        sys.modules["torch"].set_num_threads(1)
    _end_with_parent()


@cache
def _end_with_parent():
    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
