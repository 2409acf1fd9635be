"""The course for students: what is in it, and what happens when the teacher mends a notebook."""

import glob
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.exercises import student
from helpers.exercises.reset import dumped, load
from helpers.press import teacher

ROOT = Path(__file__).resolve().parent.parent
NAME = "notebooks/01_the_residual_block.ipynb"
MERGE = ["-c", "user.name=a", "-c", "user.email=a@b", "merge", "-q"]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course for students, as it is written."""
    target = tmp_path_factory.mktemp("course") / "student"
    assert len(list(student.build(target))) > 100
    return target


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def cell_of(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def test_students_get_every_notebook_without_outputs_and_with_its_stubs(course):
    found = glob.glob("notebooks/**/*.ipynb", root_dir=ROOT, recursive=True)  # none that is hidden
    notebooks = sorted(map(Path, found))
    assert sorted(path.relative_to(course) for path in course.rglob("*.ipynb")) == notebooks
    stubs = set()
    for path in notebooks:
        for cell, original in zip(cells(course / path), cells(ROOT / path), strict=True):
            assert (cell["id"], cell["source"]) == (original["id"], original["source"])
            if cell["cell_type"] == "code":
                assert (cell["outputs"], cell["execution_count"]) == ([], None)
            if "stub" in cell["metadata"].get("tags", []):
                stubs.add("".join(cell["source"]))
    assert stubs == {stub["source"] for stub in load().values()}


def test_students_get_no_solutions_no_tests_and_no_guide(course):
    names = {path.relative_to(course).as_posix() for path in course.rglob("*")}
    assert not [name for name in names if re.search(r"solutions|test|guide|__pycache__", name)]
    assert {
        "why_resnets_work.py",
        "Makefile",
        "constraints.txt",
        "data/digits.npz",
        "README.md",
    } <= names
    text = "".join(path.read_text("utf-8") for path in course.rglob("*.ipynb"))
    for path in (ROOT / "notebooks" / "solutions").glob("*.md"):
        for prose in teacher.split_parts(path.read_text(encoding="utf-8"))[1].values():
            assert prose.splitlines()[0] not in text


def test_students_get_all_else_that_the_course_needs(course):
    kept = r"notebooks/(slides|teachers_guide)|/solutions/|__pycache__|/\."
    for kind in (
        *("data/*.csv", "data/*/*.json", "helpers/**/*.*", "*.toml", "*.yml", "LICENSE*"),
        *("notebooks/pictures/*.png", "notebooks/**/*.md", "notebooks/*/messages.json"),
    ):
        here, there = (
            {path.relative_to(root).as_posix() for path in root.glob(kind) if path.is_file()}
            for root in (ROOT, course)
        )
        assert there == {name for name in here if not re.search(kept, name)} != set()


def test_the_command_takes_the_folder_that_it_is_given(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["student", "mine"])
    with pytest.raises(SystemExit, match=r"^mine holds something else"):
        runpy.run_path(student.__file__, run_name="__main__")


def test_a_stub_that_the_teacher_has_solved_is_empty_again(tmp_path):
    (tmp_path / "root" / "notebooks").mkdir(parents=True)
    notebook = json.loads((ROOT / NAME).read_text(encoding="utf-8"))
    cell_of(notebook, "stub-residual-block")["source"] = ["solved = 1"]
    (tmp_path / "root" / NAME).write_bytes(dumped(notebook))
    assert list(student.build(tmp_path / "out", tmp_path / "root")) == [tmp_path / "out" / NAME]
    assert "solved" not in (tmp_path / "out" / NAME).read_text(encoding="utf-8")


def test_a_stub_that_was_not_packed_is_named_with_the_command_that_packs_it(tmp_path):
    (tmp_path / "notebooks").mkdir()
    notebook = json.loads((ROOT / NAME).read_text(encoding="utf-8"))
    cell_of(notebook, "stub-residual-block")["metadata"]["tags"] = ["exercise:mine", "stub"]
    (tmp_path / NAME).write_bytes(dumped(notebook))
    with pytest.raises(ValueError, match=r"01_.*: the stub of exercise mine is not .* --pack$"):
        list(student.build(tmp_path / "out", tmp_path))
    assert not (tmp_path / "out").exists()


HIDDEN = ("notebooks/.ipynb_checkpoints/01_a-checkpoint.ipynb", "notebooks/de/._01_a.ipynb")


def test_students_get_nothing_hidden_but_the_list_for_git(tmp_path):
    """No checkpoints of Jupyter, with solutions perhaps, and nothing of the system's."""
    for name in (*HIDDEN, "helpers/.ipynb_checkpoints/a.py", "data/.DS_Store", ".gitignore"):
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / NAME, tmp_path / "root" / name)
    out = tmp_path / "out"
    assert list(student.build(out, tmp_path / "root")) == [out / ".gitignore"]


