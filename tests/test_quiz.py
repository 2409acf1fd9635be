"""Questions: their form, what a saved notebook keeps of them, and where the course asks them."""

import importlib
import itertools
import re
from html import unescape
from pathlib import Path

import nbformat
import pytest

from helpers.quizzes.quiz import INVITATION, Question

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
COURSE = {path.stem[:2]: nbformat.read(path, as_version=4).cells for path in NOTEBOOKS}
VIEW = "application/vnd.jupyter.widget-view+json"
# Two questions, one after the other, before the panel of both.
ASKED_WITH = {"nothing_left": "usual_size"}
CHOICES = [("3", "One is lost."), ("4", "It is the sum."), ("<22>", "That joins them.")]


def questions(number):
    module = importlib.import_module(f"helpers.quizzes.n{number}")
    return {name: thing for name, thing in vars(module).items() if isinstance(thing, Question)}


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
    monkeypatch.setattr("helpers.quizzes.quiz.display", lambda data, raw: shown.append(data))
    Question("What is 2 & 2?", CHOICES, right=1)._ipython_display_()
    live, stored = shown
    assert VIEW in live
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
