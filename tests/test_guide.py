"""The teacher's guide: every cell that it names is there, every sentence that it quotes is true,
every plan adds up.
"""

import ast
import functools
import itertools
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from decaying import decayed
from names import as_python, bound, read, table_of

from helpers.block import decay
from helpers.studies import paper

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TEXT = (
    (NOTEBOOKS / "teachers_guide.md")
    .read_text(encoding="utf-8")
    .split("\n## What the lecture says")[0]
)
ROUTES, LESSONS = TEXT.split("\n## Three routes\n")[1].split("\n## Notebook by notebook\n")
LESSON = {  # file: what is said about it
    re.search(r"\]\((\S+)\)\n", part)[1]: part
    for part in re.split(r"^### (?=\[)", LESSONS, flags=re.MULTILINE)[1:]
}
PANELS = [
    (file, *row)
    for file, part in LESSON.items()
    for row in re.findall(r"^\| (.+) \(`([\w-]+)`\) \| (.+) \| (.+) \|$", part, re.MULTILINE)
]
QUOTES = [
    (file, *quote)
    for file, part in LESSON.items()
    for quote in re.findall(r"“([^”]+)”\s+\(`([\w-]+)`\)", part)
]


@functools.cache
def notebook(file):
    return nbformat.read(NOTEBOOKS / file, as_version=4)


def cell_of(file, cell_id):
    """Return a cell, and the section that it stands in."""
    section = None
    for cell in notebook(file).cells:
        headings = (
            re.findall(r"^## (.+)$", cell.source, re.MULTILINE)
            if cell.cell_type == "markdown"
            else []
        )
        section = headings[-1] if headings else section
        if cell.id == cell_id:
            return cell, section
    raise AssertionError(f"{file} has no cell {cell_id}")


def spaced(text):
    return re.sub(r"\s+", " ", text)


# Panels: only what a panel needs is run, and then its controls are set.


@functools.cache
def panel_of(file, cell_id):
    """Return the panel of a cell, and where its controls stand at first."""
    cells = [cell for cell in notebook(file).cells if cell.cell_type == "code"]
    number = next(number for number, cell in enumerate(cells) if cell.id == cell_id)
    scope = {}
    for cell in needed(cells[: number + 1]):
        *statements, last = ast.parse(as_python(cell.source)).body
        exec(compile(ast.Module(statements, []), cell.id, "exec"), scope)
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), cell.id, "eval"), scope)
        else:
            exec(compile(ast.Module([last], []), cell.id, "exec"), scope)
    return shown, shown.values()


def needed(cells):
    """Return the last of the cells, and in their order those before it that bind what it needs,
    directly or not.
    """
    chosen, names = [], set()
    for cell in reversed(cells):
        table = table_of(cell)
        if not chosen or bound(table) & names:
            chosen.append(cell)
            names = (names | read(table)) - bound(table)
    return chosen[::-1]


def said(file, cell_id, settings):
    """Return what a panel says when its controls, named as the reader sees them, stand at these
    values.
    """
    panel, starts = panel_of(file, cell_id)
    for name, value in starts.items():
        panel.controls[name].value = value
    controls = {control.description or name: control for name, control in panel.controls.items()}
    for label, text in settings.items():
        controls[label].value = value_of(controls[label], text)
    assert panel._failure is None
    return panel.sentence


def value_of(control, text):
    if hasattr(control, "options"):
        return dict(zip(map(str, control._options_labels), control._options_values, strict=True))[
            text
        ]
    if isinstance(control.value, bool):
        return {"on": True, "off": False}[text]
    steps = (float(text) - control.min) / control.step
    assert control.min <= float(text) <= control.max, text
    assert abs(steps - round(steps)) < 1e-6, f"the slider cannot stand at {text}"
    return type(control.value)(float(text))


def stored(cell):
    """Return the sentence of the panel that a cell shows, as the notebook is stored."""
    return next(
        output.metadata["image/png"]["alt"]
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    )


