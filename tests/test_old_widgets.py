"""The ipywidgets of Colab, version 7: what a kernel does with panels, films and questions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

OLD = ("ipywidgets==7.7.1", "ipython_genutils==0.2.0")
CODE = """
import json, ipywidgets
from figures import film_of, panel_of
from helpers.panels import page, panel as module
from helpers.quizzes import quiz as questions
shown = []
module.display = page.display = questions.display = lambda bundle, **_: shown.append(bundle)
panel, _ = panel_of()
panel.controls["slope"].value = 0.5
panel._screen.pixel_ratio = 2.0
panel._ipython_display_()
film, _ = film_of()
film.play()
questions.Question("a?", [("x", "1"), ("y", "2"), ("z", "3")], 0)._ipython_display_()
print(json.dumps([ipywidgets.__version__, panel.sentence, [sorted(bundle) for bundle in shown]]))
"""


@pytest.mark.slow
def test_panels_films_and_questions_work_with_the_ipywidgets_of_colab(tmp_path):
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [sys.executable, "-m", "pip", *install, "--target", str(tmp_path), *OLD]
    subprocess.run(command, check=True)
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "tests")))
    silent = [sys.executable, "-W", "ignore::DeprecationWarning", "-c"]
    done = subprocess.run(
        [*silent, CODE],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    live = ["application/vnd.jupyter.widget-view+json", "text/plain"]
    stored = [["image/png", "text/plain"], ["text/html", "text/plain"]]
    expected = ["7.7.1", "The slope is 0.5.", [live, *stored] * 2 + [live, stored[1]]]
    assert json.loads(done.stdout) == expected
