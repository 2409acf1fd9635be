"""Exercises are set back to their start; everything else, and a copy of the file, stays."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.exercises import reset
from helpers.files import writing

ROOT = Path(__file__).resolve().parent.parent
NAME = "04_plain_vs_residual.ipynb"
SOLVED = "def fair_choice(losses, errors):\n    return 0, 0.5  # mine"


@pytest.fixture
def path(tmp_path):
    """A notebook in which a student has written into all three stubs, and elsewhere."""
    notebook = json.loads((ROOT / "notebooks" / NAME).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if "stub" in cell["metadata"].get("tags", []):
            cell["source"] = (
                SOLVED if "exercise:fair_choice" in cell["metadata"]["tags"] else "mine"
            )
    notebook["cells"][1]["source"].append("\nSEED = 7")
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "My notes"}
    )
    (tmp_path / NAME).write_bytes(reset.dumped(notebook))
    return tmp_path / NAME


def cells(path, change=None):
    """The cells of a notebook, after a change that is written."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    if change:
        change(notebook["cells"])
        path.write_bytes(reset.dumped(notebook))
    return notebook["cells"]


def of(found, name, kind):
    tags = {f"exercise:{name}", kind}
    return [cell for cell in found if tags <= set(cell["metadata"].get("tags", []))]


def without_outputs(cell):
    return {key: value for key, value in cell.items() if key not in ("outputs", "execution_count")}


def test_the_packed_stubs_are_those_of_the_notebooks():
    assert reset.load() == reset.pack(), "run python -m helpers.exercises.reset --pack"
    assert len(reset.load()) >= 28


def own_course(folder, monkeypatch, *cells):
    """Pack a notebook of one exercise, with these texts for its cells; return the stubs."""
    made = [nbformat.v4.new_markdown_cell(cells[0]), nbformat.v4.new_code_cell("x = ...")]
    for cell, tags in zip(made, [cells[1], [*cells[1], "stub"]], strict=True):
        cell.metadata["tags"] = tags
    (folder / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / "notebooks" / "10_a.ipynb")
    monkeypatch.setattr(reset, "ROOT", folder)
    return reset.pack()


def test_an_exercise_of_a_tenth_notebook_is_packed(tmp_path, monkeypatch):
    stubs = own_course(tmp_path, monkeypatch, "### Exercise 10.12 · Mine", ["exercise:a"])
    assert stubs == {"a": {"number": "10.12", "source": "x = ..."}}


@pytest.mark.parametrize(
    ("task", "tags", "said"),
    [
        ("### My exercise", ["exercise:a"], r"10_a\.ipynb: exercise a has no number: no task"),
        ("### Exercise 1.1 · A", [], r"the cell 'x = \.\.\.' needs one tag  exercise:NAME, not 0"),
        ("### Exercise 1.1 · A", ["exercise:a", "exercise:b"], "exercise:NAME, not 2"),
    ],
)
def test_what_a_new_exercise_lacks_is_one_sentence(tmp_path, monkeypatch, task, tags, said):
    with pytest.raises(ValueError, match=said):
        own_course(tmp_path, monkeypatch, task, tags)


def test_the_command_packs_the_stubs_into_the_file_that_they_are_read_from(monkeypatch):
    written = []
    monkeypatch.setattr(sys, "argv", ["reset", "--pack"])
    monkeypatch.setattr(
        writing, "write", lambda path, content, is_own: written.append((path, content))
    )
    runpy.run_path(reset.__file__, run_name="__main__")
    assert written == [(reset.STUBS, reset.STUBS.read_bytes())]


def test_the_command_alone_says_how_it_is_called(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["reset"])
    with pytest.raises(SystemExit, match=r"python -m helpers\.exercises\.reset "):
        runpy.run_path(reset.__file__, run_name="__main__")


def test_hidden_files_are_no_notebooks_of_the_course(monkeypatch, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "._01_a.ipynb").write_bytes(b"\x00\x05\x16\x07")
    monkeypatch.setattr(reset, "ROOT", tmp_path)
    assert reset.pack() == {}


@pytest.mark.parametrize("exercise", ["4.2", "fair_choice"])
def test_one_exercise_is_set_back_and_all_else_stays(path, exercise):
    before, content = cells(path), path.read_bytes()
    lines = reset.reset(path, exercise)
    assert lines == [
        f"{path} as it was is in {path}.bak", "Exercise 4.2 (fair_choice) is set back."
    ]  # fmt: skip
    assert Path(f"{path}.bak").read_bytes() == content
    after = cells(path)
    (stub,), (check,) = (of(after, "fair_choice", kind) for kind in ("stub", "check"))
    assert "".join(stub["source"]) == reset.load()["fair_choice"]["source"]
    assert check["outputs"] == stub["outputs"] == []
    others = [n for n, cell in enumerate(after) if cell not in (stub, check)]
    assert [after[n] for n in others] == [before[n] for n in others]
    assert without_outputs(check) in map(without_outputs, before)
    nbformat.validate(nbformat.read(path, as_version=4))


def test_a_whole_notebook_is_set_back_and_other_cells_stay(path):
    reset.reset(path)
    after = cells(path)
    for name in ("repaired", "fair_choice", "runs"):
        (stub,) = of(after, name, "stub")
        assert "".join(stub["source"]) == reset.load()[name]["source"]
    assert "SEED = 7" in "".join(after[1]["source"])
    assert after[-1]["source"] == "My notes"


