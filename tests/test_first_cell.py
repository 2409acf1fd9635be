"""The first code cell of each notebook, where the course is, is not, or is hidden by something."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.press import links
from helpers.setup import opening

ROOT = Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ADDRESS = "https://github.com/owner/why-resnets-work"
# A shell like a kernel's: what is beside the notebook comes after Python's own modules and before
# installed ones, the course last. Its %pip only notes what it is asked for.
SHELL = """
import json, sys
from pathlib import Path
from IPython.core.interactiveshell import InteractiveShell
course, cell, hosts = json.loads(sys.stdin.read())
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in str(finder)]
others = [path for path in sys.path if not Path(path or ".", "helpers/setup").exists()]
installed = [path for path in others if Path(path).name.endswith("-packages")]
own = [path for path in others if path and path not in installed]
sys.path[:] = [*own, "", *installed, *course]
shell = InteractiveShell.instance()
asked = []
shell.register_magic_function(asked.append, magic_name="pip")
shell.run_line_magic("xmode", "Minimal")
import os
os.environ.update(dict.fromkeys(hosts, "1"))
result = shell.run_cell(cell, store_history=True)
error = result.error_before_exec or result.error_in_exec
loaded = [name for name in ("torch", "numpy") if name in sys.modules]
print("\\n" + json.dumps([type(error).__name__, str(error), asked, loaded]))
"""
NEVER = "raise RuntimeError('a file of the reader was run')"


def first(path):
    notebook = nbformat.read(path, as_version=4)
    return next(cell for cell in notebook.cells if cell.cell_type == "code").source


def run(folder, cell, course=(str(ROOT),), hosts=()):
    """Run a cell in a folder; return the kind of error, its words, pip's lines, what is loaded."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", SHELL],
        input=json.dumps([course, cell, hosts]),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def write(folder, name, text=""):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_all_notebooks_begin_with_the_same_lines_for_the_address_of_the_project(path):
    address = links.find_address(ROOT / "pyproject.toml")
    source = first(path)
    assert source == links.add_opening(source, address)
    assert links.OPENING.match(source)
    assert path.read_text(encoding="utf-8") == links.edit(path, address)


def test_the_first_cell_runs_anywhere_without_pytorch(tmp_path):
    assert run(tmp_path, first(PATHS[1])) == ["NoneType", "None", [], ["numpy"]]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_without_the_course_one_sentence_says_what_to_do(tmp_path, path):
    kind, said, asked, _ = run(tmp_path, first(path), course=())
    assert (kind, asked) == ("ImportError", [])
    assert "the course is not installed for this kernel: run  %pip install" in said
    assert "then restart the kernel" in said
    if not links.find_address(ROOT / "pyproject.toml"):
        assert "no address of it is known" in said


@pytest.mark.parametrize("host", ["COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_USERNAME"])
def test_with_an_address_the_cell_installs_the_course_on_colab_and_kaggle(tmp_path, host):
    cell = links.add_opening(first(PATHS[1]), ADDRESS)
    kind, said, asked, _ = run(tmp_path, cell, course=(), hosts=[host])
    # The %pip of this test installs nothing; where there is no network, it is the same.
    assert kind == "ImportError"
    assert f"run  %pip install git+{ADDRESS}  in a cell" in said
    assert asked == ([] if host == "KAGGLE_USERNAME" else [f"install --quiet git+{ADDRESS}"])


def test_beside_the_course_its_folder_is_installed(tmp_path):
    write(tmp_path, "why_resnets_work.py")
    (tmp_path / "notebooks").mkdir()
    cell = links.add_opening(first(PATHS[1]), ADDRESS)
    _, said, _, _ = run(tmp_path / "notebooks", cell, course=())
    assert "run  %pip install -e ..  in a cell" in said


@pytest.mark.parametrize("name", ["helpers.py", "helpers/__init__.py"])
def test_other_helpers_are_named(tmp_path, name):
    path = write(tmp_path, name)
    place = path.parent if path.name == "__init__.py" else path
    kind, said, _, _ = run(tmp_path, first(PATHS[4]))
    assert (kind, said) == (
        "ImportError",
        f"{place} is in the way of the course's helpers in {ROOT}: rename or remove it, then "
        "restart the kernel",
    )


HIDING = {
    "numpy.py": NEVER,
    "numpy/__init__.py": "",
    "matplotlib/__init__.py": NEVER,
    "isal.py": "",
    "anywidget.py": "def (",
    "packaging.py": "",  # matplotlib needs it
    "cycler.py": NEVER,
}


