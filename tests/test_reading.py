"""Notebooks as other programs save them, and files that are none."""

import copy
import json

import nbformat
import pytest
from nbconvert import HTMLExporter

from helpers.press import book, graded, slides, teacher
from helpers.press.reading import read_notebook, read_title

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# A title\n", "Text"]},
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "sum",
            "metadata": {"tags": ["stub"]},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["2\n"]}],
            "source": ["print(1 + 1)"],
        },
    ],
    "metadata": {"kernelspec": {"display_name": "P", "language": "python", "name": "my-kernel"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
STATE = "application/vnd.jupyter.widget-state+json"


def as_colab(notebook):
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        cell["metadata"] |= {"id": cell.pop("id"), "outputId": "1f-3", "colab": {"base_uri": "x"}}
    notebook["metadata"] |= {"colab": {"provenance": []}, "widgets": {STATE: {"a1": {"state": {}}}}}


def as_kaggle(notebook):
    notebook["nbformat_minor"] = 4
    notebook["metadata"]["kaggle"] = {"accelerator": "none", "isGpuEnabled": False}
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] |= {
            "_uuid": "8f2839f2",
            "trusted": True,
            "execution": {"iopub.status.busy": "2026"},
        }


def as_vs_code(notebook):
    notebook["nbformat_minor"] = 2
    notebook["metadata"] = {"language_info": {"name": "python"}, "orig_nbformat": 4}
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"]["vscode"] = {"languageId": "python"}


def as_old_jupyter(notebook):
    notebook["nbformat_minor"] = 2
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] |= {"collapsed": False, "deletable": True}


def with_bare_cells(notebook):
    """Format 4.5, but without what it demands."""
    for cell in notebook["cells"]:
        del cell["id"], cell["metadata"]
    del notebook["cells"][1]["execution_count"]


def with_nothing_for_metadata(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell |= {"metadata": None, "id": number}


def with_a_pasted_cell(notebook):
    notebook["cells"].append(copy.deepcopy(notebook["cells"][1]))


SAVERS = (as_colab, as_kaggle, as_vs_code, as_old_jupyter)
SAVERS += (with_bare_cells, with_nothing_for_metadata, with_a_pasted_cell)


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("bytes_", ["plain", "crlf", "bom"])
def test_what_other_programs_save_is_read(tmp_path, save, bytes_):
    notebook = copy.deepcopy(NOTEBOOK)
    save(notebook)
    text = json.dumps(notebook, indent=1)
    path = tmp_path / "saved.ipynb"
    path.write_bytes(
        text.replace("\n", "\r\n" if bytes_ == "crlf" else "\n").encode(
            "utf-8-sig" if bytes_ == "bom" else "utf-8"
        )
    )
    read = read_notebook(path)
    nbformat.validate(read)
    assert read.nbformat_minor == 5
    assert [cell.source for cell in read.cells[:2]] == ["# A title\nText", "print(1 + 1)"]
    assert read.metadata.kernelspec.name == "python3"
    assert read_title(read.cells, path) == "A title"
    assert len({cell.id for cell in read.cells}) == len(read.cells)
    assert "A title" in HTMLExporter().from_notebook_node(read)[0]
    (tmp_path / "slides").mkdir()
    text = "# A lecture\n\n`numbers: " + read.cells[1].id + "`\n"
    (tmp_path / "slides" / "saved.md").write_text(text, encoding="utf-8")
    (deck,) = slides.build(tmp_path / "build", [path])
    assert "A lecture" in deck.read_text(encoding="utf-8")


def test_the_ids_of_the_course_come_back_from_colab(tmp_path):
    notebook = copy.deepcopy(NOTEBOOK)
    as_colab(notebook)
    (tmp_path / "saved.ipynb").write_text(json.dumps(notebook))
    read = read_notebook(tmp_path / "saved.ipynb")
    assert [cell.id for cell in read.cells] == ["title", "sum"]
    assert "id" not in read.cells[0].metadata
    assert read.cells[1].metadata.tags == ["stub"]


def test_a_notebook_of_format_3_is_read(tmp_path):
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell("1 + 1")])],
        metadata=nbformat.v3.new_metadata(name="old"),
    )
    (tmp_path / "old.ipynb").write_text(nbformat.v3.writes_json(old))
    (cell,) = read_notebook(tmp_path / "old.ipynb").cells
    assert cell.source == "1 + 1"


WHOLE = json.dumps(NOTEBOOK, indent=1)


@pytest.mark.parametrize(
    ("harmed", "said"),
    [
        (
            WHOLE.replace('\n "metadata"', '\n<<<<<<< HEAD\n "metadata"'),
            "is half merged, see its line",
        ),
        (
            WHOLE + "\n>>>>>>> theirs\n",
            f"is half merged, see its line {WHOLE.count(chr(10)) + 2}: decide",
        ),
        (WHOLE[:90], "is no notebook: "),
        ("", "is no notebook: "),
        ("version https://git-lfs.github.com/spec/v1\n", "is no notebook: "),
        ("[1, 2]", "is no notebook: it is JSON of another kind"),
        ('{"a": 1}', "is no notebook: it is JSON of another kind"),
        ('{"nbformat": 4, "metadata": {}}', "is a damaged notebook (KeyError: 'cells'): fetch it"),
        (
            '{"nbformat": 4, "metadata": {}, "cells": ["a"]}',
            "is a damaged notebook (AttributeError",
        ),
        ('{"nbformat": 5, "metadata": {}, "cells": []}', "is a damaged notebook (NBFormatError: "),
        (WHOLE.encode("utf-16"), "is not in UTF-8: save it as"),
    ],
)
def test_what_is_no_notebook_is_named_in_one_sentence(tmp_path, harmed, said):
    path = tmp_path / "harmed.ipynb"
    path.write_bytes(harmed if isinstance(harmed, bytes) else harmed.encode())
    with pytest.raises(ValueError, match=r"harmed\.ipynb is") as caught:
        read_notebook(path)
    assert f"{path} {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("build", [book.build, slides.build, teacher.build, graded.build])
def test_two_notebooks_of_one_name_are_refused_before_anything_is_made(tmp_path, build):
    sources = tmp_path / "01.ipynb", tmp_path / "de" / "01.ipynb"
    with pytest.raises(ValueError, match=r"01\.ipynb and .*de.*01\.ipynb would become one file"):
        list(build(tmp_path / "build", sources))
    assert [*tmp_path.iterdir()] == []


def test_a_page_may_not_have_the_name_of_the_first_or_of_a_text(tmp_path):
    for names in (["index.ipynb"], ["INDEX.md"], ["a.ipynb", "b.md", "A.md"]):
        with pytest.raises(ValueError, match="would become one file: rename one of them"):
            book.build(tmp_path, names)


def test_a_notebook_without_a_title_is_named(tmp_path):
    notebook = copy.deepcopy(NOTEBOOK)
    del notebook["cells"][0]
    path = tmp_path / "bare.ipynb"
    path.write_text(json.dumps(notebook))
    with pytest.raises(ValueError, match=r"bare\.ipynb has no title: its first cell needs"):
        read_title(read_notebook(path).cells, path)