def test_what_is_at_its_start_is_not_written(path):
    reset.reset(path)
    content = path.read_bytes()
    assert reset.reset(path, "4.2") == ["Exercise 4.2 (fair_choice) was at its start already."]
    assert path.read_bytes() == content
    assert sorted(os.listdir(path.parent)) == [NAME, f"{NAME}.bak"]


def test_no_copy_takes_the_place_of_another(path):
    Path(f"{path}.bak").write_text("my own")
    reset.reset(path, "4.1")
    reset.reset(path, "4.2")
    assert Path(f"{path}.bak").read_text() == "my own"
    assert sorted(os.listdir(path.parent)) == [NAME, *(f"{NAME}.bak{n}" for n in ("", 2, 3))]


def test_a_stub_that_was_deleted_or_split_comes_back_once(path):
    def delete_and_split(found):
        (stub,) = of(found, "fair_choice", "stub")
        found.remove(stub)
        (other,) = of(found, "runs", "stub")
        found.insert(found.index(other), {**other, "id": "split"})

    cells(path, delete_and_split)
    reset.reset(path)
    after = cells(path)
    for name in ("fair_choice", "runs"):
        (stub,), (check,) = (of(after, name, kind) for kind in ("stub", "check"))
        assert after.index(stub) == after.index(check) - 1
    nbformat.validate(nbformat.read(path, as_version=4))


def test_a_copy_of_a_stub_stays_as_an_ordinary_cell(path):
    def copy(found):
        (stub,) = of(found, "fair_choice", "stub")
        tags = {"tags": list(stub["metadata"]["tags"])}
        copied = {**stub, "id": "copy", "metadata": tags, "source": ["# my first try"]}
        found.insert(found.index(stub), copied)

    cells(path, copy)
    reset.reset(path)
    after = cells(path)
    (stub,) = of(after, "fair_choice", "stub")
    assert "".join(stub["source"]) == reset.load()["fair_choice"]["source"]
    (copied,) = [cell for cell in after if cell["id"] == "copy"]
    assert (copied["source"], copied["metadata"]["tags"]) == (["# my first try"], [])
    assert reset.reset(path, "4.2") == ["Exercise 4.2 (fair_choice) was at its start already."]


def test_cells_without_metadata_or_with_empty_tags_are_cells(path):
    def damage(found):
        del found[1]["metadata"]
        found[2]["metadata"]["tags"] = None

    before = cells(path, damage)
    reset.reset(path, "4.2")
    after = cells(path)
    assert after[1:3] == [{**before[1], "metadata": {}}, before[2]]


def test_a_notebook_from_colab_has_no_ids(path):
    def as_colab(found):
        for cell in found:
            cell.pop("id", None)

    cells(path, as_colab)
    reset.reset(path, "4.2")
    after = cells(path)
    assert not any("id" in cell for cell in after)
    (stub,) = of(after, "fair_choice", "stub")
    assert "".join(stub["source"]) == reset.load()["fair_choice"]["source"]


@pytest.mark.parametrize("metadata", [{}, {"metadata": None}], ids=["without", "null"])
def test_a_cell_that_another_program_wrote_without_metadata_is_no_damage(path, metadata):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"].append({"cell_type": "markdown", "source": ["My notes."]} | metadata)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert reset.reset(path, "4.2")
    last = json.loads(path.read_text(encoding="utf-8"))["cells"][-1]
    assert (last["source"], last["metadata"]) == (["My notes."], {})


def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(path):
    content = path.read_bytes()
    known = re.escape("4.1 (repaired), 4.2 (fair_choice), 4.3 (runs)")
    with pytest.raises(
        ValueError, match=f"there is no exercise '4.9' in .*; its exercises are: {known}"
    ):
        reset.reset(path, "4.2", "4.9")
    damaged = b'{"cells": [1], "metadata": {}, "nbformat": 4}'
    for foreign in (b"my notes", b"[]", damaged, b"\xff\x00", b"<<<<<<< HEAD\n"):
        (path.parent / "mine").write_bytes(foreign)
        with pytest.raises(ValueError, match=r"mine is (no n|not in UTF-8|a damaged n|half m)"):
            reset.reset(path.parent / "mine")
        assert (path.parent / "mine").read_bytes() == foreign
    with pytest.raises(FileNotFoundError, match="none cannot be read: No such file or directory"):
        reset.reset(path.parent / "none")
    assert path.read_bytes() == content
    assert sorted(os.listdir(path.parent)) == [NAME, "mine"]


def test_the_command_needs_no_git_and_no_course_folder(path, tmp_path):
    """A copy of the package, as pip installs it, has the stubs with it."""
    shutil.copytree(ROOT / "helpers", tmp_path / "site" / "helpers")
    command = [sys.executable, "-m", "helpers.exercises.reset", NAME, "4.2"]
    options = {"cwd": tmp_path, "capture_output": True, "text": True}
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PATH": ""}
    done = subprocess.run(command, env=environment, check=False, **options)
    assert done.returncode == 0, done.stderr
    assert "Exercise 4.2 (fair_choice) is set back.\nIf it is open in JupyterLab" in done.stdout
    again = subprocess.run([*command[:-1], "1.1"], env=environment, check=False, **options)
    assert again.returncode == 1
    assert again.stderr.startswith("there is no exercise '1.1' in 04_plain")
