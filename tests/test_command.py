"""Command lines: what is wrong is one sentence, and an option that nobody knows is refused."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.press import slides, teacher
from helpers.press.command import main

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ("book", "handout", "slides", "teacher", "graded", "links")
# Each program in turn, as `python -m` runs it, in one process.
RUN = """
import json, runpy, sys
sys.argv[1:], codes = ["--help"], []
for name in json.load(sys.stdin):
    try:
        runpy.run_module(f"helpers.press.{name}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        codes.append(end.code)
print(codes)
"""


def call(monkeypatch, *words, make=lambda target, sources: [target, str(sources)]):
    monkeypatch.setattr(sys, "argv", ["program", *words])
    main(make, "build", "--force")


def test_the_first_word_is_the_target_and_the_others_are_sources(monkeypatch, capsys):
    for words in ([], ["a"], ["--force", "a", "b"]):
        call(monkeypatch, *words)
    assert capsys.readouterr().out == "build\nNone\na\nNone\na\n['b']\n"


@pytest.mark.parametrize("error", [ValueError("It is bad."), FileNotFoundError("It is bad.")])
def test_an_error_of_the_house_is_one_sentence(monkeypatch, error):
    def make(*_):
        yield "made a"
        raise error

    with pytest.raises(SystemExit, match=r"^It is bad\.$"):
        call(monkeypatch, make=make)


def test_an_option_is_no_folder_and_nothing_is_made(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(PROGRAMS),
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == f"{[2] * len(PROGRAMS)}\n"
    for name in PROGRAMS:
        assert f"    python -m helpers.press.{name} [" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"state"}


@pytest.mark.parametrize("words", ["student --help", "student a b", "reset --help", "reset"])
def test_the_commands_of_exercises_say_how_they_are_called(tmp_path, words):
    name, *rest = words.split()
    done = subprocess.run(
        [sys.executable, "-m", f"helpers.exercises.{name}", *rest],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [*tmp_path.iterdir()]) == (1, [])
    assert f"    python -m helpers.exercises.{name} " in done.stderr


def test_a_notebook_without_cells_has_none_for_teachers_either():
    assert teacher.weave(nbformat.v4.new_notebook(), "").cells == []


def test_code_at_a_prompt_stays_on_its_slide(tmp_path):
    (tmp_path / "one.md").write_text("# One\n\n>>> 1 + 1\n\n> Say\n>\n> this.\n")
    (slide,) = slides.read_slides(tmp_path / "one.md")
    assert slide["notes"] == "Say\n\nthis."
    assert slide["parts"] == [("text", "# One\n\n>>> 1 + 1\n\n")]
