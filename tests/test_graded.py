"""Notebooks for nbgrader; with the real nbgrader, where it is installed (pip install nbgrader)."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.press import graded

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
NAME = "01_the_residual_block"
SOURCE = NOTEBOOKS / f"{NAME}.ipynb"


def read(path):
    return nbformat.read(path, as_version=4)


def kind(cell):
    """What nbgrader makes of a cell: "stub", "check", "answer" by hand, or nothing."""
    known = cell.metadata.get("nbgrader", {})
    if not known:
        return ""
    return "check" if not known["solution"] else "answer" if known["grade"] else "stub"


def test_every_stub_has_its_solution_and_every_check_its_points(tmp_path):
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    lines = list(graded.build(tmp_path))
    assert len(lines) == len(paths)
    for path in paths:
        notebook = read(tmp_path / "source" / path.stem / path.name)
        cells = {
            which: [c for c in notebook.cells if kind(c) == which] for which in ("stub", "check")
        }
        exercises = [cell for cell in read(path).cells if "stub" in cell.metadata.get("tags", [])]
        answer = next(n for n, cell in enumerate(notebook.cells) if kind(cell) == "answer")
        assert "open-question" in notebook.cells[answer - 1].metadata["tags"]
        assert len(cells["stub"]) == len(cells["check"]) == len(exercises) >= 3
        for stub, check, original in zip(*cells.values(), exercises, strict=True):
            assert stub.source.startswith(original.source + "\n\n### BEGIN SOLUTION\n")
            assert stub.source.endswith("\n### END SOLUTION")
            assert re.fullmatch(r"checks\.require\(tasks\.\w+, \w+\)", check.source)
            assert check.metadata["nbgrader"]["points"] in (1, 2, 3)


def test_what_a_teacher_has_edited_is_kept(tmp_path):
    list(graded.build(tmp_path, [SOURCE]))
    path = tmp_path / "source" / NAME / SOURCE.name
    assert list(graded.build(tmp_path, [SOURCE])) == [f"made {path}"]
    notebook = read(path)
    notebook.cells[0].source += "\n\nHand in by Friday."
    nbformat.write(notebook, path)
    (tmp_path / "nbgrader_config.py").write_text("mine = 1\n")
    (line,) = graded.build(tmp_path, [SOURCE])
    assert line == f"kept {path}: it was edited by hand; move it away to have a new one"
    assert "Hand in by Friday." in read(path).cells[0].source
    assert (tmp_path / "nbgrader_config.py").read_text() == "mine = 1\n"


def test_an_exercise_that_does_not_say_how_hard_it_is_has_no_points_and_is_named():
    cell = nbformat.v4.new_markdown_cell("### Exercise 1.1 · A\n\n*(implement, 5 minutes)*")
    cell.metadata["tags"] = ["exercise:a"]
    with pytest.raises(
        ValueError, match=r"exercise a does not say how hard it is: \*\(implement, "
    ):
        graded.graded(nbformat.v4.new_notebook(cells=[cell]), "")


def test_a_notebook_without_solutions_is_no_reason_to_stop(tmp_path, monkeypatch):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "Untitled.ipynb")
    monkeypatch.setattr(graded, "NOTEBOOKS", tmp_path)
    assert list(graded.build(tmp_path / "build")) == []
    with pytest.raises(FileNotFoundError, match=r"Un\.md"):
        list(graded.build(tmp_path / "build", [tmp_path / "Untitled.ipynb"]))


def nbgrader(folder, *words):
    command = [sys.executable, "-m", "nbgrader", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def short(notebook):
    """A copy with the imports and the exercises alone, so that a test takes seconds."""
    notebook = copy.deepcopy(notebook)
    imports = [cell for cell in notebook.cells if re.search("^(from|import) ", cell.source)]
    notebook.cells = [cell for cell in notebook.cells if cell in imports or kind(cell)]
    return notebook


def hand_in(folder, student, answers):
    """Submit the released notebook with other code in the stubs of ``answers``."""
    notebook = read(folder / "release" / NAME / SOURCE.name)
    for cell in notebook.cells:
        if kind(cell) == "stub":
            cell.source = answers.get(cell.metadata["nbgrader"]["grade_id"], cell.source)
    path = folder / "submitted" / student / NAME / SOURCE.name
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def test_nbgrader_gives_points_to_right_answers_and_the_sentence_to_wrong_ones(tmp_path):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    from nbgrader.api import Gradebook  # only where it is installed

    list(graded.build(tmp_path, [SOURCE]))
    path = tmp_path / "source" / NAME / SOURCE.name
    nbformat.write(short(read(path)), path)
    solutions = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in read(path).cells
        if kind(cell) == "stub"
    }
    nbgrader(tmp_path, "generate_assignment", NAME)
    released = [cell.source for cell in read(tmp_path / "release" / NAME / SOURCE.name).cells]
    stub = next(source for source in released if source.startswith("def residual_block"))
    assert stub.rstrip().endswith("return ...")

    wrong = "def residual_block(a, W1, b1, W2, b2):\n    return relu(W2 @ relu(W1 @ a + b1) + b2)"
    hand_in(tmp_path, "ada", solutions)
    hand_in(tmp_path, "ben", {"residual_block": wrong, "identities": solutions["identities"]})
    nbgrader(tmp_path, "autograde", NAME)
    nbgrader(tmp_path, "generate_feedback", NAME)

    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
        points = {
            student: {
                grade.name: grade.score
                for grade in gradebook.find_submission_notebook(NAME, NAME, student).grades
            }
            for student in ("ada", "ben")
        }
    by_hand = {"open_question": 0}
    full = {"check_residual_block": 1, "check_identities": 2, "check_block_backward": 3}
    assert points["ada"] == full | by_hand
    assert points["ben"] == dict.fromkeys(full, 0) | {"check_identities": 2} | by_hand
    feedback = (tmp_path / "feedback" / "ben" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "this is the plain block, and a[l] is never added" in feedback
    assert "The backward pass: not done yet" in feedback
