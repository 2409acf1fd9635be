"""What fails while a notebook is run for teachers or the book is one sentence with its place."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from helpers.press import book, teacher

PANEL = """
from helpers import explore, plots

explore.explore(plots.figure(size=(3, 2))[0], lambda x=1.0: f"{1 / x}", x=(0.0, 2.0, 1.0))"""


def course(folder, source):
    """The path of a notebook whose second cell with code has this source; with solutions."""
    cells = [nbformat.v4.new_markdown_cell("# 1 · A"), nbformat.v4.new_code_cell("1 + 1")]
    cells += [nbformat.v4.new_markdown_cell("B"), nbformat.v4.new_code_cell(source, id="the-one")]
    path = folder / "01_a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    (folder / "solutions").mkdir()
    (folder / "solutions" / "01.md").write_text("# None yet\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("build", [book.build, teacher.build])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print(1)\nassert 1 == 2, 'no'", "AssertionError: no"),
        ("assert 1 == 2", "AssertionError"),
        ("import os; os._exit(1)", "Kernel died"),
    ],
)
def test_a_cell_that_fails_is_named_with_its_notebook_and_its_error(tmp_path, build, source, said):
    path = course(tmp_path, source)
    with pytest.raises(ValueError, match=said) as caught:
        list(build(tmp_path / "build", [path]))
    assert str(caught.value) == f"{path}, cell [2] (the-one): {said}"


def test_a_panel_that_fails_at_one_of_its_positions_is_named(tmp_path):
    path = course(tmp_path, PANEL)
    with pytest.raises(ValueError, match=r"cell \[2\] \(the-one\): ZeroDivisionError: "):
        book.build(tmp_path / "build", [path])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("name", ["book", "teacher"])
def test_a_command_that_is_stopped_says_so_and_nothing_more(tmp_path, name):
    """With Ctrl-C, which its kernel gets, too: only once the kernel is up, so it leaves a mark."""
    mark = tmp_path / "mark"
    path = course(tmp_path, f"import time\nopen({str(mark)!r}, 'w').close()\ntime.sleep(60)")
    command = [sys.executable, "-m", f"helpers.press.{name}", str(tmp_path / "build"), str(path)]
    root = {"PYTHONPATH": str(book.ROOT)}
    with subprocess.Popen(
        command, env=os.environ | root, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        while not mark.exists() and running.poll() is None:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        said = running.communicate(timeout=60)[1]
    assert (running.returncode, said) == (1, "Stopped. What was written before is whole.\n")