def test_there_are_panels_and_quotes_for_every_notebook():
    assert list(LESSON) == [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    assert {file for file, *_ in PANELS} == set(LESSON)
    assert LESSONS.count("“") == len(QUOTES) > 25


@pytest.mark.parametrize(("file", "section", "cell_id", "settings", "sentence"), PANELS)
def test_panels_say_what_the_guide_says(file, section, cell_id, settings, sentence):
    cell, found = cell_of(file, cell_id)
    assert found == section
    if settings == "as it opens":  # a training stands behind it
        assert stored(cell) == sentence
        return
    now = said(file, cell_id, dict(setting.rsplit(" = ", 1) for setting in settings.split("; ")))
    if "nbval-ignore-output" in cell.metadata.get(
        "tags", []
    ):  # numbers differ between machines, a little
        numbers, expected = (
            np.array(re.findall(r"\d+", text), dtype=float) for text in (now, sentence)
        )
        assert np.abs(numbers - expected).max() <= 3
        now, sentence = (re.sub(r"\d+", "", text) for text in (now, sentence))
    assert now == sentence


@pytest.mark.parametrize(("file", "quote", "cell_id"), QUOTES)
def test_quotes_stand_in_their_cells(file, quote, cell_id):
    cell, _ = cell_of(file, cell_id)
    outputs = [
        o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", [])
    ]
    assert any(spaced(quote) in spaced(text) for text in [cell.source, *outputs])


def test_cells_that_are_named_are_there():
    places = re.findall(r"\[\d\]\((\d\d_\w+\.ipynb)\) ([^|\n]+?) \(`([\w-]+)`\)", ROUTES)
    assert len(places) > 20
    for file, section, cell_id in places:
        assert cell_of(file, cell_id)[1] == section
    for file, part in LESSON.items():
        ids = {cell.id for cell in notebook(file).cells}
        assert set(re.findall(r"\(`([\w-]+)`\)", part)) <= ids
        assert set(re.findall(r"`([a-z]+-[\w-]+)`", part)) <= ids


def spans(part):
    """The minutes of each plan in a text: [[(begin, end)]]."""
    tables = re.findall(r"^\| minutes \| what \|\n\|---\|---\|\n((?:\|.+\n)+)", part, re.MULTILINE)
    return [
        [tuple(map(int, row)) for row in re.findall(r"^\| (\d+)–(\d+) \|", rows, re.MULTILINE)]
        for rows in tables
    ]


def test_plans_and_routes_add_up():
    for file, part in LESSON.items():
        (plan,) = spans(part)
        minutes = int(re.search(r"\*\*Plan, (\d+) minutes\.\*\*", part)[1])
        assert f"| {minutes} minutes" in notebook(file).cells[0].source
        assert plan[0][0] == 0
        assert plan[-1][1] == minutes
        assert all(one[1] == other[0] for one, other in itertools.pairwise(plan))
    routes = re.findall(r"^### (\d+) (minutes|hours)", ROUTES, re.MULTILINE)
    assert len(routes) == len(spans(ROUTES)) == 3
    for (length, unit), plan in zip(routes, spans(ROUTES), strict=True):
        assert plan[0][0] == 0
        assert plan[-1][1] == int(length) * (60 if unit == "hours" else 1)
        assert all(one[1] == other[0] for one, other in itertools.pairwise(plan))


@pytest.mark.parametrize(
    "part",
    [
        "The one idea",
        "Plan,",
        "Panels",
        "Questions",
        "Misconceptions",
        "Short of time?",
        "The machine",
    ],
)
def test_every_lesson_has_all_parts(part):
    assert all(lesson.count(f"**{part}") == 1 for lesson in LESSON.values())


def test_every_lesson_has_three_to_five_questions():
    for lesson in LESSON.values():
        assert 3 <= len(re.findall(r"^\d\. \*.+\?\*? ?", lesson, re.MULTILINE)) <= 5


@pytest.mark.parametrize(
    "belief",
    [
        "The skip adds parameters.",
        "Residual nets just avoid vanishing gradients.",
        "Deeper is overfitting.",
        "W becomes exactly zero in practice.",
        "The identity is what we want.",
    ],
)
def test_the_usual_misconceptions_are_refuted(belief):
    assert f'- "{belief}"' in LESSONS


def test_run_times_are_those_of_the_readme():
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    for file in LESSON:
        (seconds,) = re.findall(
            rf"^\| \[.+\]\(notebooks/{re.escape(file)}\) \|.+\| (\d+ s) \|", readme, re.MULTILINE
        )
        row = re.search(rf"^\| \[\d\]\({re.escape(file)}\) \| (\d+ s) \|(.+)\|", TEXT, re.MULTILINE)
        assert row[1] == seconds
        assert set(re.findall(r"`([\w-]+)`", row[2])) <= {cell.id for cell in notebook(file).cells}


def test_the_minutes_of_exercises_that_no_plan_holds():
    for file, text in LESSON.items():
        cells = [cell.source for cell in notebook(file).cells if "### Exercise " in cell.source]
        minutes = sum(int(re.search(r"\*\(.+, (\d+) minutes\)\*", source)[1]) for source in cells)
        said = re.findall(r"The exercises \((\d+) minutes\) are not in this plan", text)
        assert said == ([] if file[:2] in ("00", "01", "02", "03") else [str(minutes)])


def test_what_the_guide_computes_itself():
    """Each phrase stands in the guide, and is true."""
    left = decayed([paper.rate(step) for step in range(64_000)])[-1]
    with_momentum = decayed([0.1] * 10_000)
    norms, _ = decay(np.ones((1, 1)), strength=1e-4, learning_rate=0.1, steps=69_315)
    shrunk, full = (
        float(
            said("00_start_here.ipynb", "panel-shrink", {"size of the second W": s})
            .split("plain ")[1]
            .split(",")[0]
        )
        for s in ("0.3", "1")
    )
    phrases = {
        "decay would leave 3 % of W after all\n  64,000 steps": round(left, 2) == 0.03,
        "plain gradient descent after 69,315 steps": norms[-1] <= 0.5 < norms[-2],
        "after\n   6,934 of their 64,000 steps": with_momentum[6933] <= 0.5 < with_momentum[6932],
        "0.3 to the power of 16 is 4.3e-09": f"{0.3**16:.1e}" == "4.3e-09"
        and abs(shrunk / full / 0.3**16 - 1) < 0.05,
        "every step leaves\n  99 % of what was there": 1 - 0.1 * 0.1 == 0.99,
    }
    assert {phrase for phrase, is_true in phrases.items() if is_true and phrase in TEXT} == set(
        phrases
    )
