"""A class on a hub of its own: what it says, and, where jupyterhub is installed, a class of one."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import classroom
import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = r"^\| (\d) \| (.+) GB(?:\*\*)? \| (\d+) s \| (.+) (s|min)(?:\*\*)? \|$"


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


def test_the_table_of_the_guide_is_computed_from_what_is_measured():
    """Memory: a kernel and 0.1 GB. Time: 30 kernels on two cores; notebook 6 takes both."""
    text = (ROOT / "notebooks" / "teachers_guide.md").read_text(encoding="utf-8")
    results = ROOT / "tests" / "benchmarks" / "results" / "memory.json"
    kernels = json.loads(results.read_text(encoding="utf-8"))["notebooks"]
    kernels = {int(name[:2]): known["MB"] / 1000 for name, known in kernels.items()}
    rows = re.findall(ROW, text, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == sorted(kernels)
    for number, memory, alone, wait, unit in rows:
        if "*" not in memory:
            assert float(memory) == pytest.approx(kernels[int(number)] + 0.1, abs=0.03)
        if "*" not in wait:
            times = 30 if number == "6" else 15
            seconds = float(wait) * {"s": 1, "min": 60}[unit]
            assert seconds == pytest.approx(float(alone) * times, abs=31)


@pytest.mark.slow
@pytest.mark.skipif(bool(classroom.find_lack()), reason="jupyterhub or its proxy is not installed")
def test_a_class_of_two_runs_a_notebook_and_hears_of_its_error(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in ("x = 1", "print(x)", "1 / 0")]
    for count in (2, 3):
        path = tmp_path / f"{count}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells[:count]), path)
        command = [sys.executable, classroom.__file__, "--students", "2"]
        done = subprocess.run(
            [*command, "--notebook", str(path)], capture_output=True, text=True, check=True
        )
        assert f"finished: {2 if count == 2 else 0} of 2" in done.stdout
        assert done.stdout.count(f"cell {cells[2].id}: ZeroDivisionError") == (0, 2)[count - 2]
