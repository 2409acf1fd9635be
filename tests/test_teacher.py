"""The teacher's notebooks: solutions woven in, every check passed, edits by hand kept."""

import os
import re
import shutil
import stat
import subprocess
import symtable
import sys

import nbformat
import pytest
from names import as_python

from helpers.press import teacher
from helpers.quizzes.quiz import Question
from helpers.quizzes.texts import read

FIRST = teacher.NOTEBOOKS / "01_the_residual_block.ipynb"
SOLUTIONS = sorted((teacher.NOTEBOOKS / "solutions").glob("*.md"))

TEXT = """# Solutions

## double

```python
def double(x):
    # twice
    return 2 * x
```

Twice.

Not *half*.

## open_question

Who knows.
"""


def cell(kind, source, *tags):
    made = (
        nbformat.v4.new_markdown_cell(source)
        if kind == "markdown"
        else nbformat.v4.new_code_cell(source)
    )
    made.metadata["tags"] = list(tags)
    return made


CHECK = """class Answer:
    def __repr__(self):
        return '✓' if double(2) == 4 else '✗'


Answer()"""


@pytest.fixture
def course(tmp_path):
    """The path of the one notebook of a course, in a folder that cannot be written to."""
    folder = tmp_path / "notebooks"
    (folder / "solutions").mkdir(parents=True)
    (folder / "solutions" / "01.md").write_text(TEXT, encoding="utf-8")
    cells = [
        cell("markdown", "# 1 · Twice"),
        cell("markdown", "Double.", "exercise:double"),
        cell("code", "def double(x):\n    return ...", "exercise:double", "stub"),
        cell("code", CHECK, "exercise:double", "check"),
        cell("markdown", "Why?", "open-question"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "01_twice.ipynb")
    for path in (folder / "01_twice.ipynb", folder / "solutions", folder):
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    yield folder / "01_twice.ipynb"
    folder.chmod(0o755)
    (folder / "solutions").chmod(0o755)


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def test_solutions_and_answers_are_woven_in(course):
    woven = teacher.weave(nbformat.read(course, as_version=4), TEXT)
    assert [cell.source for cell in woven.cells[1:]] == [
        "Double.",
        "def double(x):\n    # twice\n    return 2 * x",
        CHECK,
        "**Expected answer.** Twice.\n\nNot *half*.",
        "Why?",
        "**Expected answer.** Who knows.",
    ]
    nbformat.validate(woven)
    assert "For teachers" in woven.cells[0].source
    assert "return ..." in sources(course)[2]  # the student's is as it was


def test_the_answers_to_questions_follow_them(course):
    question = Question(
        "2 + 2?", [("a[l] * 2", "As b."), ("4", "The sum."), ("22", "Joined.")], right=1
    )
    notebook = nbformat.read(course, as_version=4)
    notebook.cells.append(cell("code", "quiz.sums", "quiz"))
    *_, last = teacher.weave(notebook, TEXT, {"sums": question}).cells
    expected = ["Wrong: a\\[l\\] \\* 2 *As b.*", "**Right**: 4 *The sum.*", "Wrong: 22 *Joined.*"]
    assert last.source == "\n- ".join(["**Expected answer.** ", *expected])


def test_what_does_not_fit_together_is_said(course):
    notebook = nbformat.read(course, as_version=4)
    with pytest.raises(ValueError, match="exercise double has no solution"):
        teacher.weave(notebook, TEXT.replace("## double", "## treble"))
    with pytest.raises(ValueError, match="no exercise for the solutions treble"):
        teacher.weave(notebook, TEXT + "\n## treble\n\n```python\nx = 3\n```\n")


@pytest.mark.parametrize("source", ["quiz.sums\n", "# a vote\nquiz.sums"])
def test_a_question_is_found_however_its_cell_is_written(source):
    question = Question("2 + 2?", [("3", "a"), ("4", "b"), ("22", "c")], right=1)
    notebook = nbformat.v4.new_notebook(cells=[cell("code", source, "quiz")])
    assert len(teacher.weave(notebook, "", {"sums": question}).cells) == 2


def test_a_notebook_that_is_not_there_is_named_and_not_its_solutions(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ipynb"):
        list(teacher.build(tmp_path / "build", [tmp_path / "nowhere.ipynb"]))


def test_a_question_that_is_not_there_is_named(course, tmp_path):
    notebook = nbformat.read(course, as_version=4)
    notebook.cells.append(cell("code", "quiz.sums", "quiz"))
    nbformat.write(notebook, tmp_path / "01_other.ipynb")
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "01.md").write_text(TEXT, encoding="utf-8")
    with pytest.raises(ValueError, match=r"01_other\.ipynb asks 'sums', which is none of its q"):
        list(teacher.build(tmp_path / "build", [tmp_path / "01_other.ipynb"]))


@pytest.mark.parametrize("source", ["double(2);", "print(double(2))", ""])
def test_a_check_that_shows_no_answer_does_not_pass(tmp_path, source):
    notebook = nbformat.v4.new_notebook(cells=[cell("code", source, "check")])
    notebook.cells.insert(0, cell("code", "double = abs"))
    with pytest.raises(ValueError, match="does not pass: the cell does not end in its answer"):
        teacher.run_notebook(notebook, tmp_path / "01_a.ipynb")


def test_a_notebook_without_solutions_is_left_out_unless_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher, "NOTEBOOKS", tmp_path)
    shutil.copy(FIRST, tmp_path)
    assert [*teacher.build(tmp_path / "build")] == []
    with pytest.raises(FileNotFoundError, match="solutions"):
        [*teacher.build(tmp_path / "build", [tmp_path / FIRST.name])]


