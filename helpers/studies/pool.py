"""Where the runs of a sweep happen: in this process, in worker processes, or in any executor.

A worker process that dies breaks its pool. Only its own run is lost: the pool is renewed, and the
runs that were in flight are tried once more at the end, one at a time.
"""

import copy
import importlib.util
import json
import math
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache, partial

from helpers.setup.machine import cores
from helpers.studies.store import plain


class Processes(ProcessPoolExecutor):
    """Worker processes with one torch thread each, which end when this process does.

    workers: how many, by default one for each core.
    """

    def __init__(self, workers=None):
        context = multiprocessing.get_context("spawn")  # a fork of a process with torch may hang
        limit = 61 if sys.platform == "win32" else math.inf  # Windows waits for no more
        super().__init__(min(workers or cores(), limit), context, _begin_worker)


@cache
def _begin_worker():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    os.environ.update(dict.fromkeys(names, "1"))
    if "torch" in sys.modules:  # what is imported later reads the environment
        sys.modules["torch"].set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def check(fn, name, executor):
    """Raise ValueError if the workers of the executor could not load the function."""
    client = getattr(executor, "_client", None)
    named = fn.func if isinstance(fn, partial) else fn
    module = getattr(named, "__module__", None) or "__main__"
    if hasattr(client, "nthreads"):  # Dask
        for package in sorted({"helpers", module.split(".")[0]} - {"__main__"}):
            _check_cluster(client, package)
    if not isinstance(executor, ProcessPoolExecutor):
        return
    if module == "__main__" and not hasattr(sys.modules["__main__"], "__file__"):
        raise ValueError(
            f"worker processes cannot see {name}, which is defined in this notebook: put it into a "
            "file, with %%writefile measure.py as the first line of its cell, and import it; or "
            "run it without an executor, or on a Dask cluster"
        )
    try:
        pickle.dumps(fn)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"fn cannot be sent to worker processes ({error}): define it with def in a module"
        ) from error


def _check_cluster(client, package):
    found = client.run(importlib.util.find_spec, package)
    if without := [address for address, spec in found.items() if spec is None]:
        raise ValueError(
            f"{len(without)} of {len(found)} Dask workers, such as {without[0]}, cannot import "
            f"{package}: install it there, or send it with client.upload_file"
        )


def outcomes(fn, todo, executor, tick):
    """Yield (key, (result as JSON, error, seconds)) of each run of {key: arguments} as it finishes.

    tick: called every second in which none finished.
    """
    if executor is None:
        yield from ((key, attempt(fn, arguments)) for key, arguments in todo.items())
        return
    crew, suspects = _Crew(fn, executor), {}
    try:
        for runs, at_once in ((todo, None), (suspects, 1)):
            for key, outcome, error in crew.work(runs, tick, at_once):
                if runs is todo and type(error).__name__ in ("BrokenProcessPool", "KilledWorker"):
                    suspects[key] = todo[key]
                else:
                    yield key, outcome or (None, crew.explain(error), None)
    finally:
        crew.leave()


class _Crew:
    """The workers of a sweep: the given executor, or the pool that replaced it."""

    def __init__(self, fn, executor):
        self.executor, self.given, self.running = executor, executor, {}
        self.fn = pickle.dumps(fn) if isinstance(executor, ProcessPoolExecutor) else fn

    def work(self, todo, tick, at_once):
        """Submit all runs; yield (key, what it returned, what it raised) of each as it is done."""
        waiting, done = deque(todo), queue.SimpleQueue()
        while waiting or self.running:
            room = at_once or (self._room() if waiting else 0)
            while waiting and len(self.running) < room:
                future = self._submit(todo[waiting[0]])
                self.running[future] = waiting.popleft()
                future.add_done_callback(done.put)
            try:
                future = done.get(timeout=1)
            except queue.Empty:
                tick()
                continue
            key, outcome, error = self.running.pop(future), None, None
            try:
                outcome = future.result()
            except Exception as failure:
                error = failure
            # Dask repeats what a dying worker had finished, as long as anybody refers to it.
            del future
            yield key, outcome, error

    def _room(self):
        """Return how many runs may be in flight: few, where a dying worker makes them suspects."""
        if isinstance(self.executor, ProcessPoolExecutor):
            return self.executor._max_workers + 1
        client = getattr(self.executor, "_client", None)  # Dask blames all that wait at the worker
        return 2 * max(1, sum(client.nthreads().values())) if client else math.inf

    def _submit(self, arguments):
        try:
            return self.executor.submit(attempt, self.fn, arguments)
        except BrokenProcessPool:
            old = self.executor
            settings = (old._max_workers, old._mp_context, old._initializer, old._initargs)
            each = {"max_tasks_per_child": old._max_tasks_per_child}
            self.executor = ProcessPoolExecutor(*settings, **each)
            return self.executor.submit(attempt, self.fn, arguments)

    def explain(self, error):
        """Return the error in one line; for a worker that died alone, how it ended."""
        if not isinstance(error, BrokenProcessPool):
            return _sentence(error)
        processes = list(self.executor._processes.values())
        self.executor._executor_manager_thread.join()  # until then an exit code may be missing
        # The pool itself ends its idle workers by SIGTERM.
        codes = {process.exitcode for process in processes} - {-signal.SIGTERM, None}
        code = codes.pop() if codes else -signal.SIGTERM
        cause = f"an exit with status {code}; what it printed may say why"
        if code < 0:
            cause = signal.Signals(-code).name + "; is there enough memory?" * (code == -9)
        return f"the worker was ended by {cause}"

    def leave(self):
        """Cancel the runs that wait, and end the worker processes that are still busy."""
        for future in self.running:
            future.cancel()
        if self.running and isinstance(self.executor, ProcessPoolExecutor):
            for process in list((self.executor._processes or {}).values()):
                process.kill()
            if manager := self.executor._executor_manager_thread:
                manager.join()  # from here on the pool knows that it is broken
        if self.executor is not self.given:
            self.executor.shutdown()


def attempt(fn, arguments):
    """Run once, in whichever process; return (result as JSON, error in one line, seconds)."""
    start, text, error = time.perf_counter(), None, None
    try:
        if isinstance(fn, bytes):  # loaded only here, so that a failure costs no worker
            _begin_worker()
            fn, start = pickle.loads(fn), time.perf_counter()
        with _interrupt_is_final():
            result = fn(**copy.deepcopy(arguments))  # the next run may have the same list
        text = json.dumps(plain(result))
    except (Exception, SystemExit) as failure:
        error = _sentence(failure)
    return text, error, round(time.perf_counter() - start, 3)


def _sentence(error):
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


@contextmanager
def _interrupt_is_final():
    """Raise KeyboardInterrupt even if the function survives one, as trainings do."""
    before, noticed = signal.getsignal(signal.SIGINT), []
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *now: noticed.append(now) or before(*now))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if noticed:
            raise KeyboardInterrupt
