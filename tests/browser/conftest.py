"""A JupyterLab over copies of the notebooks, for all tests of this folder."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
import small_book
from lab import (
    CHROMIUM,
    ROOT,
    chromium,
    jupyterlab,
    new_page,
    open_notebook,
    run_all,
    turn_to,
    watched,
    write_notebook,
)
from shortened import shortened

OLD_KERNEL = "ipykernel==6.31.0"  # the last before callbacks moved to other threads
CONTROLS = """
from helpers import explore, plots
picture, axes = plots.figure(size=(5, 3))
axes.set(xlim=(0, 10), ylim=(-5, 5))
(line,) = axes.plot([], [])
def update(count=3, height=2.0, kind="line", side="left", thick=False):
    xs = range(count + 1) if side == "left" else range(10 - count, 11)
    line.set_data(xs, [height] * len(xs))
    line.set(linestyle={"line": "-", "dots": ":", "dashes": "--"}[kind], linewidth=2 + 7 * thick)
    return f"{count} {kind} at {height:.1f}, {side}, {'thick' if thick else 'thin'}."
choices = {"kind": ["line", "dots", "dashes"], "side": ["left", "right"]}
labels = {"height": "height, m"}
explore.explore(
    picture, update, labels, count=(1, 9), height=(-4.0, 4.0), thick=False, **choices
)
"""
BROKEN = """
from helpers import explore, plots
picture, axes = plots.figure(size=(5, 3))
(line,) = axes.plot([0, 1], [0, 1])
def update(x=1):
    line.set_data([0, 1], [0, 1 / x])
    return f"x is {x}."
explore.explore(picture, update, x=(0, 3))
"""
VERSION = """
import ipykernel
print("ipykernel", ipykernel.__version__)
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
BESIDE = """
beside, axes = plots.figure(size=(4, 2))
axes.set(xlim=(0, 30))
(dot,) = axes.plot([0], [0], "o")
def place(x=1):
    dot.set_data([x], [0])
    return f"The dot is at {x}."
explore.explore(beside, place, x=(0, 30))
"""
QUESTION = """
from helpers.quizzes.quiz import Question
answers = [("3", "One is lost."), ("4", "It is the sum."), ("22", "That joins them.")]
Question("What is 2 + 2?", answers, right=1)
"""
BUSY = """
import time
time.sleep(20)
"""

pages = small_book.pages


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None:
        message = "no Chromium: install it, for example with 'apt-get install chromium'"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with chromium() as browser:
        yield browser


@pytest.fixture
def offline(browser):
    """A page without a network; at the end there must be no error, and no request to a network."""
    context = browser.new_context(viewport={"width": 1100, "height": 800}, offline=True)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: (
            wrong.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(("file:", "data:")) else wrong.append(asked.url),
    )

    yield page
    context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """The folder of a JupyterLab, with copies of the notebooks and some of our own."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    for path in (home / "notebooks").glob("*.ipynb"):
        nbformat.write(shortened(path.stem), path)
    race = up_to("04_plain_vs_residual", "race")
    assert race.cells[-1].source.count("race_panel.play()") == 1
    race.cells[-1].source = race.cells[-1].source.replace(".play()", "")  # waits at its start
    nbformat.write(race, home / "notebooks" / "race.ipynb")
    stored = up_to("01_the_residual_block", "switch-the-shortcut")
    nbformat.write(stored, home / "notebooks" / "stored.ipynb")
    write_notebook(home / "notebooks" / "controls.ipynb", CONTROLS)
    write_notebook(home / "notebooks" / "question.ipynb", QUESTION, BUSY)
    write_notebook(home / "notebooks" / "screens.ipynb", BROKEN, CONTROLS, QUESTION)
    write_for_a_kernel(home, "python3")
    return home


def up_to(name, last):
    """Return a notebook of the course, as it is stored, without the cells after ``last``."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    at = next(i for i, cell in enumerate(notebook.cells) if cell.id == last)
    notebook.cells = notebook.cells[: at + 1]
    return notebook


def write_for_a_kernel(home, kernel):
    for name, sources in {"broken": [BROKEN], "film": [FILM, BESIDE]}.items():
        path = home / "notebooks" / f"{name}_{kernel}.ipynb"
        write_notebook(path, VERSION, *sources, kernel=kernel)


@pytest.fixture(scope="session")
def lab(home):
    """A JupyterLab over ``home``; yields its address."""
    with jupyterlab(home) as address:
        yield address


@pytest.fixture(scope="session")
def old_kernel(home, lab, desk):
    """Give the JupyterLab a second kernel, of the major version before; its page is loaded anew."""
    folder = home / "old"
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [sys.executable, "-m", "pip", *install, "--target", str(folder), OLD_KERNEL]
    subprocess.run(command, check=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    spec = {"argv": argv, "display_name": "old", "language": "python", "env": {"PYTHONPATH": path}}
    (home / "data" / "kernels" / "old").mkdir(parents=True)
    (home / "data" / "kernels" / "old" / "kernel.json").write_text(
        json.dumps(spec), encoding="utf-8"
    )
    write_for_a_kernel(home, "old")
    open_notebook(desk, lab, "question")


@pytest.fixture(params=["python3", pytest.param("old", marks=pytest.mark.slow)])
def kernel(request):
    """The name of a kernel: that of the environment, and one of the major version before."""
    if request.param == "old":
        request.getfixturevalue("old_kernel")
    return request.param


@pytest.fixture(scope="session")
def window(browser):
    """What the pages of JupyterLab share: its program is loaded once."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context
    context.close()


@pytest.fixture(scope="session")
def desk(window, lab):
    """A page for all notebooks, one after another: to load it takes longer than most tests."""
    with new_page(window, lab, "question") as page:
        yield page


@pytest.fixture
def opened(desk):
    """Open a notebook and run all of it; at the end there must be no error on the page."""

    def open_and_run(name, run=True):
        turn_to(desk, name)
        if run:
            run_all(desk)
        return desk

    with watched(desk):
        yield open_and_run
