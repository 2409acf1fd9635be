"""A real JupyterLab in a real Chromium, for the tests of this folder and for the pictures of the README."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MINUTE = 60_000  # milliseconds
PANEL = ".jp-OutputArea-output .widget-vbox:has(> .widget-image)"

BROKEN = """
from helpers import explore, plots
picture, axes = plots.figure(size=(5, 3))
(line,) = axes.plot([0, 1], [0, 1])
def update(x=1):
    line.set_data([0, 1], [0, 1 / x])
    return f"x is {x}."
explore.explore(picture, update, x=(0, 3))
"""
FILM = """
import time
from helpers import explore, plots
picture, axes = plots.figure(size=(5, 3))
axes.set(xlim=(0, 40), ylim=(0, 10))
(line,) = axes.plot([], [])
def film(height=5):
    for number in range(1000):
        line.set_data([0, number % 40], [0, height])
        yield number / 1000, f"Frame {number}."
        time.sleep(0.02)
explore.explore(picture, film, height=(1, 9))
"""


# Cells that the panels of a notebook do not need, and shorter trainings: nbval runs all of it, the browser need not.
LEFT_OUT = {
    "03_two_more_layers": ["larger-steps", "learn-to-copy", "copy-picture", "copy-claims", "skip-or-start"],
    "05_matching_dimensions": ["train-A-B-C", "published-A-B-C", "picture-A-B-C", "claims-A-B-C"],
    "06_resnets_on_images": [
        "claims-study",
        "read-out",
        "read-out-claims",
        "contributions",
        "picture-contributions",
        "claims-contributions",
    ],
}
SHORTER = {"06_resnets_on_images": ("study", "range(5), 3\n", "range(5), 1\n")}


def shorten(path):
    """Take from a copy of a notebook what the test of its panels can do without."""
    notebook = nbformat.read(path, as_version=4)
    assert set(LEFT_OUT[path.stem]) < {cell.id for cell in notebook.cells}
    notebook.cells = [cell for cell in notebook.cells if cell.id not in LEFT_OUT[path.stem]]
    for cell in notebook.cells:
        name, long, short = SHORTER.get(path.stem, (None, "", ""))
        if cell.id == name:
            assert cell.source.count(long) == 1
            cell.source = cell.source.replace(long, short)
    nbformat.write(notebook, path)


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        message = "no Chromium: install it, for example with 'apt-get install chromium'"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab of its own, over a copy of the notebooks; yields its address."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    for name in LEFT_OUT:
        shorten(home / "notebooks" / f"{name}.ipynb")
    notebook = nbformat.read(ROOT / "notebooks" / "04_plain_vs_residual.ipynb", as_version=4)
    race = next(i for i, cell in enumerate(notebook.cells) if cell.id == "race")
    notebook.cells = notebook.cells[: race + 1]
    nbformat.write(notebook, home / "notebooks" / "race.ipynb")
    for name, source in {"broken": BROKEN, "film": FILM}.items():
        cells = [nbformat.v4.new_code_cell(source.strip())]
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata), home / "notebooks" / f"{name}.ipynb"
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = home / "config" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}', encoding="utf-8")
    places = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=", "--ServerApp.password="]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={home / 'notebooks'}"],
        env=os.environ | places | {"HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2).close()
            break
        except OSError:
            time.sleep(0.3)
    yield address
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture
def opened(browser, lab, tmp_path):
    """Open a notebook and run all of it; at the end there must be no error on the page."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def open_and_run(name):
        page.goto(f"{lab}/lab/tree/{name}.ipynb?reset", timeout=MINUTE)
        page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-editor").first.wait_for(timeout=MINUTE)
        idle = page.get_by_text(re.compile(r"\| Idle$"))
        expect(idle).to_be_visible(timeout=MINUTE)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        page.locator(PANEL).first.wait_for(timeout=MINUTE)
        expect(page.get_by_text("[*]:")).to_have_count(0, timeout=2 * MINUTE)
        expect(idle).to_be_visible(timeout=MINUTE)
        assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        return page

    yield open_and_run
    page.close()
    assert errors == []
