"""A class on a hub of its own: what it says, and, where jupyterhub is installed, a class of one."""

import shutil
import subprocess
import sys

import nbformat
import pytest

from helpers.studies import classroom


def test_without_a_hub_or_its_proxy_one_sentence_says_what_to_install(monkeypatch):
    for lacking, said in [
        ("jupyterhub", "-m pip install jupyterhub"),
        ("", "npm install -g config"),
    ]:
        monkeypatch.setattr(classroom, "find_spec", lambda name, gone=lacking: name != gone)
        monkeypatch.setattr(shutil, "which", lambda name: None)
        with pytest.raises(SystemExit, match=said):
            classroom.main(["--notebook", "02"])
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(SystemExit, match="30 students cannot run notebook 77"):
        classroom.main(["--notebook", "77"])


def test_the_report_counts_who_finished_and_names_who_did_not():
    error = RuntimeError("cell plain: NameError: name 'z2' is not defined")
    results = {"student01": 20.4, "student02": 30.6, "student03": error, "student04": 24.0}
    assert classroom.report(results, [1.26e9, 4.5e8]) == [
        "finished: 3 of 4",
        "seconds: 24 for the median student, 31 for the slowest",
        "memory at the peak: 1.3 GB in all, 0.45 GB for one student",
        "student03: cell plain: NameError: name 'z2' is not defined",
    ]
    assert classroom.report({"student01": error}, [0, 0])[0] == "finished: 0 of 1"


@pytest.mark.slow
@pytest.mark.skipif(bool(classroom.find_lack()), reason="jupyterhub or its proxy is not installed")
def test_a_class_of_two_runs_a_notebook_and_hears_of_its_error(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in ("x = 1", "print(x)", "1 / 0")]
    for count in (2, 3):
        path = tmp_path / f"{count}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells[:count]), path)
        command = [sys.executable, "-m", "helpers.studies.classroom", "--students", "2"]
        done = subprocess.run(
            [*command, "--notebook", str(path)], capture_output=True, text=True, check=True
        )
        assert f"finished: {2 if count == 2 else 0} of 2" in done.stdout
        assert done.stdout.count(f"cell {cells[2].id}: ZeroDivisionError") == (0, 2)[count - 2]
