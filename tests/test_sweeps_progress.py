"""What the reader of a sweep sees: a progress bar, a stop button, and advice."""

import os
import re
import subprocess
import time
from contextlib import suppress

import pytest
import runs
from runs import ENVIRONMENT, lines

from helpers.studies import sweeps

store, script = runs.store, runs.script


BAR = """
from helpers.studies import sweeps
from test_sweeps_progress import nap

sweeps.run(nap, {{"x": [1, 2, 0, 4]}}, store="{store}", version="1")
"""


def nap(x):
    time.sleep(0.25)
    return 1 / x


def test_a_progress_bar_with_time_left_in_a_terminal(script, store):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")  # not on Windows
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
import runs
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
grid = {{"x": [1, 2], "seconds": [60.0]}}
rows = sweeps.run(runs.square, grid, sweeps.Processes(1), progress=False)
print([row.error for row in rows])
print("the end")
"""


@pytest.fixture
def kernel(monkeypatch):
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    manager, client = start_new_kernel()
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
def test_a_notebook_has_a_bar_a_stop_button_and_advice(kernel, store):
    manager, client = kernel
    client.execute(CELLS.format(store=str(store)))
    printed, shown = "", []
    while "the end" not in printed:
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
