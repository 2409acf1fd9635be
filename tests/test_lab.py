"""`make lab`, as a reader types it, in a fresh clone whose folder has a difficult name."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import websocket

from helpers.setup import environment
from helpers.setup.machine import ROOT

# what a shell would take for more than text
DIFFICULT = "Kürs von Anna's $HOME; (1)"
SIZE = "1.5; echo $HOME `id`"
NEW = "$HOME & `id`"
MINUTE = 60
HELLO = """
import json, os, helpers
print(json.dumps([helpers.__file__, os.environ["EXPLORE_SIZE"]]))
"""


@pytest.fixture
def course(tmp_path):
    """A clone of this folder and what was changed in it, with links to the environment in use."""
    if os.name == "nt" or not shutil.which("make"):
        pytest.skip("needs make and symbolic links")
    clone = tmp_path / DIFFICULT
    try:
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        changes = subprocess.check_output(["git", "diff", "HEAD", "--binary"], cwd=ROOT)
        if changes:
            subprocess.run(["git", "apply"], cwd=clone, input=changes, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, no repository, or somebody else's
        clone.mkdir()
        for name in ("helpers", "notebooks", "data"):
            shutil.copytree(ROOT / name, clone / name)
        for path in (ROOT / "Makefile", *environment.FILES):
            shutil.copy(path, clone)
    (clone / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name not in ("ready", "state"):
            (clone / ".venv" / entry.name).symlink_to(entry)
    made_of = b"".join((clone / path.name).read_bytes() for path in environment.FILES)
    (clone / ".venv" / "ready").write_bytes(made_of)
    return clone


@contextmanager
def make_lab(course):
    """Start JupyterLab; yield all that was printed, its address, and the port that was taken."""
    log = course / ".venv" / "log"
    hidden = {"MAKEFLAGS", "MAKELEVEL", "PYTHONPATH", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    with socket.socket() as taken, log.open("w") as file:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = f"LAB=--port={port} --ContentsManager.untitled_file='{NEW}'"
        command = ["make", "lab", "VENV=.venv", f"SIZE={SIZE}", options]
        output = {"stdout": file, "stderr": file}
        made = subprocess.Popen(command, cwd=course, env=environ, start_new_session=True, **output)
        try:
            yield *printed(log, made), port
        finally:
            if made.poll() is None:
                os.killpg(made.pid, signal.SIGTERM)
                made.wait(MINUTE)


def printed(log, made):
    """Wait for the address of JupyterLab; return all that was printed, and it."""
    end = time.monotonic() + MINUTE
    while made.poll() is None and time.monotonic() < end:
        text = log.read_text(encoding="utf-8")
        if text.endswith("\n\n") and (found := re.search(r"^ +(http://\S+)$", text, re.MULTILINE)):
            return text, found[1]
        time.sleep(0.1)
    raise AssertionError(f"make lab did not open the course: {log.read_text(encoding='utf-8')}")


def answer(address, path, data=None):
    """Ask the server; return its answer as text."""
    parts = urlsplit(address)
    headers = {"Authorization": f"token {parse_qs(parts.query)['token'][0]}"}
    request = urllib.request.Request(f"http://{parts.netloc}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=MINUTE) as reply:
        return reply.read().decode()


def say_in_a_kernel(address, code):
    """Start a kernel in notebooks/ as a page does, and return what ``code`` prints."""
    kernel = json.loads(answer(address, "/api/kernels", b'{"path": "a_notebook.ipynb"}'))["id"]
    parts = urlsplit(address)
    channel = f"ws://{parts.netloc}/api/kernels/{kernel}/channels?{parts.query}"
    header = {"msg_id": "asked", "msg_type": "execute_request", "session": "s", "username": "u"}
    content = {"code": code, "silent": False, "user_expressions": {}, "stop_on_error": True}
    asked = {"channel": "shell", "header": header, "content": content}
    connection = websocket.create_connection(channel, timeout=MINUTE)
    connection.send(json.dumps(asked | {"parent_header": {}, "metadata": {}}))
    text = ""
    while True:
        message = json.loads(connection.recv())
        if message["parent_header"].get("msg_id") == "asked":
            text += message["content"].get("text", "")
            if message["msg_type"] == "execute_reply":
                assert message["content"]["status"] == "ok", message["content"]
            if message["content"].get("execution_state") == "idle":
                connection.close()
                return text


def test_make_lab_opens_the_course_for_everybody(course):
    """For root too, where there is no browser, with options, and at a port that is taken."""
    with make_lab(course) as (text, address, taken):
        place = urlsplit(address)
        assert taken < place.port <= taken + 50
        assert ("--allow-root" in text) == (os.geteuid() == 0)
        assert text.rstrip().endswith(address.replace("localhost", "127.0.0.1"))
        assert len(re.findall("http://", text)) == 2  # one place, by two names
        assert place.path == "/lab/tree/00_start_here.ipynb"
        assert "<title>JupyterLab</title>" in answer(address, place.path)
        new = answer(address, "/api/contents", b'{"type": "file"}')
        assert json.loads(new)["name"] == NEW
        said = json.loads(say_in_a_kernel(address, HELLO))
        assert said == [str(course / "helpers" / "__init__.py"), SIZE]
