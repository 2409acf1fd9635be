"""From a key press to changed pixels, in a real JupyterLab: our panels, ``interact`` with pyplot,
and the floor.

The three ways are measured in turn, in one run, for each panel of the course that follows its
controls (not films). Ours is measured twice: each time the page has just forgotten what the kernel
has drawn ahead ("ours"), and as it is ("foreseen"); a burst starts from rest. ``interact`` shows
the same figure by ``plt.show()``, images and names drawn by matplotlib itself (imshow, annotate);
it is spared the making of the figure. The floor is a slider that exchanges an image of one pixel.
Numbers are milliseconds.

Last comes a drag of 10,000 moves of a panel, and one of the floor, and what kernel and page have
grown by then, rubbish collected. They run without a debugger: while one is connected, the browser
keeps for it every picture that a page has shown.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import machine
import nbformat
import psutil
from lab import (
    CHROMIUM,
    MINUTE,
    PANEL,
    ROOT,
    chromium,
    jupyterlab,
    open_notebook,
    run_all,
    write_notebook,
)
from playwright.sync_api import expect, sync_playwright
from shortened import shortened
from ways import DRAG, FLOOR, LONG, TWIN, WARM, Way, summary

from helpers.files.writing import has_keys, write

RESULTS = Path(__file__).parent / "results"
ROUNDS, MOVES = 2, 8
DRAGGED = (
    "02_shrinking_to_the_identity",
    "shrink-W",
)  # for ten thousand moves: notebook, and cell of the panel
PROCESS = 'import os; print("process", os.getpid())'


def boxes(page, selector):
    """The panels with a control, in order."""
    page.wait_for_timeout(2000)
    found = page.locator(selector).all()
    return [
        box for box in found if box.locator(".noUi-handle, select, input[type=checkbox]").count()
    ]


def measure(browser, address, name, floor):
    """Measure the panels of one notebook; return a row for each."""
    pages = {}
    for way, notebook in (("ours", name), ("interact", f"{name}_twin")):
        pages[way] = browser.new_page(viewport={"width": 1400, "height": 1000})
        open_notebook(pages[way], address, notebook)
        run_all(pages[way], minutes=5) if way == "ours" else run_twin(pages[way])
    ours = [
        (number, box)
        for number, box in enumerate(boxes(pages["ours"], PANEL), start=1)
        if not is_film(box)
    ]
    pairs = zip(ours, boxes(pages["interact"], ".widget-interact"), strict=True)
    rows = [measure_panel(name, number, pages, (box, twin), floor) for (number, box), twin in pairs]
    for page in pages.values():
        page.close()
    return rows


def is_film(box):
    """A film goes back to its beginning when a slider moves: the picture there may be the one that
    stood there.
    """
    return box.locator(".widget-button").count() > 0


def run_twin(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("^Run All Cells")).click()
    page.locator(".widget-interact").first.wait_for(timeout=5 * MINUTE)
    expect(page.get_by_text("[*]:")).to_have_count(0, timeout=5 * MINUTE)


def measure_panel(name, number, pages, pair, floor):
    ways = {
        "ours": Way(pages["ours"], pair[0]),
        "interact": Way(pages["interact"], pair[1]),
        "floor": floor,
    }
    floor.times = []
    for _ in range(ROUNDS):
        for way in ways.values():
            way.move(MOVES)
        ways["ours"].move(MOVES, foreseen=True)
    row = {"notebook": name, "panel": number} | {
        key: summary(way.times) for key, way in ways.items()
    }
    row["foreseen"] = summary(ways["ours"].foreseen)
    row["burst"] = {key: ways[key].burst() for key in ("ours", "interact", "floor")}
    say(row)
    return row


def say(row):
    ours, interact, floor, burst = row["ours"], row["interact"], row["floor"], row["burst"]["ours"]
    print(
        f"{row['notebook']} {row['panel']}: ours {ours['median']:.0f} / {ours['p95']:.0f}, "
        f"interact {interact['median']:.0f} / {interact['p95']:.0f}, floor {floor['median']:.0f} / "
        f"{floor['p95']:.0f}; interact x {ours['median'] / interact['median']:.2f} / "
        f"{ours['p95'] / interact['p95']:.2f}, floor x {ours['median'] / floor['median']:.2f}; "
        f"foreseen {row['foreseen']['median']:.0f} / {row['foreseen']['p95']:.0f}; "
        f"burst {burst['pictures']}, last after {burst['last']:.0f}",
        flush=True,
    )


def prepare(home, names):
    """Copies of the notebooks, their twins with interact, and the floor."""
    (home / "notebooks").mkdir()
    for name in names:
        notebook = shortened(name)
        nbformat.write(notebook, home / "notebooks" / f"{name}.ipynb")
        notebook.cells.insert(0, nbformat.v4.new_code_cell(TWIN.strip()))
        nbformat.write(notebook, home / "notebooks" / f"{name}_twin.ipynb")
    write_notebook(home / "notebooks" / "floor.ipynb", FLOOR)
    cells = [cell for cell in shortened(DRAGGED[0]).cells if cell.cell_type == "code"]
    needed = cells[: 1 + [cell.id for cell in cells].index(DRAGGED[1])]
    write_notebook(home / "notebooks" / "drag.ipynb", PROCESS, *(cell.source for cell in needed))
    write_notebook(home / "notebooks" / "drag_floor.ipynb", PROCESS, FLOOR)


def long_drag(home, address, notebook):
    """Move a slider 10,000 times; return how many MB kernel, page and its scripts take from the
    540th move on.
    """
    port = home / f"browser_of_{notebook}" / "DevToolsActivePort"
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    options += ["--js-flags=--expose-gc", "--enable-precise-memory-info"]
    browser = subprocess.Popen(
        [CHROMIUM, *options, f"--user-data-dir={port.parent}", "about:blank"],
        stderr=subprocess.DEVNULL,
    )
    try:
        result = _drag_alone(address, browser, port, notebook)
    finally:
        browser.kill()
        browser.wait()
    print(notebook, result, flush=True)
    return result


def _drag_alone(address, browser, port, notebook):
    """Open the page, set the drag going, go away with all debuggers, and watch the processes from
    outside.
    """
    wait_until(port.exists)
    address_of_browser = f"http://127.0.0.1:{port.read_text().split()[0]}"
    with sync_playwright() as playwright:
        page = playwright.chromium.connect_over_cdp(address_of_browser).contexts[0].new_page()
        page.set_viewport_size({"width": 1400, "height": 1000})
        open_notebook(page, address, notebook)
        run_all(page)
        kernel = psutil.Process(
            int(page.locator("pre", has_text="process").first.text_content().split()[1])
        )
        page.evaluate(f"root => {{ ({DRAG})(root); }}", page.locator(PANEL).first.element_handle())

    def told():
        """(moves, bytes of the scripts), as the page's title has it, or zeros while it says
        something else.
        """
        with urllib.request.urlopen(f"{address_of_browser}/json") as tabs:
            titles = [re.fullmatch(r"(\d+) moves (\d+)", tab["title"]) for tab in json.load(tabs)]
        return max(((int(title[1]), int(title[2])) for title in titles if title), default=(0, 0))

    def megabytes():
        renderers = [
            process.memory_info().rss
            for process in psutil.Process(browser.pid).children(recursive=True)
            if "--type=renderer" in process.cmdline()
        ]
        held = {"kernel": kernel.memory_info().rss, "page": max(renderers), "scripts": told()[1]}
        return {name: round(count / 2**20, 1) for name, count in held.items()}

    wait_until(lambda: told()[0] >= WARM)
    start, seen = time.perf_counter(), [megabytes()]
    for part in range(1, 5):
        wait_until(lambda part=part: told()[0] >= WARM + part * LONG / 4)
        seen.append(megabytes())
    return {
        "moves": LONG,
        "seconds": round(time.perf_counter() - start),
        "MB_at_each_quarter": seen,
    }


def wait_until(condition, minutes=20):
    end = time.monotonic() + 60 * minutes
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.5)


def main():
    """Measure what the command line names (notebooks, "drag"), or everything; what it does not name
    keeps its rows.
    """
    everything = [*sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")), "drag"]
    chosen = sys.argv[1:] or everything
    names = [name for name in chosen if name != "drag"]
    path = RESULTS / "panels.json"
    report = (
        json.loads(path.read_text(encoding="utf-8"))
        if sys.argv[1:] and path.exists()
        else {"panels": []}
    )
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare(home, names)
        with jupyterlab(home) as address:
            with chromium() as browser:
                page = browser.new_page()
                open_notebook(page, address, "floor")
                run_all(page)
                floor = Way(page, page.locator(PANEL))
                rows = [row for name in names for row in measure(browser, address, name, floor)]
            if "drag" in chosen:
                report["long_drag"] = long_drag(home, address, "drag")
                report["long_drag_of_the_floor"] = long_drag(home, address, "drag_floor")
    rows += [row for row in report["panels"] if row["notebook"] not in names]
    rows.sort(key=lambda row: (row["notebook"], row["panel"]))
    report |= {
        "machine": machine.facts("jupyterlab", "ipykernel", "ipywidgets", "matplotlib"),
        "unit": "ms",
        "panels": rows,
    }
    write(path, json.dumps(report, indent=1) + "\n", has_keys("machine"))


if __name__ == "__main__":
    main()
