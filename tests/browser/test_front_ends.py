"""Panels and questions in other front ends: each appears once, moves, and keeps its keys."""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from lab import MINUTE, ROOT, jupyterlab, open_notebook, wait_for
from playwright.sync_api import expect

from helpers.panels.panel import Screen

PACKAGES = ("notebook==7.6.5", "nbclassic==1.3.3", "voila==0.5.13", "websockets")
PANEL = ".widget-vbox:has(> .explore)"
CELLS = ".jp-Cell, .cell"
# Two cells of a page that has classes of its own, or none. A view is put up in the first output of
# the first; the next outputs come before it, or after it. Then the view is removed.
PAGE = """
async ([code, outputs, late]) => {
  const { default: screen } = await import(`data:text/javascript;base64,${btoa(code)}`);
  const values = { png: new DataView(new ArrayBuffer(0)), width: 8, height: 8, size: 1 };
  Object.assign(values, { sentence: "a", stand_in: "a is  1. Run this cell.", pixel_ratio: 1 });
  values.words = {};
  const model = { get: name => values[name], set() {}, save_changes() {}, on() {}, off() {} };
  const cells = [0, 1].map(() => document.createElement("section"));
  const first = document.createElement("div"), el = document.createElement("div");
  const panel = document.createElement("div");
  panel.className = "widget-vbox";
  panel.append(document.createElement("div"), el);
  first.append(panel);
  const put = cell => outputs.forEach(html => {
    const output = document.createElement("div");
    output.innerHTML = html;
    cell.append(output);
  });
  for (const cell of cells) cell.append("code");
  cells[0].append(first);
  if (!late) put(cells[0]);
  put(cells[1]);
  document.body.replaceChildren(...cells);
  const end = screen.render({ model, el });
  if (late) put(cells[0]);
  await new Promise(requestAnimationFrame);
  const see = () => cells.map(cell => [...cell.children].map(output => output.checkVisibility()));
  const alive = see();
  end();
  return [alive, see()];
}
"""
PICTURE = "<p></p><div><img alt='' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='></div>"
NOTE = "<div></div><div><p>a is 1. Run this cell.</p></div>"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        ([PICTURE, NOTE], [False, False]),
        (["<pre>printed</pre>", PICTURE, NOTE, PICTURE, NOTE], [True, False, False, True, True]),
        ([NOTE], [False]),
        ([PICTURE, "<p>Another note.</p>"], [True, True]),
    ],
)
def test_a_live_view_hides_its_own_stand_in_and_nothing_else(offline, late, outputs, shown):
    alive, removed = offline.evaluate(PAGE, [Screen._esm, outputs, late])
    everything = [True] * len(outputs)
    assert alive == [[True, *shown], everything]
    assert removed == [[True, *everything], everything]


@pytest.mark.slow
def test_a_server_without_anywidget_is_told_what_it_lacks_and_the_pictures_stay(
    browser, home, tmp_path
):
    page = browser.new_page()
    (tmp_path / "notebooks").mkdir()
    shutil.copy(home / "notebooks" / "screens.ipynb", tmp_path / "notebooks")
    with jupyterlab(tmp_path) as address:
        config = tmp_path / "config" / "labconfig" / "page_config.json"
        config.write_text('{"disabledExtensions": {"anywidget": true}}', encoding="utf-8")
        open_notebook(page, address, "screens")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
        said = page.locator(".course-lacking").first
        expect(said).to_contain_text("the server of this page lacks the package anywidget")
        page.wait_for_function("said => said.offsetHeight > 0", arg=said.element_handle())
        stored = page.get_by_text("To move the controls, run this cell.").first
        expect(stored).to_be_visible()
        expect(page.locator(".jp-RenderedImage img").first).to_be_visible()
    page.close()


@pytest.fixture(scope="session")
def front_ends(tmp_path_factory):
    """A folder with front ends that the course does not install."""
    folder = tmp_path_factory.mktemp("front_ends")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--no-deps", "--target", str(folder), *PACKAGES], check=True)
    return folder


@contextmanager
def served(folder, name, notebook):
    """Let a front end show a notebook; yield the address of the notebook."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"PYTHONPATH": [str(ROOT), folder], "JUPYTER_PATH": [folder / "share" / "jupyter"]}
    own["JUPYTER_CONFIG_PATH"] = [folder / "etc" / "jupyter", f"{sys.prefix}/etc/jupyter"]
    places = {key: os.pathsep.join(map(str, paths)) for key, paths in own.items()}
    home = notebook.parent / name
    places |= {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    address, options = f"http://127.0.0.1:{port}", [f"--port={port}", "--no-browser"]
    if name == "voila":
        path, options = "", [str(notebook), *options]
    else:
        path = {"notebook": "notebooks", "nbclassic": "nbclassic/notebooks"}[name] + "/a.ipynb"
        options += ["--allow-root", "--IdentityProvider.token=", "--ServerApp.password="]
        options += [f"--ServerApp.root_dir={notebook.parent}"]
    server = subprocess.Popen(
        [sys.executable, "-m", name, *options],
        env=os.environ | places | {"HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"{address}/api" if path else address)
        yield f"{address}/{path}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def run(page, name):
    """Run all cells of a notebook that is being opened."""
    if name == "notebook":
        page.get_by_text("Python 3 (ipykernel)").wait_for(timeout=MINUTE)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    if name == "nbclassic":
        page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected()", timeout=MINUTE)
        page.wait_for_timeout(4000)  # nothing says that the code for widgets has been loaded
        page.evaluate("Jupyter.notebook.execute_all_cells()")
    page.locator(".quiz").wait_for(timeout=MINUTE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["notebook", "nbclassic", "voila"])
def test_panels_and_questions_work(browser, home, front_ends, tmp_path, name):
    notebook = tmp_path / "a.ipynb"
    shutil.copy(home / "notebooks" / "screens.ipynb", notebook)
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    with served(front_ends, name, notebook) as address:
        page.goto(address)
        run(page, name)
        panel, asked = page.locator(PANEL).first, page.locator(".quiz")
        panel.locator(".noUi-handle").press("ArrowRight")
        expect(panel.get_by_role("status").first).to_have_text("x is 2.")
        for note in ("To move the controls, run this cell.", "To answer, run this cell."):
            expect(page.get_by_text(note).first).to_be_hidden()
        expect(page.locator(".course-lacking").first).to_be_hidden()
        pictures = page.locator("img[src^='data:image/png']").all()
        assert [picture.is_visible() for picture in pictures] == [True, False, True, False]
        cells = page.locator(CELLS).count()
        page.keyboard.type("dda")
        asked.get_by_role("radio").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.type("dd")
        expect(asked.get_by_role("status")).to_contain_text("Right.")
        assert page.locator(CELLS).count() == cells
    page.close()
