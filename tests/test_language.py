"""Other languages: what the code says can be translated, and a translation is the same course."""

import ast
import importlib
import json
import os
import re
import string
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from figures import film_of, panel_of
from names import as_python
from runes import Runes

from helpers import diagrams, plots
from helpers.exercises import n01
from helpers.exercises.checks import Exercise
from helpers.press import links, teacher
from helpers.quizzes import texts
from helpers.setup import language

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
LANGUAGES = sorted(path.parent.name for path in NOTEBOOKS.glob("*/messages.json"))
TRANSLATED = sorted(path for name in LANGUAGES for path in (NOTEBOOKS / name).glob("*.ipynb"))
ENGLISH = r"\b(the|and|is|of|it|was|should|not|yours|for|with|to|this|from|question|panel)\b"


@pytest.fixture(autouse=True)
def english_again():
    yield
    language.choose("en")


def messages(name):
    return json.loads((NOTEBOOKS / name / "messages.json").read_text(encoding="utf-8"))


def said_in(path):
    """The sentences that a file of the helpers hands to ``translate``, also by a name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope, body in [(tree, tree.body), *((f, list(ast.walk(f))) for f in functions)]:
        assigned = [
            (ast.unparse(target), node.value)
            for node in body
            if isinstance(node, ast.Assign)
            for target in node.targets
        ]
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "translate":
                names = {ast.unparse(part) for part in ast.walk(node.args[0])}
                sources = [node.args[0], *(value for name, value in assigned if name in names)]
                for one in (part for source in sources for part in ast.walk(source)):
                    text = getattr(one, "value", None)
                    if isinstance(text, str) and (one is node.args[0] or " " in text.strip()):
                        yield text


def said_by(number):
    """The sentences of the exercises of a notebook."""
    for task in vars(importlib.import_module(f"helpers.exercises.n{number}")).values():
        if isinstance(task, Exercise):
            labels = [label for label, _ in task.known_cases if label]
            yield from (task.title, task.praise, *task.mistakes, *labels, *task.says.values())


def said(name):
    """All that the code says to the readers of the notebooks that are translated."""
    numbers = [path.stem[:2] for path in TRANSLATED if path.parent.name == name]
    tables = [ROOT / "helpers" / "exercises" / f"n{number}.py" for number in numbers]
    files = (path for path in ROOT.glob("helpers/**/*.py") if not re.match(r"n\d\d", path.stem))
    of_code = {text for path in [*files, *tables] for text in said_in(path)}
    of_figures = {*plots.NAMES.values(), *diagrams.FORMULAS.values()}
    return of_code | of_figures | {text for number in numbers for text in said_by(number)}


@pytest.mark.parametrize("name", LANGUAGES)
def test_all_that_the_code_says_is_translated_and_nothing_else(name):
    ours = messages(name)
    assert said(name) - set(ours) == set()
    code = " ".join(cell.source for path in TRANSLATED for cell in read(path).cells)
    labels = {label.replace("_", " ") for label in re.findall(r"\w+", code)}  # of controls
    assert set(ours) - said(name) - labels == set()


def braces(sentence):
    return sorted(
        (field, form) for _, field, form, _ in string.Formatter().parse(sentence) if field
    )


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_translation_has_the_braces_of_its_sentence(name):
    for sentence, ours in messages(name).items():
        assert ours.strip()
        if "$" not in sentence:
            assert braces(sentence) == braces(ours), sentence
        spaces = [re.fullmatch(r"(\s*).*?(\s*)", text).groups() for text in (sentence, ours)]
        assert spaces[0] == spaces[1], sentence


def read(path):
    return nbformat.read(path, as_version=4)


def without_texts(source):
    """Code without its texts and comments; what is done with them is still there."""

    class Empty(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.Constant("") if isinstance(node.value, str) else node

    source = source.replace(f'check("{LANGUAGES[0]}")', "check()")
    tree = ast.parse(as_python(source))
    return ast.unparse(Empty().visit(tree))


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_translated_notebook_has_the_same_cells_with_the_same_code(path):
    original, ours = read(NOTEBOOKS / path.name).cells, read(path).cells
    known = [
        [(cell.id, cell.cell_type, cell.metadata) for cell in cells] for cells in (original, ours)
    ]
    assert known[0] == known[1]
    for cell, other in zip(original, ours, strict=True):
        if "stub" in cell.metadata.get("tags", []):  # what the checks and ``reset`` know
            assert cell.source == other.source
        elif cell.cell_type == "code":
            assert without_texts(cell.source) == without_texts(other.source), cell.id
            kinds = [[[*o.get("data", {})] for o in one.outputs] for one in (cell, other)]
            assert kinds[0] == kinds[1], f"{cell.id}: run the translation, too"
        else:
            formulas = [
                re.findall(r"^\$\$.*\$\$$|`[^`]+`", one.source, re.M) for one in (cell, other)
            ]
            assert set(formulas[0]) <= set(formulas[1]), cell.id
            assert cell.source != other.source, cell.id


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_translated_notebook_chooses_its_language_and_speaks_no_other(path):
    first = next(cell for cell in read(path).cells if cell.cell_type == "code")
    assert f'why_resnets_work.check("{path.parent.name}")\n' in first.source
    address = links.find_address(ROOT / "pyproject.toml")
    assert path.read_text(encoding="utf-8") == links.edit(path, address)
    for cell in read(path).cells:
        for output in cell.get("outputs", []):
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            assert not re.search(ENGLISH, text), text
        for link in re.findall(r"\]\((?!https)([^)#]+)", cell.source):
            assert (path.parent / link).is_file(), link


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_translated_questions_and_solutions_have_the_same_form(path):
    name = f"{path.stem[:2]}.md"
    original, ours = (
        texts.read(folder / "questions" / name) for folder in (NOTEBOOKS, path.parent)
    )
    shapes = [
        {key: (len(q.choices), q.right) for key, q in each.items()} for each in (original, ours)
    ]
    assert shapes[0] == shapes[1]
    parts = [
        teacher.split_parts((folder / "solutions" / name).read_text(encoding="utf-8"))
        for folder in (NOTEBOOKS, path.parent)
    ]
    assert [*parts[0][1]] == [*parts[1][1]]
    codes = [{key: without_texts(text) for key, text in code.items()} for code, _ in parts]
    assert codes[0] == codes[1]


def test_no_check_says_a_word_that_cannot_be_translated(monkeypatch):
    """Of what people hand in for the notebooks that are translated."""
    monkeypatch.setattr(language._chosen, "messages", Runes())
    heard = 0
    for number in sorted({path.stem[:2] for path in TRANSLATED}):
        tasks = importlib.import_module(f"helpers.exercises.n{number}")
        for name, cases in importlib.import_module(f"exercises.n{number}").WRONG.items():
            for case, (solution, _) in cases.items():
                limit = 0.3 if case == "never ends" else None
                answer = repr(getattr(tasks, name).check(solution, seconds=limit))
                heard += "ᛟ" in answer
                own = re.sub(r"\w+(Error|Exit)\b.*", "", answer)  # Python's words are its own
                assert not re.search(ENGLISH, own, re.IGNORECASE), (name, case, answer)
    assert heard > 30


IN_RUNES = """
from runes import Runes
from helpers.setup import language
language._chosen.messages = Runes()
from figures import film_of, panel_of
from helpers import diagrams, explore, plots
from helpers.panels import panel as module
from helpers.quizzes import quiz as questions
shown = []
module.display = module.page.display = questions.display = lambda *bundle, **_: shown.append(bundle)
panel, _ = panel_of()
panel.controls["slope"].value = 0.5
panel._ipython_display_()
film, _ = film_of()
film._ipython_display_()
film._report("unwatched")
said = [film._note.value, film._bar.description, *(b.description for b in film._buttons.values())]
film.play()
panel._update = lambda **_: 1 / 0
panel.controls["slope"].value = 0.6
said += [panel._screen.error, panel._screen.alt, *panel._screen.words.values(), film._note.value]
questions.Question("?", [("1", "2"), ("3", "4"), ("5", "6")], 0)._ipython_display_()
said += [*questions.VERDICTS, module.page.LACKING, *plots.NAMES.values()]
picture, axes = plots.figure()
diagrams.block(axes)
said += [text.get_text() for text in axes.texts if not text.get_text().startswith("$")]
said += [bundle[0].get("text/plain", "") for bundle in shown]
print(*said, sep="\\n")
"""


def test_no_panel_and_no_question_says_a_word_that_cannot_be_translated():
    """In a process of its own: some of them keep their words from when they are imported."""
    done = subprocess.run(
        [sys.executable, "-c", IN_RUNES],
        cwd=ROOT / "tests",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert sum("ᛟ" in line for line in lines) > 25
    for line in lines:
        own = re.sub(r"The slope is 0.5\.|\w+Error: .* by zero", "", line)  # what a notebook says
        assert not re.search(r"[A-Za-z]{3}", re.sub(r"\$.*\$|<.*?>|= \w+", "", own)), line


def test_an_entry_and_a_whole_result_are_named_in_german():
    language.choose("de")

    def overwrites(a, W1, b1, W2, b2):
        a += 1
        return a

    returned = [np.zeros((2, 3)), np.zeros(3), "a", overwrites]
    answers = [
        n01.residual_block.check(one if callable(one) else lambda *_, one=one: one).sentence
        for one in returned
    ]
    gradient = n01.block_backward.check(lambda a, *_: (a, a, a, a, a)).sentence
    said = [
        "Eintrag [0, 2] des Ergebnisses sollte 3 sein",
        "das Ergebnis hat die Form (3,) und",
        "das Ergebnis sollte aus Zahlen bestehen, und es ist ein Objekt vom Typ str",
        "noch gebraucht wird: Eintrag [0, 0] des Arrays a war 1 und ist jetzt 2",
    ]
    for sentence, answer in zip(said, answers, strict=True):
        assert sentence in answer
    assert "Eintrag [0, 2] des Arrays da sollte 1 sein" in gradient


def test_a_panel_says_its_numbers_with_the_decimal_sign_of_the_language():
    (panel, _), (film, _) = panel_of(), film_of()
    assert panel.sentence == "The slope is 1.0."
    language.choose("de")
    panel.controls["slope"].value = 0.5
    assert panel.sentence == panel._screen.sentence == "The slope is 0,5."
    assert panel.still(slope=0)[1] == panel._draw_at({"slope": 0})[1] == "The slope is 0,0."
    assert "slope = 0,5, high" in panel.describe()
    film._follow(0.5, "At 0.25 of 1. Then 2.")
    assert film.sentence == "At 0,25 of 1. Then 2."


@pytest.mark.parametrize("name", ["xx", "", None, "DE"])
def test_an_unknown_language_is_named_with_those_that_there_are(name):
    with pytest.raises(ValueError, match=rf"no language {name!r}; its languages are: en, .*de"):
        language.choose(name)
    assert language.translate("in line {line}", line=3) == "in line 3"


def test_the_languages_that_there_are_have_an_order(tmp_path, monkeypatch):
    for name in ("de", "fr", "ar", "zh", "ca"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "messages.json").touch()
    monkeypatch.setattr(language, "TEXTS", tmp_path)
    with pytest.raises(ValueError, match=r"its languages are: en, ar, ca, de, fr, zh$"):
        language.choose("xx")


def test_messages_that_cannot_be_read_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(language, "TEXTS", tmp_path)
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "messages.json").write_text('{"start": "Start",}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"messages\.json is not in the form of JSON: .* line 1"):
        language.choose("xx")
    (tmp_path / "xx" / "messages.json").write_text('{"start": "Los!"}', encoding="utf-8")
    language.choose("xx")
    assert language.translate("start") == "Los!"
    assert language.translate("a sentence of tomorrow") == "a sentence of tomorrow"
    assert language.folder() == tmp_path / "xx"
