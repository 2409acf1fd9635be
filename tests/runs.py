"""What the tests of sweeps share: functions to run, fixtures, and ways to look at what happened.

Worker processes import this file; nothing heavy here.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "2",  # which a worker must not take over
}


def mark(folder, x):
    with open(f"{folder}/{x}", "a") as file:
        file.write(f"{os.getpid()}\n")


def marks(folder):
    """Return how often each run was begun."""
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


def lines(store):
    return [json.loads(line) for line in Path(store).read_text(encoding="utf-8").splitlines()]


def stored(store):
    """Return the argument x of each line; a broken line is an error."""
    return [entry["arguments"]["x"] for entry in lines(store)]


def until(condition, *arguments, seconds=20):
    """Wait until the condition is true."""
    end = time.monotonic() + seconds
    while not condition(*arguments):
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.01)


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


def check_hazards(rows, folder, killed, left):
    """Two runs that took their workers with them, and six that had to be finished."""
    assert [row.result for row in rows] == [0, 1, None, 3, None, None, None, 7]
    assert killed in rows[2].error
    assert left in rows[4].error
    assert rows[2].seconds is rows[4].seconds is None
    assert rows[5].error == "Sulking: no, and never"
    assert rows[6].error == "SystemExit: I leave"
    assert {row.error for row in rows if row.result is not None} == {None}
    assert marks(folder).keys() == set(range(8))


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
        code = code.format(store=tmp_path / "runs.jsonl", marks=tmp_path / "marks")
        path.write_text(code, encoding="utf-8")
        command = [sys.executable, "-W", "error", path]
        started.append(subprocess.Popen(command, env=ENVIRONMENT, text=True, **options))
        return started[-1]

    started = []
    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in filter(None, (process.stdout, process.stderr)):
            pipe.close()
