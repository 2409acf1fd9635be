"""The README's table of figures says what the stored results say, and these say of what machine."""

import json
from pathlib import Path

import machine
import nbformat
import pytest
import readme
import ways
from nbclient import NotebookClient

from helpers.studies.circumstances import circumstances

TESTS = Path(__file__).resolve().parent


def results(name):
    path = TESTS / "benchmarks" / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_readme_quotes_the_results():
    assert readme.table() in readme.README.read_text(encoding="utf-8")


def test_the_table_is_found_and_written_anew(tmp_path, monkeypatch):
    text = readme.README.read_text(encoding="utf-8")
    old = readme.table().replace(" ms", " hours")
    (tmp_path / "README.md").write_text(text.replace(readme.table(), old), encoding="utf-8")
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    readme.main()
    assert readme.README.read_text(encoding="utf-8") == text
    readme.README.write_text("# No table\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no table of figures"):
        readme.main()


def test_the_benchmarks_note_the_same_facts_of_the_machine_as_the_study_of_depth():
    """And at least those that the stored results have."""
    facts = machine.facts("matplotlib", "ipywidgets")
    assert facts.items() >= circumstances().items()
    for name, more in (("training", set()), ("panels", {"jupyterlab", "ipykernel"})):
        assert results(name)["machine"].keys() - more <= facts.keys()


def test_training_is_compared_with_both_loops_and_notebooks_are_timed():
    plain = {"nets": 15, "times faster": {"tutorial loop": 5.3, "careful loop": 2.8}}
    residual = {"nets": 15, "times faster": {"tutorial loop": 5.21, "careful loop": 2.9}}
    measured = {
        "whole notebooks": {"machine": {}, "04_plain_vs_residual": 80.4, "06_resnets": 39.6},
        "contest, convolutional, none": plain,
        "contest, convolutional, inside": residual,
    }
    rows = dict(readme.of_training(measured))
    assert rows["notebooks 04 and 06, from the first cell to the last"] == "80 s and 40 s"
    (row,) = [row for row in rows if row.startswith("training 15 convolutional nets")]
    assert "at least 2.8 times as fast as a careful loop" in rows[row]
    assert "5.2 times as fast as a tutorial's" in rows[row]


PANEL = """
from helpers import explore, plots
figure, axes = plots.figure()

def update(size=1.0, skip="none"):
    return f"{skip} {size}"

print(list(explore.explore(figure, update, size=(0.0, 2.0), skip=["none", "inside"]).kwargs))
"""


def test_a_panel_can_be_shown_by_interact_as_well():
    cells = [nbformat.v4.new_code_cell(source) for source in (ways.TWIN, PANEL)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60).execute()
    assert notebook.cells[1].outputs[0]["text"] == "['size', 'skip']\n"


def test_every_panel_was_moved_often_enough():
    report = results("panels")
    ways = ("ours", "interact", "floor")
    assert all(row[way]["moves"] >= 15 for row in report["panels"] for way in ways)
    assert all(report[drag]["moves"] >= 10_000 for drag in ("long_drag", "long_drag_of_the_floor"))


def test_no_kernel_needs_more_memory_than_it_may():
    notebooks = results("memory")["notebooks"]
    assert set(notebooks) == {path.stem for path in (TESTS.parent / "notebooks").glob("*.ipynb")}
    for row in notebooks.values():
        assert row["MB"] < row["limit"] == (600 if row["torch"] else 150)
