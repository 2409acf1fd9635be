"""Questions: their form, what a saved notebook keeps of them, and where the course asks them."""

import itertools
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest

from helpers import quizzes
from helpers.quizzes import texts
from helpers.quizzes.quiz import INVITATION, Question

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
COURSE = {path.stem[:2]: nbformat.read(path, as_version=4).cells for path in NOTEBOOKS}
VIEW = "application/vnd.jupyter.widget-view+json"
# Two questions, one after the other, before the panel of both.
ASKED_WITH = {"nothing_left": "usual_size"}
CHOICES = [("3", "One is lost."), ("4", "It is the sum."), ("<22>", "That joins them.")]


def questions(number):
    return vars(getattr(quizzes, f"n{number}"))


EVERY = [(number, name) for number in COURSE for name in questions(number)]


def asked(number):
    return [cell for cell in COURSE[number] if "quiz" in cell.metadata.get("tags", [])]


def test_choices_may_be_a_dictionary():
    question = Question("What is 2 + 2?", dict(CHOICES), right=1)
    assert question.choices == CHOICES
    with pytest.raises(ValueError, match="three or four choices"):
        Question("What is 2 + 2?", dict(CHOICES[:2]), right=1)


def test_a_question_shows_a_widget_and_stores_itself_without_the_answer(monkeypatch):
    shown = []
    monkeypatch.setattr("helpers.quizzes.quiz.display", lambda *data, raw: shown.extend(data * raw))
    Question("What is 2 & 2?", CHOICES, right=1)._ipython_display_()
    live, stored = shown
    assert live[VIEW].pop("model_id")
    assert live[VIEW] == {"version_major": 2, "version_minor": 0}  # of all ipywidgets until now
    assert live["text/plain"] == "Question: What is 2 & 2?"
    words = re.sub(r"<[^>]+>", " ", stored["text/html"])
    for text in ("What is 2 & 2?", "3", "4", "<22>", INVITATION):
        assert text in unescape(words)
        assert text in stored["text/plain"]
    assert not re.search("One is lost|It is the sum|That joins|right", str(stored))


@pytest.mark.parametrize(
    ("choices", "right", "message"),
    [
        (CHOICES[:2], 0, "three or four choices"),
        ([(str(n), f"why {n}") for n in range(5)], 0, "three or four choices"),
        (CHOICES, 3, "right is 3, but the choices are numbered 0 to 2"),
        (CHOICES, -1, "right is -1"),
        ([*CHOICES, ("3", "again")], 1, "differ"),
        ([*CHOICES, ("5", "One is lost.")], 1, "differ"),
        ([*CHOICES, ("5", " ")], 1, "must be there"),
    ],
)
def test_a_question_of_the_wrong_form_is_refused(choices, right, message):
    with pytest.raises(ValueError, match=message):
        Question("What is 2 + 2?", choices, right)


@pytest.mark.parametrize("number", COURSE)
def test_a_notebook_asks_all_its_questions_once_in_cells_that_hold_no_answer(number):
    names = [re.fullmatch(r"quiz\.(\w+)", cell.source)[1] for cell in asked(number)]
    assert sorted(names) == sorted(questions(number))
    assert len(names) >= 2
    for cell in asked(number):
        assert cell.outputs[0].data["text/plain"].startswith("Question: ")


@pytest.mark.parametrize(("number", "name"), EVERY)
def test_a_question_stands_before_the_cell_that_answers_it(number, name):
    """Before the next question or exercise there is a picture, a panel or an assertion."""
    cells = COURSE[number]
    (place,) = [
        i for i, cell in enumerate(cells) if cell.source == f"quiz.{ASKED_WITH.get(name, name)}"
    ]
    assert answers(cells[place + 1 :])


def answers(cells):
    """Whether a code cell before the next question or exercise shows or asserts something."""
    code = (cell for cell in cells if cell.cell_type == "code")
    part = itertools.takewhile(
        lambda cell: not {"quiz", "stub", "check"} & set(cell.metadata.get("tags", [])), code
    )
    return any(
        re.search(r"^\s*assert\b", cell.source, re.MULTILINE)
        or any({"image/png", VIEW} & set(output.get("data", {})) for output in cell.outputs)
        for cell in part
    )