def test_edits_by_hand_are_kept(course, tmp_path, monkeypatch):
    """Made, made again, edited and kept, forced; a changed output is no edit."""
    monkeypatch.setattr(teacher, "run_notebook", lambda notebook, folder: None)
    target = tmp_path / "build"
    path = target / course.name
    assert [*teacher.build(target, [course])] == [f"made {path}"]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="run again")]
    nbformat.write(notebook, path)
    assert not teacher.is_edited(path)
    notebook.cells[0].source += "\nMy own note."
    nbformat.write(notebook, path)
    assert [*teacher.build(target, [course])] == [
        f"kept {path}: it was edited by hand; --force replaces it"
    ]
    assert "My own note." in sources(path)[0]
    assert [*teacher.build(target, [course], force=True)] == [f"made {path}"]
    assert "My own note." not in sources(path)[0]
    path.write_text("not a notebook", encoding="utf-8")
    assert teacher.is_edited(path)


def test_a_solution_that_does_not_pass_is_not_written(course, tmp_path):
    (course.parent / "solutions").chmod(0o755)
    (course.parent / "solutions" / "01.md").write_text(
        TEXT.replace("2 * x", "3 * x"), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="does not pass: ✗"):
        [*teacher.build(tmp_path / "build", [course])]
    assert not (tmp_path / "build").exists()


@pytest.mark.slow
def test_the_first_notebook_runs_with_every_check_passed(tmp_path):
    """As `make teacher` does it, from another folder."""
    command = [sys.executable, "-m", "helpers.press.teacher", str(tmp_path / "build"), str(FIRST)]
    root = str(teacher.NOTEBOOKS.parent)
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"made {tmp_path / 'build' / FIRST.name}\n"
    made = nbformat.read(tmp_path / "build" / FIRST.name, as_version=4)
    said = [
        cell.outputs[0].data["text/plain"]
        for cell in made.cells
        if "check" in cell.metadata.get("tags", [])
    ]
    assert len(said) >= 3
    assert all(text.startswith("✓") for text in said)
    (progress,) = [cell for cell in made.cells if "progress" in cell.metadata.get("tags", [])]
    assert f"{len(said)} of {len(said)} exercises done" in progress.outputs[0].data["text/plain"]
    tags = [tag for cell in made.cells for tag in cell.metadata.get("tags", [])]
    assert tags.count("answer") == len(said) + 1 + tags.count("quiz")


def student_of(solutions):
    (path,) = teacher.NOTEBOOKS.glob(f"{solutions.stem}_*.ipynb")
    return nbformat.read(path, as_version=4)


def woven_with(solutions):
    questions = read(teacher.NOTEBOOKS / "questions" / solutions.name)
    text = solutions.read_text(encoding="utf-8")
    return teacher.weave(student_of(solutions), text, questions)


@pytest.mark.parametrize("solutions", SOLUTIONS, ids=lambda path: path.stem)
def test_solutions_need_only_what_their_notebook_imports(solutions):
    """They run in the order of the notebook, after the cells with its imports alone."""
    woven = woven_with(solutions)
    scope, passed = {}, 0
    for cell in woven.cells:
        tags = cell.metadata.get("tags", [])
        if cell.id in ("imports", "exercises") or "stub" in tags:
            exec(as_python(cell.source), scope)
        if "check" in tags:
            answer = eval(cell.source, scope)
            assert answer, answer
            passed += 1
    assert passed >= 3


def bound(source):
    """The names that the cells of a notebook would see after this one."""
    module = symtable.symtable(as_python(source), "cell", "exec")
    return {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported()
    }


@pytest.mark.parametrize("solutions", SOLUTIONS, ids=lambda path: path.stem)
def test_a_solution_binds_no_other_names_than_its_stub(solutions):
    """So the cells after it do the same as in the student's notebook, which CI runs."""
    student, woven = student_of(solutions), woven_with(solutions)
    stubs = {
        cell.id: cell.source for cell in student.cells if "stub" in cell.metadata.get("tags", [])
    }
    others = {
        name for cell in student.cells if cell.cell_type == "code" for name in bound(cell.source)
    }
    for cell in woven.cells:
        if cell.id in stubs:
            more = bound(cell.source) - bound(stubs[cell.id])
            assert not more & others, more


def test_parts_are_found_in_every_file():
    for path in SOLUTIONS:
        code, prose = teacher.split_parts(path.read_text(encoding="utf-8"))
        assert set(prose) == {*code, "open_question"}
        assert all(re.search(r"\w", text) for text in (*code.values(), *prose.values()))
