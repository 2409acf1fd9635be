"""The address of the course: from pyproject.toml to the README and the notebooks, and out again."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.press import links

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
GITHUB = "https://github.com/owner/why-resnets-work"


@pytest.fixture
def course(tmp_path):
    """A copy of what `make links` touches, with the helpers, for which the linter looks."""
    (tmp_path / "notebooks").mkdir()
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=lambda *_: {"__pycache__"})
    for path in [*NOTEBOOKS, ROOT / "README.md", ROOT / "pyproject.toml"]:
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    give(tmp_path, "")
    list(links.build(tmp_path))
    return tmp_path


def give(course, *lines):
    """Write the table of addresses."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    before, _, rest = text.partition("[project.urls]\n")
    after = rest[rest.index("\n[") :]
    urls = "\n".join(["[project.urls]", *lines])
    (course / "pyproject.toml").write_text(before + urls + "\n" + after, encoding="utf-8")


def texts(course):
    return {path.name: path.read_bytes() for path in course.rglob("*") if path.suffix in SUFFIXES}


SUFFIXES = (".ipynb", ".md", ".part")


def test_the_course_is_as_make_links_leaves_it(course):
    give(course, f'repository = "{links.find_address(ROOT / "pyproject.toml")}"')
    list(links.build(course))
    for name, text in texts(course).items():
        assert next(ROOT.glob(f"**/{name}")).read_bytes() == text, name


@pytest.mark.parametrize(
    "urls",
    [
        'repository = " https://example.org/course/ "',
        'Source = "https://example.org/course.git"',
        'documentation = "https://example.org/book"\nRepository = "https://example.org/course"',
        'homepage = "https://example.org/course"',
    ],
)
def test_an_address_may_be_written_as_it_was_copied(tmp_path, urls):
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[project]\n[project.urls]\n{urls}\n", encoding="utf-8")
    assert links.find_address(path) == "https://example.org/course"


def test_an_address_comes_and_goes_without_a_trace(course):
    before = texts(course)
    give(course, f'Repository = "{GITHUB}.git/"', 'documentation = "https://example.org"')
    assert len(list(links.build(course))) == len(NOTEBOOKS) + 1  # and the README
    after = texts(course)
    assert list(links.build(course)) == []
    assert texts(course) == after
    first, code = (cell_of(after["04_plain_vs_residual.ipynb"], kind) for kind in KINDS)
    path = "notebooks/04_plain_vs_residual.ipynb"
    assert first.endswith(
        f" ·\nOpen in [Colab](https://colab.research.google.com/github/owner/why-resnets-work/blob/"
        f"main/{path}) · [Binder](https://mybinder.org/v2/gh/owner/why-resnets-work/HEAD?urlpath="
        f"lab/tree/{path})"
    )
    assert f'"git+{GITHUB}"\n' in code
    assert "| only a browser | [Colab](https" in after["README.md"].decode()
    give(course, "")
    assert len(list(links.build(course))) == len(NOTEBOOKS) + 1  # and the README
    assert texts(course) == before


KINDS = ("markdown", "code")


def cell_of(text, kind):
    cells = json.loads(text)["cells"]
    return "".join(next(cell for cell in cells if cell["cell_type"] == kind)["source"])


def test_only_the_two_first_cells_change(course):
    before = json.loads(texts(course)["07_why_it_works.ipynb"])
    give(course, f'source = "{GITHUB}"')
    list(links.build(course))
    after = json.loads(texts(course)["07_why_it_works.ipynb"])
    changed = [
        new["id"] for old, new in zip(before["cells"], after["cells"], strict=True) if old != new
    ]
    assert changed == ["title", "imports"]
    assert before | {"cells": 0} == after | {"cells": 0}


def test_a_folder_without_messages_is_no_language_and_names_may_have_spaces(course):
    for folder in ("my class", "fr"):
        (course / "notebooks" / folder).mkdir()
        shutil.copy(NOTEBOOKS[1], course / "notebooks" / folder / "sheet (1).ipynb")
    (course / "notebooks" / "fr" / "messages.json").write_text("{}")
    give(course, f'repository = "{GITHUB}"')
    list(links.build(course))
    for folder, call in {"my class": "check()", "fr": 'check("fr")'}.items():
        text = (course / "notebooks" / folder / "sheet (1).ipynb").read_bytes()
        source = cell_of(text, "code")
        assert f"why_resnets_work.{call}\n" in source
        assert 'os.path.exists("../../why_resnets_work.py")' in source
        link = f"main/notebooks/{folder}/sheet (1).ipynb)".replace(" ", "%20")
        assert link.replace("(1)", "%281%29") in cell_of(text, "markdown")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", ""),
        ("file:///srv/course", ""),
        (
            "https://gitlab.com/a/b",
            "[Binder](https://mybinder.org/v2/git/https%3A%2F%2Fgitlab.com%2Fa%2Fb/HEAD",
        ),
        (GITHUB, "[Colab]("),
    ],
)
def test_there_are_links_to_what_can_read_the_address(address, shown):
    assert links.list_links(address, "01.ipynb").startswith(shown)
    assert bool(shown) == bool(links.list_links(address, "01.ipynb"))


def test_a_broken_notebook_is_named_and_nothing_is_written(course):
    (course / "notebooks" / "05_matching_dimensions.ipynb").write_text("<<<<<<< HEAD\n")
    before = texts(course)
    give(course, f'repository = "{GITHUB}"')
    with pytest.raises(ValueError, match=r"05_matching_dimensions\.ipynb is half merged"):
        list(links.build(course))
    assert texts(course) == before


@pytest.mark.parametrize(
    "text",
    [
        '{"nbformat": 4, "metadata": {}}',
        '{"nbformat": 3, "metadata": {}, "worksheets": []}',
        '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": null}]}',
        '{"nbformat": 4, "metadata": {}, "cells": [{"source": []}]}',
    ],
)
def test_a_damaged_or_an_old_notebook_is_named_and_nothing_is_written(course, text):
    (course / "notebooks" / "05_matching_dimensions.ipynb").write_text(text)
    before = texts(course)
    give(course, f'repository = "{GITHUB}"')
    with pytest.raises(
        ValueError, match=r"05_.* is a damaged notebook, or of an old format: fetch"
    ):
        list(links.build(course))
    assert texts(course) == before


def test_what_jupyter_and_the_system_have_hidden_is_left_alone(course):
    for name in (".ipynb_checkpoints/01_a-checkpoint.ipynb", "._01_a.ipynb", "de/._01_a.ipynb"):
        (course / "notebooks" / name).parent.mkdir(exist_ok=True)
        (course / "notebooks" / name).write_text("no notebook")
    assert list(links.build(course)) == []


def test_with_an_address_the_notebooks_pass_the_linter(course):
    give(course, f'repository = "{GITHUB}"')
    list(links.build(course))
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "notebooks"],
            cwd=course,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
