"""Write the README's table of figures anew, from the stored results.

Every ``make bench...`` ends with it; alone: python tests/benchmarks/readme.py
"""

import json
import re
import statistics
from pathlib import Path

from helpers.files.writing import write

RESULTS = Path(__file__).resolve().parent / "results"
README = RESULTS.parents[2] / "README.md"
TABLE = r"^\| what \| measured .+\n(?:\|.+\n)+"


def table():
    """Return the table as Markdown: a line for the machine, and one for each row below."""
    panels, training, memory = map(read, ("panels", "training", "memory"))
    distance = read("distance") if (RESULTS / "distance.json").exists() else None
    machines = {
        f"{made['date']} on {made['cores']} shared cores ({made['processor']})"
        for made in [
            panels["machine"],
            *([distance["machine"]] if distance else []),
            *(part["machine"] for part in training.values() if "machine" in part),
        ]
    }
    far = of_distance(distance) if distance else []
    rows = [*of_panels(panels), *far, *of_training(training), *of_memory(memory)]
    lines = [("what", f"measured {' and '.join(sorted(machines))}"), ("---", "---"), *rows]
    return "".join(f"| {what} | {figure} |\n" for what, figure in lines)


def read(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def of_panels(report):
    """Return rows (what, figure) of a slider's moves: medians over all panels."""

    def middle(way, quantity):
        return statistics.median(row[way][quantity] for row in report["panels"])

    def growth(drag, part):
        first, *_, last = report[drag]["MB_at_each_quarter"]
        return f"{last[part] - first[part]:.0f} MB"

    bursts = [row["burst"]["ours"] for row in report["panels"]]
    shown, after = (
        statistics.median(burst[key] for burst in bursts) for key in ("pictures", "last")
    )
    yield (
        f"a slider, from key press to changed pixels (median of {len(report['panels'])} panels)",
        f"{middle('ours', 'median'):.0f} ms; "
        f"if its next pictures were drawn ahead {middle('foreseen', 'median'):.0f} ms; "
        f"of one pixel {middle('floor', 'median'):.0f} ms; "
        f"with `interact` {middle('interact', 'median'):.0f} ms",
    )
    yield (
        "40 moves in one second",
        f"{shown:.0f} pictures; the last one {after:.0f} ms after the last move",
    )
    yield (
        f"memory that a drag of {report['long_drag']['moves']:,} moves leaves behind",
        f"kernel {growth('long_drag', 'kernel')}, page {growth('long_drag', 'page')}; "
        f"of one pixel, page {growth('long_drag_of_the_floor', 'page')}",
    )


def of_distance(report):
    """Return the row (what, figure) of the farthest server without the option of ``make lab``."""
    rows = [row for row in report["panels"] if not row["option of make lab"]]
    away = max(row["one way"] for row in rows)
    ours, foreseen, floor = (
        statistics.median(row[way]["median"] for row in rows if row["one way"] == away)
        for way in ("ours", "foreseen", "floor")
    )
    yield (
        f"a slider on a hub that is {away} ms away, each way",
        f"{ours:.0f} ms; if the panel had rested {foreseen:.0f} ms; of one pixel {floor:.0f} ms",
    )


def of_training(results):
    """Return rows (what, figure): many nets against two loops, and whole notebooks."""
    arms = {}  # by size, plain and residual nets
    for part, result in results.items():
        if part.startswith("contest"):
            arms.setdefault(part.split(", ")[1], []).append(result)
    for size, both in arms.items():
        careful, tutorial = (
            min(arm["times faster"][f"{loop} loop"] for arm in both)
            for loop in ("careful", "tutorial")
        )
        yield (
            f"training {both[0]['nets']} {size} nets of 20 layers, plain or residual, on one core",
            f"at least {careful:.1f} times as fast as a careful loop over single nets, "
            f"{tutorial:.1f} times as fast as a tutorial's with a DataLoader",
        )
    whole = {name[:2]: s for name, s in results["whole notebooks"].items() if name != "machine"}
    yield (
        f"notebooks {' and '.join(whole)}, from the first cell to the last",
        " and ".join(f"{seconds:.0f} s" for seconds in whole.values()),
    )


def of_memory(report):
    """Return the row (what, figure) of the memory of a notebook's kernel."""
    most = {
        torch: max(row["MB"] for row in report["notebooks"].values() if row["torch"] == torch)
        for torch in (True, False)
    }
    yield (
        "memory of a notebook's kernel",
        f"{most[True]} MB at most; without PyTorch {most[False]} MB",
    )


def main():
    """Replace the table in the README; raise ValueError if it has none."""
    text, found = re.subn(TABLE, lambda _: table(), README.read_text("utf-8"), flags=re.MULTILINE)
    if found != 1:
        raise ValueError(f"{README} has no table of figures, with the heading 'measured ...'")
    write(README, text, Path.is_file)


if __name__ == "__main__":
    main()
