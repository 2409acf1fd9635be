"""A real JupyterLab in a real Chromium: for the tests of this folder, the benchmarks and the
pictures of the README.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import expect, sync_playwright

from helpers.setup.server import PROMPT

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
MINUTE = 60_000  # milliseconds
PANEL = ".jp-OutputArea-output .widget-vbox:has(> .explore, > .widget-image)"
# Closes what is open, without a question whether to store it, and opens a notebook.
TURN_TO = """
async path => {
  const { commands, shell } = window.jupyterapp;
  document.querySelectorAll(".jp-Dialog .jp-mod-accept").forEach(button => button.click());
  for (const widget of [...shell.widgets("main")]) {
    if (widget.context) widget.context.model.dirty = false;
    widget.close();
  }
  await commands.execute("docmanager:open", { path });
}
"""
# What JupyterLab itself throws, at times in the test after, when a kernel died or was shut down.
LOST_KERNEL = re.compile("Canceled future for |Kernel connection disconnected")
STDERR = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']"


@contextmanager
def chromium():
    """Start a browser without a window."""
    with sync_playwright() as playwright:
        options = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@contextmanager
def jupyterlab(home, environment=None, prompt=True):
    """Start a JupyterLab of its own over ``home``/notebooks, with settings of its own; yield its
    address. prompt: whether with the server option of ``make lab``, which a hub has not.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = home / "config" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}', encoding="utf-8"
    )
    places = {
        f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    access = [f"--port={port}", "--IdentityProvider.token=", "--ServerApp.password="]
    access += ["--LabApp.expose_app_in_browser=True"]  # for turn_to
    options = ["--no-browser", "--allow-root", *([PROMPT] if prompt else []), *access]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            *options,
            f"--ServerApp.root_dir={home / 'notebooks'}",
        ],
        env=os.environ | places | {"HOME": str(home)} | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(address):
    """Wait until a server answers at an address."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.3)
    raise TimeoutError(f"nothing answers at {address}")


def open_notebook(page, address, name):
    """Open a notebook, and wait until it stands there and its kernel is idle."""
    page.goto(f"{address}/lab/tree/{name}.ipynb?reset", timeout=MINUTE)
    _wait_until_it_stands(page)


@contextmanager
def new_page(window, address, name):
    """Open a notebook on a page of its own."""
    page = window.new_page()
    open_notebook(page, address, name)
    yield page
    page.close()


def turn_to(page, name):
    """Do the same on a page that shows another notebook of that JupyterLab: a quarter of the time.

    The kernel of the other one stays, as it does when its page is left.
    """
    page.evaluate(TURN_TO, f"{name}.ipynb")
    _wait_until_it_stands(page)


def _wait_until_it_stands(page):
    page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-editor").first.wait_for(timeout=MINUTE)
    expect(page.get_by_text(re.compile(r"\| Idle$"))).to_be_visible(timeout=MINUTE)


def run_all(page, minutes=2):
    """Run all cells of the notebook that is open; nothing may appear on stderr."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    page.locator(PANEL).first.wait_for(timeout=minutes * MINUTE)
    expect(page.get_by_text("[*]:")).to_have_count(0, timeout=minutes * MINUTE)
    expect(page.get_by_text(re.compile(r"\| Idle$"))).to_be_visible(timeout=MINUTE)
    assert page.locator(STDERR).count() == 0


@contextmanager
def watched(page):
    """At the end there must have been no error on the page, but JupyterLab's when a kernel died."""
    errors = []

    def note(error):
        if not LOST_KERNEL.search(str(error)):
            errors.append(str(error))

    page.on("pageerror", note)
    yield
    page.remove_listener("pageerror", note)
    assert errors == [], errors


def write_notebook(path, *sources, kernel="python3"):
    """Store a notebook of code cells."""
    kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)
