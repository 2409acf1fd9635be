"""What the tests of sweeps share: functions to run, fixtures, and ways to look at what happened.

Worker processes import this file; nothing heavy here.
"""

import json
import os
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