def test_a_question_without_an_answer_is_noticed():
    picture = nbformat.v4.new_output("display_data", {"image/png": "x"})
    prints = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text="1")])
    shows = nbformat.v4.new_code_cell("x", outputs=[picture])
    asks = nbformat.v4.new_code_cell("quiz.x", metadata={"tags": ["quiz"]})
    claims = nbformat.v4.new_code_cell("x = 1\nassert x")
    prose = nbformat.v4.new_markdown_cell("assert x")
    assert answers([prose, prints, shows])
    assert answers([prints, claims])
    assert not answers([prints, prose])
    assert not answers([prints, asks, shows, claims])


@pytest.mark.parametrize("number", COURSE)
def test_the_notebook_of_a_student_holds_no_whys(number):
    text = "\n".join(cell.source for cell in COURSE[number])
    for question in questions(number).values():
        for _, why in question.choices:
            assert why not in text


def test_the_right_answer_stands_at_every_place_and_is_not_always_the_longest():
    every = [question for number in COURSE for question in questions(number).values()]
    places = [question.right for question in every]
    assert {0, 1, 2} <= set(places)
    assert max(map(places.count, set(places))) <= len(places) / 2
    longest = [
        max(question.choices, key=lambda choice: len(choice[0])) == question.choices[question.right]
        for question in every
    ]
    assert sum(longest) <= len(every) / 2


FILE = """# What the file is for.

## sum

What is
2 + 2?

- [ ] 3

  One
  is lost.

- [x] 4 = 2 + 2

  It is the sum.
- [ ] 22

  That joins them.
"""


def read(tmp_path, text):
    path = tmp_path / "01.md"
    path.write_text(text, encoding="utf-8")
    return texts.read(path)


def test_a_question_is_read_from_a_file(tmp_path):
    ((name, question),) = read(tmp_path, FILE).items()
    assert (name, question.ask, question.right) == ("sum", "What is 2 + 2?", 1)
    assert question.choices == [
        ("3", "One is lost."), ("4 = 2 + 2", "It is the sum."), ("22", "That joins them.")
    ]  # fmt: skip
    assert read(tmp_path, "# Nothing yet\n\n- [ ] no question\n") == {}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("## sum", "## the sum", "line 3: 'the sum' is no name"),
        ("What is\n2 + 2?", "", "line 3: all texts of '' must be there"),
        ("- [x]", "- [ ]", "line 3: one choice of sum has an x, and here 0 have one"),
        ("- [ ] 3", "- [x] 3", "line 3: one choice of sum has an x, and here 2 have one"),
        ("- [x]", "- [y]", r"line 13: '- \[y\] 4 = 2 \+ 2' is out of place: a choice begins with"),
        ("- [x]", "* [x]", r"line 13: '\* \[x\] 4 = 2 \+ 2' is out of place"),
        ("4 = 2 + 2\n\n", "4 = 2 + 2\n", "line 13: no comment: it follows after an empty line"),
        ("  That joins", "That joins", "line 18: 'That joins them.' is out of place"),
        ("- [ ] 22\n\n  That joins them.\n", "", "line 3: three or four choices, but"),
        ("That joins them.", "It is the sum.", "line 3: all texts of .* must be there, and differ"),
        ("- [ ] 22", "### 22", "line 16: '### 22' is out of place"),
    ],
)
def test_what_is_wrong_in_a_file_of_questions_is_said_with_its_line(
    tmp_path, before, after, message
):
    assert before in FILE
    with pytest.raises(ValueError, match=rf"01\.md, {message}"):
        read(tmp_path, FILE.replace(before, after, 1))


def test_a_name_is_given_once(tmp_path):
    with pytest.raises(ValueError, match=r"01\.md, line 20: there is a question sum already"):
        read(tmp_path, FILE + FILE[FILE.index("\n## sum") :])


def test_there_are_no_questions_for_a_notebook_that_is_not_there():
    assert not hasattr(quizzes, "n1")
    with pytest.raises(FileNotFoundError):
        _ = quizzes.n99
