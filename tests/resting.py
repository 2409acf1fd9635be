"""A panel that rests, its page, and a kernel: what tests of looking ahead share."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from helpers import plots
from helpers.explore import explore
from helpers.panels import ahead
from helpers.panels import panel as panel_module


class Page:
    """The page's side of a panel: moves its controls, and keeps what is sent ahead."""

    def __init__(self, panel):
        self.panel, self.pictures, self.forgotten, self.times = panel, {}, 0, []
        self.answers = True
        panel._screen.send = self.take

    def take(self, message, buffers=None):
        if message == "here":
            return
        self.times.append(time.monotonic())
        if "forget" in message:
            self.pictures.clear()
            self.forgotten += 1
            return
        for key in message["dropped"]:
            del self.pictures[key]
        self.pictures[message["places"]] = buffers[0], message["sentence"]
        if self.answers:
            self.panel._screen._handle_custom_msg({"got": message["places"]}, [])

    def move(self, **values):
        for name, value in values.items():
            self.panel.controls[name].value = value

    def touch(self, number):
        self.panel._screen._handle_custom_msg({"touched": number}, [])


@pytest.fixture
def kernel(monkeypatch):
    """Run what a page does on a loop, as a kernel does, for so many seconds."""
    parent = {"msg_type": "comm_msg"}
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: parent))
    monkeypatch.setattr(panel_module, "get_ipython", lambda: shell)
    monkeypatch.setattr(ahead, "REST", 0.0)
    monkeypatch.setattr(ahead, "PAUSE", 0.0)

    def run(*acts, seconds=10.0):
        async def live():
            for act in acts:
                act()
                end = time.monotonic() + seconds
                await asyncio.sleep(0.01)
                while any(at() and at()._run for at in ahead._panels) and time.monotonic() < end:
                    await asyncio.sleep(0.01)

        asyncio.run(live())

    run.parent = parent
    playwrights = asyncio._get_running_loop()  # it leaves a loop on this thread
    asyncio._set_running_loop(None)
    yield run
    asyncio._set_running_loop(playwrights)


def small(update=None, **options):
    """A panel with a slider of six places, and one with two; and its page."""
    picture, axes = plots.figure(size=(2, 1))
    axes.set(xlim=(0, 6), ylim=(0, 6))
    (line,) = axes.plot([], [])

    def move(x=2, wide=False):
        line.set(data=([0, 6], [x, x]), linewidth=3 if wide else 1)
        return f"{x} and {wide}."

    panel = explore(picture, update or move, x=(0, 5), wide=False, **options)
    return panel, Page(panel)
