"""The notebooks can be doubted: one line sets every seed, and what fails with another is named."""

import re

import doubt
import nbformat
import pytest

NOTEBOOKS = sorted((doubt.ROOT / "notebooks").glob("*.ipynb"))
FIXED = re.compile(r"seed=\d|(seeds=|SEEDS = )range\(\d+\)|default_rng\(\d|manual_seed\(\d")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_seed_of_a_notebook_follows_from_one_line(path):
    code = [cell for cell in doubt.reseeded(path, 7).cells if cell.cell_type == "code"]
    assert code[0].source.count("SEED = 7") == 1
    fixed = {cell.id: FIXED.findall(cell.source) for cell in code if not cell.id.startswith("stub")}
    assert not {cell: found for cell, found in fixed.items() if found}


def test_cells_that_fail_with_another_seed_are_named(tmp_path, capsys):
    sources = {"first": "SEED = 0\n", "luck": "assert SEED < 5, 'luck'", "later": "print(SEED)"}
    cells = [nbformat.v4.new_code_cell(source, id=id_) for id_, source in sources.items()]
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert doubt.failures(path, 4) == []
    assert doubt.report(path, 5) == 1
    assert (
        "small, SEED = 5: 1 cells fail\n    luck: AssertionError: luck" in capsys.readouterr().out
    )


def test_seeds_and_notebooks_are_told_apart_and_neither_is_ignored():
    def runs(*given):
        return [(path.name[:2], seed) for path, seed in doubt.planned(given, 1)]

    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert runs("04", "31", "4711") == [("04", 31), ("04", 4711)]
    assert runs("31") == [(number, 31) for number in numbers]
    assert [number for number, _ in runs()] == numbers
    assert runs("02")[0][0] == "02"
    with pytest.raises(LookupError, match="'99_' is no seed, and no notebook's name starts"):
        runs("99_")