def test_only_what_changed_is_written_again(course):
    assert list(student.build(course)) == []
    (course / "helpers" / "block.py").write_text("old", encoding="utf-8")
    edit(course / NAME, run)
    assert list(student.build(course)) == [course / "helpers" / "block.py", course / NAME]
    assert list(student.build(course)) == []


@pytest.mark.parametrize("change", ["work", "half merged"])
def test_no_notebook_that_a_student_has_written_into_is_replaced(course, tmp_path, change):
    """In a copy elsewhere; then no other file is replaced, either."""
    shutil.copytree(course, tmp_path / "student")
    path, block = tmp_path / "student" / NAME, tmp_path / "student" / "helpers" / "block.py"
    block.write_text("old", encoding="utf-8")
    if change == "work":
        edit(path, work)
    else:
        path.write_text("<<<<<<< HEAD\n", encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"01_.*\.ipynb holds something that this course did"):
        list(student.build(tmp_path / "student"))
    assert (path.read_bytes(), block.read_text("utf-8")) == (before, "old")


def test_a_students_copy_makes_none_of_itself(course, monkeypatch):
    """From within, the course for students is the course itself."""
    monkeypatch.chdir(course)
    edit(course / NAME, run)
    before = (course / NAME).read_bytes()
    with pytest.raises(FileExistsError, match="holds something else, and stays as it is"):
        list(student.build(".", course))
    assert (course / NAME).read_bytes() == before


def test_the_course_itself_and_a_folder_of_somebody_else_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine", encoding="utf-8")
    for folder in (ROOT, tmp_path):
        with pytest.raises(FileExistsError, match="holds something else, and stays as it is"):
            list(student.build(folder))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def git(folder, *words):
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def edit(path, change):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_bytes(dumped(notebook))


def run(notebook):
    """Run all cells, with another Python than the teacher's."""
    code = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    for number, cell in enumerate(code, 1):
        output = {"name": "stdout", "output_type": "stream", "text": [f"{number}\n"]}
        cell["execution_count"], cell["outputs"] = number, [output]
    notebook["metadata"]["language_info"]["version"] = "3.99"


def work(notebook):
    """Run all cells, and solve an exercise, as a student does."""
    run(notebook)
    cell_of(notebook, "stub-residual-block")["source"] = ["def residual_block():\n", "    mine\n"]


def mend(notebook):
    """Change a line of code, a line of prose, and add a cell before a stub, as a teacher does."""
    notebook["metadata"]["made"] = "another digest"
    cell_of(notebook, "plain")["source"][0] = "a2_plain = relu(z2)  # mended\n"
    cell_of(notebook, "text-10")["source"][0] = "A mended sentence.\n"
    place = next(n for n, cell in enumerate(notebook["cells"]) if cell["id"] == "text-20")
    new = {"cell_type": "markdown", "id": "new", "metadata": {}, "source": ["A new hint."]}
    notebook["cells"].insert(place, new)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
@pytest.mark.parametrize("options", [[], ["-X", "ours"]], ids=["git pull", "nbgitpuller"])
def test_what_a_student_wrote_survives_a_mended_notebook(course, tmp_path, options):
    """nbgitpuller commits what students changed, and merges with -X ours."""
    path = tmp_path / "student" / NAME
    path.parent.mkdir(parents=True)
    shutil.copy(course / NAME, path)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*MERGE[:4], "commit", "-qm", "1"]):
        git(tmp_path / "student", *words)
    git(tmp_path / "student", "checkout", "-qb", "mended")
    edit(path, mend)
    git(tmp_path / "student", *MERGE[:4], "commit", "-qam", "2")
    git(tmp_path / "student", "checkout", "-q", "main")
    edit(path, work)
    git(tmp_path / "student", *MERGE[:4], "commit", "-qam", "3")
    git(tmp_path / "student", *MERGE, *options, "--no-edit", "mended")
    merged = json.loads(path.read_text(encoding="utf-8"))
    expected = json.loads((course / NAME).read_text(encoding="utf-8"))
    mend(expected), work(expected)
    assert merged == expected
