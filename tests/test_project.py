"""The house rules: what is installed, what imports what, what is written where."""

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = [path for path in sorted((ROOT / "helpers").rglob("*.py")) if path.name != "__init__.py"]
NAMES = [".".join(path.relative_to(ROOT / "helpers").with_suffix("").parts) for path in FILES]
# The floors of the house; helpers/__init__.py is its map. Whoever stands on the lowest imports
# nothing of the helpers but what the machine is, and what language it speaks.
LOWEST = ("helpers.setup.machine", "helpers.setup.language")
ENGINE_ROOMS = {"panels", "lockstep", "inputs", "files", "setup"}
FRONT = {"block", "nets", "training", "datasets", "plots", "diagrams", "explore", "probes"}
WINGS = {"exercises", "quizzes", "studies", "press"}
TORCH = {"nets", "training", "probes"}  # the other files of the front load without PyTorch
LONGEST = 30  # lines of a function, with its docstring
RUN_IN_CI = ["make lint", "make test"]
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
    for package in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        name = package.split(">=")[0]
        assert name in {pin.lower() for pin in pinned}, f"{name} is not in constraints.txt"
        if Path(
            sys.prefix, "ready"
        ).exists():  # an environment of the Makefile; conda chooses versions of its own
            assert (
                importlib.metadata.version(name).split("+")[0]
                == {k.lower(): v for k, v in pinned.items()}[name]
            )


@pytest.mark.skipif(not Path(sys.prefix, "ready").exists(), reason="conda has its own versions")
def test_jupyter_starts_without_building_grammars():
    code = "import sys, nbformat; sys.exit('rfc3987_syntax' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def is_table(path):
    """Whether a file is a table of exercises or questions."""
    return re.fullmatch(r"n\d\d", path.stem) is not None


def room(name):
    """The room of a module: "helpers.block" is in block, "helpers.panels.film" in panels."""
    return name.split(".")[1]


def floor(name):
    return 2 if room(name) in WINGS else 1 if room(name) in FRONT else 0


def imports(path):
    """The modules and names that a file imports of the helpers, at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports by dots"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.startswith("helpers."))


def test_the_map_names_every_room():
    rooms = {path.relative_to(ROOT / "helpers").parts[0].removesuffix(".py") for path in FILES}
    assert rooms == FRONT | WINGS | ENGINE_ROOMS
    map_of_the_house = importlib.import_module("helpers").__doc__
    assert set(re.findall(r"^(\w+) {2,}", map_of_the_house, re.MULTILINE)) == FRONT
    assert all(re.search(rf"\b{name}\s+\(", map_of_the_house) for name in WINGS | ENGINE_ROOMS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {f"helpers.{name}" for name in WINGS | ENGINE_ROOMS | {"data", "notebooks"}}
    assert set(project["tool"]["setuptools"]["packages"]) == {"helpers"} | folders


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_lead_down(path):
    """From wings to the front to the engine rooms, never back; from wing to wing only to ask."""
    here = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for module in imports(path):
        if room(module) == room(here) or (room(here), room(module)) == ("press", "quizzes"):
            continue
        if floor(here) == 0:
            assert module.startswith(LOWEST), f"{here} imports {module}"
        elif floor(here) == 2:
            assert floor(module) < 2, f"{here} imports {module}"
        assert floor(module) <= floor(here), f"{here} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_imports_are_at_the_top_or_say_why_not(path):
    """None of the helpers is hidden in a function or in a text; a heavy package needs a reason."""
    source = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(source), source.splitlines()
    for node in set(ast.walk(tree)) - set(tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom) and node.col_offset:
            line = lines[node.lineno - 1]
            assert "helpers" not in line, line
            reasons = line + lines[node.lineno - 2]
            assert "#" in reasons or "try:" in reasons, f"{line.strip()} has no reason beside it"
    documentation = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)} - documentation
    for text in filter(lambda value: isinstance(value, str), texts):
        assert not re.search(r"^\s*(from|import) helpers\b", text, re.MULTILINE), text


def test_no_walk_leads_back_up():
    """The graph of the front, without the engine rooms and wings, has no circle."""
    graph = {
        path.stem: {room(module) for module in imports(path)} & FRONT
        for path in FILES
        if path.parent.name == "helpers"
    }
    assert set(TopologicalSorter(graph).static_order()) == FRONT


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_files_and_functions_are_small(path):
    source = path.read_text(encoding="utf-8")
    if not is_table(path):
        assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno + 1 <= LONGEST, node.name


def test_the_front_is_small():
    front = [path for path in FILES if path.parent.name == "helpers"]
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in front) <= 1500


def test_the_front_loads_light():
    """In fresh processes: who needs no PyTorch, no widgets or not even NumPy loads none."""
    light = [*sorted(FRONT - TORCH), *(f"exercises.n{name[:2]}" for name in NUMPY_NOTEBOOKS)]
    for modules, heavy in {
        tuple(light): {"torch", "distributed", "tqdm", "pooch"},
        ("block", "datasets"): {"matplotlib", "ipywidgets"},
        ("setup.installation", "studies.sweeps"): {"numpy", "torch", "ipywidgets"},
    }.items():
        names = ", ".join(f"helpers.{name}" for name in modules)
        assert not heavy & set(fresh(f"import sys, {names}; print(*sys.modules)", ROOT).split())


def public(module):
    """(dotted name, node) of the public functions and classes, and of their methods."""
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


@pytest.mark.parametrize(
    "path", [path for path in FILES if not is_table(path)], ids=lambda path: path.stem
)
def test_public_functions_have_docstrings(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert module.__doc__
    obvious = {"relu", "tanh", "sigmoid", "linear", "forward", "extra_repr"}
    for name, node in public(module):
        own = name.split(".")[-1]
        assert own.startswith("_") or own in obvious or ast.get_docstring(node), (
            f"{path.stem}.{name} has no docstring"
        )


def test_the_makefile_and_ci_run_what_the_readme_says():
    names = ("README.md", "CONTRIBUTING.md", "Makefile", ".ci/run", ".github/workflows/test.yml")
    readme, more, makefile, *ci = ((ROOT / name).read_text(encoding="utf-8") for name in names)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme + more, re.MULTILINE))
    assert {"lab", "test"} <= set(re.findall("^make ([a-z]+)", readme, re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert named <= set(re.search(r"^\.PHONY:((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1].split())
    assert all(
        re.findall(r"^[ -]*(?:run: )?(make .+)$", text, re.MULTILINE) == RUN_IN_CI for text in ci
    )
