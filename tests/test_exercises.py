"""Every exercise has what it needs, and its check is right about solutions and mistakes."""

import functools
import importlib
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from names import as_python

from helpers.exercises import checks, surgery
from helpers.press import teacher

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PATHS = {path.stem[:2]: path for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
NUMBERS = sorted(path.stem for path in (NOTEBOOKS / "solutions").glob("*.md"))
SUBMITTED = {number: importlib.import_module(f"exercises.n{number}") for number in NUMBERS}
TASKS = {number: importlib.import_module(f"helpers.exercises.n{number}") for number in NUMBERS}


def exercises(number):
    return {
        name: task
        for name, task in vars(TASKS[number]).items()
        if isinstance(task, checks.Exercise)
    }


EVERY = [(number, name) for number in NUMBERS for name in exercises(number)]
WRONG = [(number, name, case) for number, name in EVERY for case in SUBMITTED[number].WRONG[name]]
RIGHT = [
    (number, name, case)
    for number, name in EVERY
    for case in range(len(SUBMITTED[number].RIGHT[name]))
]


def solutions(number):
    """The code and the texts of a file of solutions, each {exercise: source}."""
    path = NOTEBOOKS / "solutions" / f"{number}.md"
    return teacher.split_parts(path.read_text(encoding="utf-8"))


@functools.cache
def solved(number):
    """What a notebook knows after its imports and all solutions, by name."""
    scope = {}
    for cell in cells(number):
        if cell.id == "imports":
            exec(as_python(cell.source), scope)
    exec("\n".join(solutions(number)[0].values()), scope)
    return scope


def cells(number, *tags):
    notebook = nbformat.read(PATHS[number], as_version=4)
    return [cell for cell in notebook.cells if set(tags) <= set(cell.metadata.get("tags", []))]


@pytest.mark.parametrize(("number", "name", "case"), WRONG)
def test_a_mistake_is_caught_with_its_own_message(number, name, case):
    solution, words = SUBMITTED[number].WRONG[name][case]
    answer = exercises(number)[name].check(solution, seconds=0.3 if case == "never ends" else None)
    assert answer.status == "wrong"
    assert words in answer.sentence, answer
    assert re.search(r"\d|raises|returns|and yours is|ready-made|is now", answer.sentence), (
        "the numbers that show it are missing"
    )


@pytest.mark.parametrize(("number", "name", "case"), RIGHT)
def test_a_right_solution_written_differently_passes(number, name, case):
    answer = exercises(number)[name].check(SUBMITTED[number].RIGHT[name][case])
    assert answer, answer


@pytest.mark.parametrize(("number", "name"), EVERY)
def test_each_mistake_of_a_check_has_a_sentence_of_its_own(number, name):
    task = exercises(number)[name]
    for sentence, wrong in task.mistakes.items():
        answer = task.check(wrong)
        assert answer.sentence.startswith(sentence + ": "), answer


@pytest.mark.parametrize(("number", "name"), EVERY)
def test_tables_are_long_enough_and_names_are_kept(number, name):
    task = exercises(number)[name]
    assert task.name == name
    assert len(SUBMITTED[number].WRONG[name]) >= 6
    assert len({words for _, words in SUBMITTED[number].WRONG[name].values()}) >= 6
    assert len(SUBMITTED[number].RIGHT[name]) >= 3


def test_names_are_used_once():
    assert len({name for _, name in EVERY}) == len(EVERY)
    assert all(len(exercises(number)) >= 3 for number in NUMBERS)


@pytest.mark.parametrize(("number", "name"), EVERY)
def test_an_exercise_has_task_hints_stub_check_and_solution(number, name):
    """In this order: the task with folded hints, the stub, the check, which says "not done yet"."""
    tag = f"exercise:{name}"
    task, stub, check = cells(number, tag)
    assert (task.cell_type, stub.cell_type, check.cell_type) == ("markdown", "code", "code")
    assert re.search(
        r"^### Exercise \d\.\d · .+\n\n\*\((implement|predict and verify|repair|design), ",
        task.source,
    )
    assert re.search(r"\*\(.+, (easy|medium|hard), \d+ minutes\)\* Purpose: ", task.source)
    assert len(re.findall(r"<details><summary>Hint \d</summary>", task.source)) >= 2
    assert stub in cells(number, tag, "stub")
    assert "..." in stub.source
    assert check in cells(number, tag, "check")
    assert re.fullmatch(rf"tasks\.{name}\.check\(\w+\)", check.source)
    assert "not done yet" in check.outputs[0].data["text/plain"]
    assert name in solutions(number)[0]


@pytest.mark.parametrize(("number", "name"), EVERY)
def test_a_stub_is_not_done_and_its_solution_is_right(number, name):
    (stub,), (check,) = (cells(number, f"exercise:{name}", kind) for kind in ("stub", "check"))
    scope = solved(number) | {"tasks": TASKS[number]}
    assert eval(check.source, dict(scope)), eval(check.source, dict(scope))
    exec(stub.source, scope)
    assert eval(check.source, scope).status == "not done"


@pytest.mark.parametrize(("number", "name"), EVERY)
def test_a_function_that_ends_without_return_is_told_so(number, name):
    task = exercises(number)[name]
    if task.cases:
        answer = task.check(lambda *given: list(given).clear())
        assert answer.status == "wrong"
        assert "it returns None, as a function does that ends without return" in answer.sentence


@pytest.mark.parametrize("missing", [..., None])
def test_a_block_of_which_half_is_written_is_not_done(missing):
    def solution(c, units):
        return np.eye(units), np.zeros((units, 1)), missing, missing

    assert TASKS["02"].scaling_block.check(solution).status == "not done"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_notebook_has_an_open_question_and_ends_with_the_progress(number):
    (question,) = cells(number, "open-question")
    assert "<details><summary>Hint" in question.source
    assert "open_question" in solutions(number)[1]
    (progress,) = cells(number, "progress")
    assert progress.source == "checks.progress(tasks)"
    total = len(exercises(number))
    assert f"0 of {total} exercises done" in progress.outputs[0].data["text/plain"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_notebook_of_a_student_holds_no_answers(number):
    """The notebook has no line that only the solution has."""
    text = "\n".join(cell.source for cell in nbformat.read(PATHS[number], as_version=4).cells)
    notebook = {line.strip() for line in text.splitlines()}
    for tag, body in solutions(number)[0].items():
        stubs = cells(number, f"exercise:{tag}", "stub")
        given = {line.strip() for stub in stubs for line in stub.source.splitlines()}
        own = {line.strip() for line in body.splitlines() if len(line.strip()) > 12} - given
        assert own - notebook, tag
        assert not {line for line in own & notebook if line.startswith("return")}, tag


def test_what_flows_back_is_the_gradient_of_the_sum():
    leaf = torch.ones(3, 2, requires_grad=True)
    assert surgery.flow("backward", 5 * leaf, leaf)[0].unique().tolist() == [5]
    assert surgery.flow("backward", leaf.detach(), leaf)[0].unique().tolist() == [0]


def test_what_was_done_to_a_net_is_told():
    net = torch.nn.Linear(2, 2)
    torch.nn.init.zeros_(net.bias)
    before = surgery.portrait(net)
    surgery.check_untouched(net, before)
    torch.nn.init.constant_(net.bias, 3.0)
    with pytest.raises(checks.Mistake, match=r"entry \[0\] of bias was 0 and is now 3;"):
        surgery.check_untouched(net, before)
    torch.nn.init.zeros_(net.bias)
    with pytest.raises(checks.Mistake, match="makes a list of 1"):
        surgery.scores(lambda x: [net(x)], torch.ones(3, 2))
    with pytest.raises(checks.Mistake, match=r"weight was .*32 and is now .*64"):
        surgery.check_untouched(net.double(), before)


def test_no_block_that_a_reader_draws_is_silent_by_bad_luck():
    """From He's numbers all units of a block are 0 at all images less than once in a million."""
    draw = np.random.default_rng(0)
    for name, (net, position, x) in TASKS["03"].net_cases():
        a = net[:position](x).detach().numpy()
        units = draw.normal(size=(20_000, a.shape[1]))  # their size changes no sign
        silent = (units @ a.T <= 0).all(axis=1).mean()
        assert silent ** a.shape[1] < 1e-6, name
