"""From a key press to changed pixels, of the first panel of each notebook, with the server 0 to 100
ms away each way, with and without the server option of ``make lab``: foreseen moves, others, and
the slider of one pixel, in turn; and a drag of 40 moves in a second from rest. Milliseconds.

python tests/benchmarks/distance.py [NOTEBOOK ...]; by default, all of them. Those that the command
line does not name keep their rows.
"""

import json
import sys
import tempfile
from pathlib import Path

import machine
from far import far
from lab import PANEL, ROOT, chromium, jupyterlab, open_notebook, run_all
from panels import RESULTS, boxes, is_film, prepare
from ways import Way, summary

from helpers.files.writing import has_keys, write

DISTANCES = (0, 25, 50, 100)
MOVES = 8  # there and back, or one way


def measure(browser, line, name):
    """Yield a row for the first panel of a notebook that is no film, at each distance in turn."""
    pages = [browser.new_page(viewport={"width": 1400, "height": 1000}) for _ in range(2)]
    line.delay = 0
    for page, notebook in zip(pages, (name, "floor"), strict=True):
        open_notebook(page, line.address, notebook)
        run_all(page, minutes=5)
    floor = Way(pages[1], pages[1].locator(PANEL))
    ours = Way(pages[0], next(box for box in boxes(pages[0], PANEL) if not is_film(box)))
    for distance in DISTANCES:
        line.delay = distance / 1000
        yield {"notebook": name, "one way": distance} | contest(ours, floor)
    for page in pages:
        page.close()


def contest(ours, floor):
    """Measure one panel and the slider of one pixel in turn."""
    floor.times, ours.times, ours.foreseen = [], [], []
    for way in (ours, floor):
        way.move(MOVES)
    ours.move(MOVES, foreseen=True)
    times = {"ours": ours.times, "foreseen": ours.foreseen, "floor": floor.times}
    return {name: summary(found) for name, found in times.items()} | {"burst": ours.burst()}


def main():
    """Measure what the command line names; store the rows."""
    names = sys.argv[1:] or sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    path, rows = RESULTS / "distance.json", []
    if sys.argv[1:] and path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))["panels"]
        rows = [row for row in known if row["notebook"] not in names]
    for option in (True, False):
        with tempfile.TemporaryDirectory() as home, chromium() as browser:
            prepare(Path(home), names)
            with jupyterlab(Path(home), prompt=option) as address:
                for name in names:
                    with far(address, 0) as line:
                        for row in measure(browser, line, name):
                            rows.append(row | {"option of make lab": option})
                            print(rows[-1], flush=True)
    report = {"machine": machine.facts("jupyterlab", "ipykernel"), "unit": "ms", "panels": rows}
    write(path, json.dumps(report, indent=1) + "\n", has_keys("machine"))


if __name__ == "__main__":
    main()
