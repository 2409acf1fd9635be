"""What the course changes of the Jupyter server."""

from types import SimpleNamespace

from jupyter_server.services.kernels.connection.channels import (
    ZMQChannelsWebsocketConnection as Usual,
)
from lab import PROMPT

from helpers.setup import server


def test_messages_wait_for_no_acknowledgement_and_all_else_is_as_usual(monkeypatch):
    done = []
    monkeypatch.setattr(Usual, "connect", lambda self: done.append("connected"))
    handler = SimpleNamespace(set_nodelay=lambda value: done.append(f"nodelay {value}"))
    monkeypatch.setattr(server.PromptConnection, "websocket_handler", handler, raising=False)
    server.PromptConnection.connect(server.PromptConnection.__new__(server.PromptConnection))
    assert done == ["nodelay True", "connected"]


def test_make_lab_asks_for_this_connection():
    assert PROMPT.endswith(f"={server.__name__}.{server.PromptConnection.__name__}")
    assert issubclass(server.PromptConnection, Usual)
