"""The house rules: what is installed, what imports what, what is written where."""

import ast
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
# What belongs to single notebooks: files that join helpers, as a notebook does.
OF_NOTEBOOKS = {"exercises", "quizzes"}
# A module is a file, or a folder of files that import one another.
FILES = {
    path: path.parent.name if path.parent.name != "helpers" else path.stem
    for path in sorted((ROOT / "helpers").rglob("*.py"))
    if path != ROOT / "helpers" / "__init__.py" and path.parent.name not in OF_NOTEBOOKS
}
MODULES = sorted(set(FILES.values()))
# A command joins modules, as a notebook does: here, and only inside its functions.
COMMANDS = {"recipe", "depths", "slides"}
HEAVY = {"torch", "matplotlib", "ipywidgets", "distributed"}
MAY_IMPORT = {
    "block": set(),
    "datasets": set(),
    "plots": {"matplotlib"},
    "diagrams": {"matplotlib"},
    "explore": {"matplotlib", "ipywidgets"},
    "quiz": {"ipywidgets"},
    "nets": {"torch"},
    "training": {"torch"},
    "paper": {"torch"},
    "probes": {"torch"},
    "recipe": set(),
    "depths": set(),
    "server": set(),
    "sweeps": set(),
    "installation": set(),
    "stills": {"ipywidgets"},
    "book": set(),
    "slides": set(),
    "checks": set(),
    "teacher": set(),
}
NUMPY_NOTEBOOKS = ("01_the_residual_block", "02_shrinking_to_the_identity")


def fresh(code, cwd):
    """Run code in a new Python process outside the project; return what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True
    ).stdout


def test_conda_and_pip_install_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-e ."]}
    assert environment["channels"] == ["conda-forge"]
    assert any(re.fullmatch(r"python=3\.1[1-9]", package) for package in conda)
    names = {package for package in conda if not package.startswith("python=")} - {"pip"}
    on_pypi = {"pytorch-cpu": "torch", "python-isal": "isal"}
    assert {on_pypi.get(name, name) for name in names} == set(project["dependencies"])


def test_everything_the_course_needs_is_pinned():
    pinned = dict(
        re.findall(
            r"^([\w.-]+)==(\S+)$",
            (ROOT / "constraints.txt").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    assert pinned["torch"] == "2.13.0"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]["cluster"]) <= set(
        project["optional-dependencies"]["test"]
    )
    for name in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        assert name in {pin.lower() for pin in pinned}, f"{name} is not in constraints.txt"
        if Path(
            sys.prefix, "ready"
        ).exists():  # an environment of the Makefile; conda chooses versions of its own
            assert (
                importlib.metadata.version(name).split("+")[0]
                == {k.lower(): v for k, v in pinned.items()}[name]
            )


def test_every_module_is_known_here():
    assert set(MODULES) == set(MAY_IMPORT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.parent.name for path in FILES} - {"helpers"} | OF_NOTEBOOKS
    assert set(project["tool"]["setuptools"]["packages"]) == {"helpers"} | {
        f"helpers.{name}" for name in folders
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_helper_imports_another(path):
    name, tree = FILES[path], ast.parse(path.read_text(encoding="utf-8"))
    parts = path.parent.name == name
    functions = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and name in COMMANDS
    ]
    joined = {node for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 or (node.level == 1 and parts)
            assert node.level or node.module.split(".")[0] != "helpers" or node in joined
            assert not any(alias.name == "*" for alias in node.names)
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "helpers" for alias in node.names)


def test_only_notebooks_and_tests_load_the_exercises():
    """Their files join helpers, as a notebook does; a file of exercises for a notebook without
    torch loads no torch.
    """
    for path in (ROOT / "helpers").rglob("*.py"):
        assert "helpers.exercises" not in path.read_text(encoding="utf-8"), path.name
    for name in NUMPY_NOTEBOOKS:
        code = f"import sys, helpers.exercises.n{name[:2]}; print('torch' in sys.modules)"
        assert fresh(code, ROOT).strip() == "False"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_loads_only_what_it_may(name, tmp_path):
    """In a fresh process, from another folder: that also shows that the package is installed."""
    watched = sorted(HEAVY | {f"helpers.{other}" for other in MODULES if other != name})
    code = f"import sys, helpers.{name}; print(*(m for m in {watched} if m in sys.modules))"
    assert set(fresh(code, tmp_path).split()) <= MAY_IMPORT[name]


def public(module):
    """(dotted name, node) of the functions and classes that readers may use, and of their methods."""
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        for method in (
            node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else ()
        ):
            if isinstance(method, ast.FunctionDef) and not is_foreign(
                getattr(module, node.name), method.name
            ):
                yield f"{node.name}.{method.name}", method


def is_foreign(kind, name):
    """Whether a method takes the place of one of another library, whose documentation says what it
    is for.
    """
    return any(
        hasattr(base, name) for base in kind.__mro__ if not base.__module__.startswith("helpers")
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_public_functions_have_docstrings(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert module.__doc__
    obvious = {"relu", "tanh", "sigmoid", "linear", "forward", "extra_repr"}
    for name, node in public(module):
        own = name.split(".")[-1]
        assert own.startswith("_") or own in obvious or ast.get_docstring(node), (
            f"{path.stem}.{name} has no docstring"
        )


RUN_READ_ONLY = """
import json, os, sys
sys.dont_write_bytecode = True
root, written = sys.argv[1], []


def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        if os.path.abspath(arguments[0]).startswith(root):
            written.append(arguments[0])


sys.addaudithook(watch)
for name in sys.argv[2:]:
    cells = json.load(open(f"{root}/notebooks/{name}.ipynb", encoding="utf-8"))["cells"]
    scope = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), scope)
print(json.dumps({"written": written, "heavy": [name for name in ("torch", "dask") if name in sys.modules]}))
"""


def test_numpy_notebooks_write_nothing_and_load_neither_torch_nor_dask(tmp_path):
    """A shared course folder may be read-only; and a student of notebook 1 needs no PyTorch in
    memory.
    """
    command = [sys.executable, "-c", RUN_READ_ONLY, str(ROOT), *NUMPY_NOTEBOOKS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == '{"written": [], "heavy": []}'


def test_the_makefile_and_ci_run_what_the_readme_says():
    readme, ci = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE))
    assert {"lab", "test"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert named <= set(re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1].split())
    assert "\nmake test\n" in ci


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Call make without a shell before it: a tilde comes through as it does in zsh and dash."""
    if shutil.which("make") is None:
        pytest.skip("no make here")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("VENV", "MAKEFLAGS", "MAKEOVERRIDES"):  # what `make test VENV=...` hands on
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_an_environment_may_be_in_the_home_folder(make, tmp_path):
    commands = make("-n", "lab", "VENV=~/an-environment").stdout
    assert f"-m venv {tmp_path}/an-environment\n" in commands
    assert "~" not in commands
    assert "-m venv .venv\n" in make("-n", "--always-make", "lab").stdout
    assert "-m venv elsewhere\n" in make("-n", "lab", "VENV=elsewhere").stdout


def test_clean_removes_an_environment_and_nothing_else(make, tmp_path):
    venv = tmp_path / "environment"
    assert make("clean", f"VENV={venv}").returncode == 0  # there is none
    venv.mkdir()
    assert make("clean", f"VENV={venv}").returncode == 0
    assert venv.exists()  # a folder, but no environment
    (venv / "pyvenv.cfg").touch()
    assert make("clean", f"VENV={venv}").returncode == 0
    assert not venv.exists()
