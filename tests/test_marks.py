"""Answers in a file: kept for the reader, reported to a teacher, never over somebody's own file."""

import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from exercises.small import double, number, pair

from helpers.exercises import checks, marks

TASKS = SimpleNamespace(double=double, number=number, pair=pair)
HEADER = "exercise,title,status,sentence\n"
RIGHT = "double,Double it,right,right: twice the input.\n"
PAIR = "pair,Sum and difference,right,right.\n"


@pytest.fixture(autouse=True)
def _a_fresh_kernel(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    restart(monkeypatch)


def restart(monkeypatch):
    """What a restart of the kernel forgets."""
    monkeypatch.setattr(checks, "answers", {})
    monkeypatch.setattr(checks.keeping, "path", None)


def twice(x):
    return 2 * x


def stub(x): ...


def test_nothing_is_written_unless_it_is_asked_for(tmp_path):
    double.check(twice)
    assert list(tmp_path.iterdir()) == []


def test_what_is_done_survives_a_restart(monkeypatch, tmp_path):
    assert (
        checks.keep("marks.csv") == f"Answers are kept in {tmp_path}/marks.csv; 0 are right so far."
    )
    double.check(twice)
    number.check(4)
    monkeypatch.chdir("/")  # the file stays where it is
    pair.check(...)
    restart(monkeypatch)
    assert checks.progress(TASKS).done == 0
    assert checks.keep(tmp_path / "marks.csv").endswith("1 are right so far.")
    assert checks.progress(TASKS).lines == (
        "✓ Double it: done", "✗ A number: not right yet", "… Sum and difference: not done yet"
    )  # fmt: skip


def test_three_dots_take_nothing_away_and_a_wrong_answer_does(monkeypatch):
    """A fresh copy of a notebook, run from the top, has only stubs."""
    checks.keep("marks.csv")
    double.check(twice)
    assert double.check(stub).status == pair.check(...).status == "not done"
    assert checks.progress(TASKS).done == 1
    assert Path("marks.csv").read_text() == HEADER + RIGHT
    checks.report("results.csv")
    assert "\npair,Sum and difference,not done," in Path("results.csv").read_text()
    double.check(lambda x: x + 2)
    restart(monkeypatch)
    checks.keep("marks.csv")
    assert checks.progress(TASKS).done == 0


def test_what_was_done_before_is_kept_too(monkeypatch, tmp_path):
    """The kernel's answers are newer than those in a file that it has not kept; three dots are
    none.
    """
    before = HEADER + RIGHT.replace("right", "wrong") + PAIR + "number,A number,wrong,no.\n"
    (tmp_path / "marks.csv").write_text(before)
    double.check(twice)
    pair.check(...)
    assert checks.keep("marks.csv").endswith("2 are right so far.")
    marks.append("marks.csv", ("number", "A number", "right", "by another notebook."))
    assert checks.keep("marks.csv").endswith("3 are right so far.")
    text = before + RIGHT + "number,A number,right,by another notebook.\n"
    assert (tmp_path / "marks.csv").read_text() == text
    restart(monkeypatch)
    assert checks.keep("marks.csv").endswith("3 are right so far.")


FOREIGN = {
    "notes": b"exercise 1 is done\n",
    "another table": b"exercise,status\r\ndouble,right\r\n",
    "semicolons": HEADER.replace(",", ";").encode(),
    "a picture": b"\x89PNG\r\n\x1a\n\x00\xff",
    "zeros": bytes(100),
}


@pytest.mark.parametrize("save", [checks.keep, checks.report])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_left_as_it_is(name, save, tmp_path):
    (tmp_path / "mine.csv").write_bytes(FOREIGN[name])
    double.check(twice)
    with pytest.raises(ValueError, match=r"mine\.csv is not a file of answers of this course and"):
        save("mine.csv")
    assert (tmp_path / "mine.csv").read_bytes() == FOREIGN[name]
    assert os.listdir() == ["mine.csv"]


def test_a_file_that_becomes_foreign_is_left_as_it_is(tmp_path):
    checks.keep("mine.csv")
    (tmp_path / "mine.csv").write_text("my diary\n")
    answer = double.check(twice)
    assert answer
    assert "(This is not kept: " in answer.sentence
    assert "is not a file of answers of this course" in answer.sentence
    assert (tmp_path / "mine.csv").read_text() == "my diary\n"


def test_damaged_lines_cost_no_others(monkeypatch, tmp_path):
    """A power failure cuts a line off, in the middle of a quoted sentence."""
    cut_off = 'number,A number,wrong,"the result shou'
    (tmp_path / "mine.csv").write_text(HEADER + "\n" + RIGHT + "\n?\n" + cut_off)
    with pytest.warns(UserWarning, match="2 of 3 lines are damaged and not counted"):
        checks.keep("mine.csv")
    pair.check(lambda x, y: (x + y, x - y))
    restart(monkeypatch)
    with pytest.warns(UserWarning, match="2 of 4 lines are damaged"):
        checks.keep("mine.csv")
    assert checks.progress(TASKS).done == 2


def test_a_report_keeps_what_it_cannot_read(tmp_path):
    """A teacher's note, an answer of a later version, and a sentence that was cut off."""
    others = 'Points: 7 of 10\nlater,Later,nearly,"a\nb"\nnumber,A number,wrong,"the resu'
    (tmp_path / "results.csv").write_text(HEADER + others)
    double.check(twice)
    for _ in range(2):
        with pytest.warns(UserWarning, match="4 of . lines are damaged and not counted"):
            assert checks.report("results.csv").endswith(
                "1 of 1 exercises that were checked are right."
            )
        assert (tmp_path / "results.csv").read_text() == HEADER + RIGHT + others


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_sentence_may_have_line_breaks(end, tmp_path):
    """As spreadsheets write them."""
    text = HEADER + 'pair,"Sum, difference",right,"right:\n""yes""\n"\n' + RIGHT
    (tmp_path / "results.csv").write_bytes(text.replace("\n", end).encode("utf-8-sig"))
    number.check(3)
    assert checks.report("results.csv").startswith("results.csv: 3 of 3")
    assert (tmp_path / "results.csv").read_text().splitlines() == [
        HEADER.strip(),
        'pair,"Sum, difference",right,"right: ""yes"""',
        RIGHT.strip(),
        "number,A number,right,right: it is 3.",
    ]


def test_an_empty_file_is_nobodys(monkeypatch, tmp_path):
    monkeypatch.setattr(marks, "PATIENCE", 0.02)
    (tmp_path / "new.csv").touch()
    checks.keep("new.csv")
    double.check(twice)
    assert (tmp_path / "new.csv").read_text() == HEADER + RIGHT


@pytest.mark.parametrize(
    ("path", "save"),
    [(".", checks.keep), (".", checks.report), ("no/such/folder.csv", checks.keep)],
)
def test_a_path_that_cannot_be_written_is_said_in_one_sentence(path, save):
    with pytest.raises(OSError, match=r"^\S+ cannot be (read|written|written to): [A-Z][\w ]+$"):
        save(path)


def test_a_folder_that_becomes_read_only_does_not_spoil_an_answer(monkeypatch):
    checks.keep("mine.csv")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(marks, "open", refuse, raising=False)  # root may write anywhere
    answer = double.check(twice)
    assert answer
    assert answer.sentence.endswith("mine.csv cannot be written to: Permission denied.)")


def hammer(path, name, count):
    for line in range(count):
        marks.append(path, (f"{name}{line}", "a title, with a comma", "right", "yes"))


def test_two_notebooks_share_a_file(tmp_path):
    """Each begins it, or finds it begun; no line of either is lost or torn."""
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "shared.csv"
    notebooks = [context.Process(target=hammer, args=(path, name, 100)) for name in "ab"]
    for notebook in notebooks:
        notebook.start()
    for notebook in notebooks:
        notebook.join()
    assert {line[0] for line in marks.read(path)} == {f"{n}{i}" for n in "ab" for i in range(100)}


def test_a_report_has_a_line_for_each_exercise_of_all_notebooks(monkeypatch, tmp_path):
    double.check(twice)
    number.check(4)
    number.check(3)
    assert checks.report("results.csv") == (
        "results.csv: 2 of 2 exercises that were checked are right."
    )
    restart(monkeypatch)
    pair.check(lambda x, y: (x + y, "one\nline"))
    checks.report("results.csv")
    assert (tmp_path / "results.csv").read_text().splitlines() == [
        "exercise,title,status,sentence",
        "double,Double it,right,right: twice the input.",
        "number,A number,right,right: it is 3.",
        'pair,Sum and difference,wrong,"for two arrays, it should give numbers, and gives a str."',
    ]
    assert os.listdir() == ["results.csv"]


def test_a_report_is_the_old_one_or_the_new_one(monkeypatch, tmp_path):
    """Whatever goes wrong at the last step, nothing half-written is left."""
    double.check(twice)
    checks.report("results.csv")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    number.check(3)
    with pytest.raises(
        OSError, match=r"results\.csv cannot be written \(No space left on device\)"
    ):
        checks.report("results.csv")
    assert (tmp_path / "results.csv").read_text() == HEADER + RIGHT
    assert os.listdir() == ["results.csv"]


def test_require_raises_with_the_sentence():
    assert checks.require(double, twice)
    with pytest.raises(
        checks.NotRight, match=r"^✗ A number: the result should be 3, and yours is 7"
    ):
        checks.require(number, 7)
    with pytest.raises(AssertionError, match=r"^… Double it: not done yet; write your code in"):
        checks.require(double, stub)