@pytest.mark.parametrize("name", HIDING)
def test_a_file_that_hides_a_package_is_named(tmp_path, name):
    path = write(tmp_path, name, HIDING[name])
    place = path.parent if path.name == "__init__.py" else path
    kind, said, _, _ = run(tmp_path, first(PATHS[1]))
    assert kind == "ImportError"
    assert said == (
        f"{place} is in the way of the module {place.stem}, which the course needs: rename it, "
        "then restart the kernel"
    )


@pytest.mark.parametrize("name", ["requests.py", "random.py", "token.py", "data/x.py", "torch.py"])
def test_files_that_are_not_in_the_way_are_fine(tmp_path, name):
    """Notebook 1 needs no PyTorch, and Python's own modules come first in a kernel."""
    write(tmp_path, name, NEVER)
    assert run(tmp_path, first(PATHS[1]))[0] == "NoneType"


def test_a_module_of_python_that_is_really_hidden_is_named(tmp_path):
    path = write(tmp_path / "own", "heapq.py", "")
    cell = f"import sys\nsys.path.insert(0, {str(tmp_path / 'own')!r})\nsys.modules.pop('heapq', 0)"
    kind, said, _, _ = run(tmp_path / "own", f"{cell}\n{first(PATHS[8])}")
    assert kind == "ImportError"
    assert said.startswith(f"{path} is in the way of the module heapq")


@pytest.mark.parametrize(("number", "name"), [(4, "torch"), (1, "anywidget"), (2, "isal")])
def test_a_missing_package_is_named_with_the_kernel(tmp_path, number, name):
    cell = f"import sys\nsys.modules[{name!r}] = None\n{first(PATHS[number])}"
    kind, said, _, _ = run(tmp_path, cell)
    assert kind == "ImportError"
    assert said == (
        f"{name} is not installed for this kernel, {sys.executable}: "
        f'run  %pip install -e "{ROOT}"  in a cell, then restart the kernel'
    )


def test_a_broken_package_is_named(tmp_path):
    broken = write(
        tmp_path / "site-packages", "isal/__init__.py", "raise OSError('no such library')"
    )
    cell = f"import sys\nsys.path.insert(0, {str(broken.parents[1])!r})\n{first(PATHS[1])}"
    kind, said, _, _ = run(tmp_path, cell)
    assert kind == "ImportError"
    assert said == (
        "isal is installed, but cannot be imported (no such library): "
        "run  %pip install --force-reinstall isal  in a cell, then restart the kernel"
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("notebooks/questions/01.md", "## a\n\nWhat?\n", "01.md, line 1: one choice of a has an x"),
        ("helpers/block.py", "x = (", "'(' was never closed (block.py, line 1)"),
    ],
)
def test_a_slip_in_the_course_itself_is_named_and_nothing_is_to_be_installed(
    tmp_path, name, text, said
):
    """What pip knows under the name of the helpers is somebody else's."""
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers")
    shutil.copy(ROOT / "why_resnets_work.py", tmp_path)
    write(tmp_path, name, text)
    (tmp_path / "away").mkdir()
    kind, answer, _, _ = run(tmp_path / "away", first(PATHS[1]), course=[str(tmp_path)])
    assert (kind, answer.split(": ")[0]) == ("ImportError", "the helpers cannot be imported")
    assert said in answer
    assert "pip" not in answer


def test_a_notebook_of_another_version_is_told_so(tmp_path):
    cell = first(PATHS[1]).replace("import datasets,", "import datasets_of_tomorrow,")
    kind, said, _, _ = run(tmp_path, cell)
    assert kind == "ImportError"
    assert "this notebook is of another version of the course than the helpers" in said
    assert "datasets_of_tomorrow" in said


def test_a_part_of_a_package_is_tried_like_the_package():
    opening.try_out(ast.parse("import unknown.part").body[0])  # the reader's own
    opening.try_out(ast.parse("import helpers.press, os").body[0])
    with pytest.raises(ImportError, match="this notebook is of another version of the course"):
        opening.try_out(ast.parse("import helpers.unknown").body[0])


def test_a_second_copy_is_named_with_the_one_that_is_used(tmp_path):
    write(tmp_path, "why_resnets_work.py")
    (tmp_path / "notebooks").mkdir()
    kind, said, _, _ = run(tmp_path / "notebooks", first(PATHS[1]))
    assert kind == "ImportError"
    assert said.startswith(f"the helpers come from {ROOT}, but this notebook is in {tmp_path}: run")


def test_an_old_python_is_named(monkeypatch):
    import why_resnets_work  # here, since its folder is no package of the tests

    monkeypatch.setattr(sys, "version_info", (3, 8, 18, "final", 0))
    with pytest.raises(ImportError, match=r"runs Python 3\.8, but the course needs 3\.11: choose"):
        why_resnets_work.check()
