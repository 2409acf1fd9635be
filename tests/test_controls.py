"""Every panel of the course at sixty-four places of its controls: a picture, a sentence, no error,
no warning.
"""

import json
import os
import subprocess
import sys

import pytest
from shortened import NOTEBOOKS, shortened

PLACES = 64
# Runs in a process of its own: a warning is an error there, and one notebook does not see another's
# settings.
MOVE = """
import io, json, random, re, sys
import numpy as np
from PIL import Image
from helpers import explore
from helpers.press import stills

PLACES, chance, panels, troubles = int(sys.argv[1]), random.Random(0), [], []
make = explore.explore


def watched(*arguments, **options):
    panels.append(make(*arguments, **options))
    return panels[-1]


def wrong_with(panel):
    if panel._failure:
        return f"{type(panel._failure).__name__}: {panel._failure}"
    if not panel.sentence or re.search(r"\\b(nan|inf)\\b", panel.sentence):
        return f"the sentence is {panel.sentence!r}"
    if not np.ptp(np.asarray(Image.open(io.BytesIO(panel._screen.png)))):
        return "the picture is blank"
    figure = panel._drawing.canvas.figure
    for axes in figure.axes:
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts):
            box = text.get_window_extent()
            if text.get_visible() and text.get_text() and not contains(figure.bbox, box):
                return f"{text.get_text()!r} is cut at the edge of the picture"
        numbers = [*axes.get_xlim(), *axes.get_ylim()]
        for line in axes.lines:
            x, y = (np.asarray(data, dtype=float).ravel() for data in line.get_data())
            numbers += [*x, *y[~np.isnan(y)]]  # NaN is a gap in a curve
        if not np.isfinite(numbers).all():
            return "a curve or a limit is infinite"


def contains(page, box):
    return page.x0 <= box.x0 and page.y0 <= box.y0 and box.x1 <= page.x1 and box.y1 <= page.y1


def move(panel):
    # The ends of every control first, the rest by chance.
    controls = {name: stills.list_values(control, 10**6) for name, control in panel.controls.items()}  # all
    rows = [{name: places[end]} for name, places in controls.items() for end in (0, -1)]
    rows += [{name: chance.choice(places) for name, places in controls.items()} for _ in range(PLACES - len(rows))]
    for row in rows if controls else ():
        for name, value in row.items():  # all of them, and then one picture
            panel.controls[name].unobserve(panel._move, "value")
            panel.controls[name].value = value
            panel.controls[name].observe(panel._move, "value")
        panel._moved()
        trouble = wrong_with(panel)
        if trouble:
            troubles.append(f"{panel.describe()} {trouble}")
    return len(rows)


explore.explore = watched
scope = {}
for source in json.load(sys.stdin):
    exec(source, scope)
counts = [move(panel) for panel in panels]
print(json.dumps({"panels": len(panels), "places": counts, "troubles": troubles}))
"""
WITH_PANELS = [
    path.stem
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    if "explore.explore" in path.read_text("utf-8")
]


@pytest.mark.parametrize("name", WITH_PANELS)
def test_no_place_of_any_control_makes_trouble(name, tmp_path):
    sources = [cell.source for cell in shortened(name).cells if cell.cell_type == "code"]
    command = [sys.executable, "-B", "-W", "error", "-c", MOVE, str(PLACES)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command,
        check=False,
        input=json.dumps(sources),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["troubles"] == []
    assert report["panels"] >= 1
    assert set(report["places"]) <= {0, PLACES}
    assert max(report["places"]) == PLACES
