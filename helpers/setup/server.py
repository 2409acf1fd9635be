"""The JupyterLab of ``make lab``: its answers leave at once, and it prints its address last."""

import os
import shlex
import sys
from functools import partial

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config

from helpers.setup.machine import ROOT

PROMPT = "--ServerApp.kernel_websocket_connection_class=helpers.setup.server.PromptConnection"
FIRST = min((ROOT / "notebooks").glob("[!.]*.ipynb"))


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The connection between a page and its kernel, without Nagle's algorithm.

    That algorithm holds a small message back until the one before it is acknowledged. A page
    acknowledges up to 40 ms late, and a kernel answers a slider with four messages in a row: during
    a drag, every second picture would be lost.
    """

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()


class CourseServer(ServerApp):
    """A Jupyter server that prints its address once, at the end."""

    def start_app(self):
        address = self.connect_url
        self.identity_provider.token_generated = False  # or Jupyter lists other addresses
        super().start_app()
        print(f"\nPress Ctrl+C twice to stop the course. It is at\n\n    {address}\n", flush=True)


def main():
    """Open the course in JupyterLab, with the options in the environment variable LAB."""
    try:
        options = shlex.split(os.environ.get("LAB", ""))
    except ValueError as error:
        sys.exit(f"LAB={os.environ['LAB']} cannot be read: {error}.")
    # not above: this import takes seconds, since it asks node for its settings
    from jupyterlab.labapp import LabApp

    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        print("You are root, as in most containers: JupyterLab is started with --allow-root.")
    if not has_screen():  # Python would open a browser of text, in this terminal
        options.append("--no-browser")
    # Not as options: JupyterLab refuses one that LAB gives again.
    LabApp.make_serverapp = partial(
        CourseServer.instance,
        config=Config(LabApp={"default_url": f"/lab/tree/{FIRST.name}", "log_level": "WARN"}),
        root_dir=str(FIRST.parent),
        allow_root=root,
        log_level="WARN",  # information would be some thirty lines
    )
    LabApp.launch_instance([PROMPT, *options])


def has_screen():
    """Return whether a browser could open a window here."""
    return sys.platform != "linux" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


if __name__ == "__main__":
    main()
