"""What the course changes of the Jupyter server."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from jupyter_server.services.kernels.connection.channels import (
    ZMQChannelsWebsocketConnection as Usual,
)

from helpers.setup import server

NO_SCREEN = dict.fromkeys(("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"), "")
CONFIG = [".default_url = '/lab/tree/mine'\n"]
CONFIG += [".open_browser = False\n"] * (sys.platform == "linux")  # elsewhere there is a screen


def test_messages_wait_for_no_acknowledgement_and_all_else_is_as_usual(monkeypatch):
    done = []
    monkeypatch.setattr(Usual, "connect", lambda self: done.append("connected"))
    handler = SimpleNamespace(set_nodelay=lambda value: done.append(f"nodelay {value}"))
    monkeypatch.setattr(server.PromptConnection, "websocket_handler", handler, raising=False)
    server.PromptConnection.connect(server.PromptConnection.__new__(server.PromptConnection))
    assert done == ["nodelay True", "connected"]


def test_the_option_names_this_connection():
    assert server.PROMPT.endswith(f"={server.__name__}.{server.PromptConnection.__name__}")
    assert issubclass(server.PromptConnection, Usual)


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"])
def test_a_browser_opens_only_where_there_is_a_screen(monkeypatch, name):
    for other in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not server.has_screen()
    monkeypatch.setenv(name, ":0")
    assert server.has_screen()
    monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert server.has_screen()


def test_options_that_cannot_be_read_are_named(monkeypatch):
    monkeypatch.setenv("LAB", "--notebook-dir=it's")
    with pytest.raises(SystemExit, match=r"^LAB=--notebook-dir=it's cannot be read: No closing"):
        server.main()


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ("--LabApp.default_url=/lab/tree/mine --show-config", CONFIG),
        ("--help", ["jupyter lab --core-mode"]),
    ],
)
def test_options_of_jupyterlab_come_before_those_of_the_course(options, printed):
    done = subprocess.run(
        [sys.executable, "-m", server.__name__],
        env=os.environ | {"LAB": options, "PYTHONPATH": str(server.ROOT), **NO_SCREEN},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert [line for line in printed if line not in done.stdout] == []
    assert "Traceback" not in done.stdout + done.stderr
