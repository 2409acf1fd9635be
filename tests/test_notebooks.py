"""Notebook hygiene; what the cells compute is checked by the cells themselves, and compared by
strict nbval.
"""

import itertools
import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import nbformat
import pytest
from names import bound, read, table_of
from nbconvert import HTMLExporter
from ran import digests, recorded
from shortened import shortened
from test_guide import cell_of

from helpers.press import links

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CONTRIBUTING = (NOTEBOOKS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
FORBIDDEN = {
    "sys.path": r"sys\.path",
    "installing in a cell": r"(?m)^\s*(%pip|!pip|%conda)",
    "warnings switched off": r"filterwarnings|simplefilter",
    "interact (fails in nbval, silent on errors)": r"\binteract\b|interactive_output|Output\(",
    "pyplot (not safe in a panel's thread)": r"pyplot",
    "star import": r"import \*",
}
VIEW = "application/vnd.jupyter.widget-view+json"
FILLER = r"\b(simply|obviously|trivial(ly)?|of course|clearly)\b"


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    """A notebook without the lines that all share, for which there is tests/test_first_cell.py."""
    read = nbformat.read(request.param, as_version=4)
    first = code_cells(read)[0]
    first.source = links.OPENING.sub("", first.source)
    return read


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def panels(notebook):
    """The cells that show a panel; a question is a widget as well, see test_quiz.py."""
    cells = [cell for cell in code_cells(notebook) if "quiz" not in cell.metadata.get("tags", [])]
    return [
        cell for cell in cells if any(VIEW in output.get("data", {}) for output in cell.outputs)
    ]


def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def test_the_notebooks_are_there_and_linked_in_order():
    """Each names its neighbours, and the front door and the README have a map of all."""
    assert [path.stem[:2] for path in PATHS] == [f"{n:02}" for n in range(len(PATHS))]
    for here, after in itertools.pairwise(PATHS):
        assert f"]({after.name})" in prose(nbformat.read(here, as_version=4))[0]
        assert f"]({here.name})" in prose(nbformat.read(after, as_version=4))[0]
    door, readme = (
        "\n".join(prose(nbformat.read(PATHS[0], as_version=4))),
        (NOTEBOOKS.parent / "README.md").read_text("utf-8"),
    )
    for path in PATHS[1:]:
        assert f"]({path.name})" in door
        assert f"](notebooks/{path.name})" in readme


def test_is_valid_and_has_named_cells(notebook):
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(cell.source.strip() for cell in notebook.cells)


def test_is_committed_executed_in_order(notebook):
    """A cell without an execution count is never compared by nbval: a stripped notebook would pass
    unchecked.
    """
    assert [cell.execution_count for cell in code_cells(notebook)] == list(
        range(1, len(code_cells(notebook)) + 1)
    )
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert len(outputs) >= len(code_cells(notebook)) / 4
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for cell in code_cells(notebook):
        if re.search(
            r"^(print\(|explore\.explore\(|picture$|tasks\.|checks\.|quiz\.)|\.play\(\)$",
            cell.source,
            re.MULTILINE,
        ):
            assert cell.outputs, f"{cell.id} shows something, but its output is not stored"


def test_outputs_are_clean(notebook):
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        assert "execution" not in cell.metadata, f"{cell.id} carries times of execution"
        for output in cell.outputs:
            assert output.output_type != "error", f"{cell.id} stores an error"
            assert output.get("name") != "stderr", f"{cell.id} writes to stderr"
            text = json.dumps(
                {k: v for k, v in output.get("data", {}).items() if k.startswith("text")}
            )
            assert not re.search(r"0x[0-9a-f]{6}|/home/|/root/|/tmp/|site-packages", text), cell.id


def test_every_panel_is_stored_with_picture_and_sentence(notebook):
    for cell in panels(notebook):
        live, kept, said = cell.outputs[-3:]
        assert [output for output in cell.outputs if VIEW in output.get("data", {})] == [live]
        assert re.fullmatch(
            r"(Interactive|Live) panel \(.*\)\.", live.data["text/plain"], re.DOTALL
        ), cell.id
        assert "image/png" in kept.data, cell.id
        assert re.search(r"\. To move the controls, run this cell\.$", said.data["text/plain"]), (
            cell.id
        )


def test_every_picture_has_words_in_it_and_below_it(notebook):
    """JupyterLab drops those in it."""
    for cell in code_cells(notebook):
        for output, after in itertools.pairwise([*cell.outputs, {}]):
            if "image/png" in output.get("data", {}):
                assert output.metadata["image/png"]["alt"], cell.id
                assert re.match(r"<p>\w", after.get("data", {}).get("text/html", "")), cell.id


def test_exported_pages_show_each_panel_as_picture_and_sentence(notebook):
    """What nbviewer and `jupyter nbconvert --to html` make of the cells with a panel."""
    notebook.cells = panels(notebook)
    assert notebook.cells
    page = HTMLExporter().from_notebook_node(notebook)[0]
    for cell in notebook.cells:
        _, kept, said = cell.outputs[-3:]
        assert kept.metadata["image/png"]["alt"]
        assert kept.data["image/png"].replace("\n", "") in page.replace("\n", "")
        assert said.data["text/plain"] in unescape(page)


def test_cells_are_short(notebook):
    for cell in code_cells(notebook):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, f"{cell.id} has {len(lines)} lines"


def test_code_keeps_to_the_rules(notebook):
    joined = "\n".join(cell.source for cell in code_cells(notebook))
    for cell in code_cells(notebook):
        for what, pattern in FORBIDDEN.items():
            assert not re.search(pattern, cell.source), f"{cell.id}: {what}"
        assert set(cell.metadata.get("tags", [])) - {"stub", "check", "progress", "quiz"} <= {
            "nbval-ignore-output",
            "slow",
            *(f"exercise:{name}" for name in re.findall(r"\btasks\.(\w+)\.check", joined)),
        }


def globals_read(table):
    """Names that the functions of a symbol table read from the notebook, at any depth."""
    if (
        table.get_type() == "module"
    ):  # what a comprehension of the cell itself reads, it reads at once
        return set().union(
            *(
                globals_read(t)
                for t in table.get_children()
                if not t.get_name().endswith(("comp", "genexpr"))
            )
        )
    own = table.get_globals() if table.get_type() == "function" else ()  # a class has methods
    return set(own).union(*(globals_read(child) for child in table.get_children()))


def test_no_later_cell_rebinds_what_a_panel_reads(notebook):
    """A slider calls its function long after the cell ran: a name that a later cell uses again
    would break it.
    """
    tables = [(cell.id, table_of(cell)) for cell in code_cells(notebook)]
    for number, (cell, table) in enumerate(tables):
        later = (bound(table_after) for _, table_after in tables[number + 1 :])
        again = globals_read(table) & set().union(*later)
        assert not again, (
            f"functions of {cell} read {sorted(again)}, which a later cell binds again"
        )


def test_prose_has_no_filler(notebook):
    for source in prose(notebook):
        assert not re.search(FILLER, source, re.IGNORECASE), source


def test_anatomy_of_the_front_door():
    text = "\n".join(prose(nbformat.read(PATHS[0], as_version=4)))
    for heading in (
        "Is everything installed?",
        "The question",
        "The map",
        "What you should know already",
        "Words",
    ):
        assert f"\n## {heading}\n" in f"\n{text}"
    assert text.count("*Predict:*") >= 2


@pytest.mark.parametrize("path", PATHS[1:], ids=lambda path: path.stem)
def test_anatomy(path):
    notebook = nbformat.read(path, as_version=4)
    text = prose(notebook)
    headings = [line for source in text for line in source.splitlines() if line.startswith("#")]
    assert notebook.cells[0].cell_type == "markdown"
    assert [line for line in headings if line.startswith("# ")] == [headings[0]]
    for word in ("After this notebook you will be able to", "to teach", "to run", "needs"):
        assert word in text[0]
    for heading in ("## What we saw", "## Exercises", "## Where this is not the whole truth"):
        assert heading in headings
        assert heading in CONTRIBUTING
    joined = "\n".join(text)
    assert joined.count("*Predict:*") >= 3
    assert joined.count("*Believe now:*") >= 1
    assert len(re.findall(r"\*\((\w+[\w, ]*, )?\d+ minutes\)\*", joined, re.MULTILINE)) >= 3
    assert sum("assert " in cell.source for cell in code_cells(notebook)) >= 8


def test_links_lead_somewhere(notebook):
    for source in prose(notebook):
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", source):
            assert (NOTEBOOKS / target).exists(), target


GUIDE = (NOTEBOOKS / "teachers_guide.md").read_text(encoding="utf-8")
STATEMENTS = re.findall(r"^\| (L\d+) \| .+ \| (.+) \|$", GUIDE, re.MULTILINE)


def test_every_statement_of_the_lecture_has_its_row():
    assert [name for name, _ in STATEMENTS] == [f"L{number}" for number in range(1, 26)]


@pytest.mark.parametrize(("name", "places"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_every_statement_is_shown_by_a_cell_that_asserts_it(name, places):
    for place in places.split("; "):
        number, file, section, cell_id = re.fullmatch(
            r"\[(\d)\]\((.+\.ipynb)\) (.+) \(`(.+)`\)", place
        ).groups()
        assert file.startswith(f"0{number}_")
        cell, heading = cell_of(file, cell_id)
        assert heading == section
        assert cell.cell_type == "code"
        assert re.search(r"^ *assert ", cell.source, re.MULTILINE)


def test_nbval_catches_one_wrong_digit(tmp_path):
    """The net under the notebooks must hold: a true one passes, the same one with a digit changed
    does not.
    """
    new = nbformat.v4
    shown = new.new_output("execute_result", {"text/plain": "2.75"}, execution_count=2)
    cells = [
        new.new_code_cell("x = 11", execution_count=1),
        new.new_code_cell("x / 4", execution_count=2, outputs=[shown]),
    ]
    notebook = new.new_notebook(cells=cells)
    nbformat.write(notebook, tmp_path / "good.ipynb")
    shown.data["text/plain"] = "3.75"
    nbformat.write(notebook, tmp_path / "harmed.ipynb")
    options = ["-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-c", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert re.findall(r"^FAILED .*?(\w+\.ipynb::.*?)(?: - .*)?$", done.stdout, re.MULTILINE) == [
        "harmed.ipynb::Cell 1"
    ]
    assert "1 failed, 3 passed" in done.stdout


def test_hygiene_catches_stripped_outputs():
    stripped = nbformat.read(NOTEBOOKS / "01_the_residual_block.ipynb", as_version=4)
    for cell in code_cells(stripped):
        cell.outputs, cell.execution_count = [], None
    with pytest.raises(AssertionError):
        test_is_committed_executed_in_order(stripped)
    whole = nbformat.read(NOTEBOOKS / "01_the_residual_block.ipynb", as_version=4)
    next(cell for cell in whole.cells if cell.id == "switch-the-shortcut").outputs = []
    with pytest.raises(AssertionError, match="output is not stored"):
        test_is_committed_executed_in_order(whole)


def test_where_a_slow_cell_may_have_changed_its_output_was_made_anew():
    """`make test` does not run slow cells; `make notebooks` does, and notes which code it ran."""
    now, then = digests(), recorded()
    changed = [name for name in now if now[name] != then.get(name)]
    assert changed == [], "the code is not the one that made the outputs: run make notebooks"


@pytest.mark.parametrize("name", digests())
def test_no_cell_of_a_shortened_notebook_needs_one_that_was_left_out(name):
    whole = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    kept = {cell.id: table_of(cell) for cell in code_cells(shortened(name))}
    all_names = set().union(*(bound(table_of(cell)) for cell in code_cells(whole)))
    lost = all_names - set().union(*map(bound, kept.values()))
    assert {id_: read(table) & lost for id_, table in kept.items() if read(table) & lost} == {}
