"""Run the course with other seeds: which of its assertions were luck?

python tests/doubt.py [--seeds 3] [seed ...] [notebook ...]: each notebook runs once for each seed,
with SEED set to it. A cell that fails is named, with what it says, and the cells after it still
run. Without seeds, some are drawn that nobody has seen before.
"""

import argparse
import random
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
SEED = re.compile(r"^SEED = 0\b", flags=re.MULTILINE)


def reseeded(path, seed):
    """Return the notebook at ``path`` with another seed; LookupError if it has no line for it."""
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source, lines = SEED.subn(f"SEED = {seed}", first.source)
    if lines != 1:
        raise LookupError(f"the first code cell of {path.name} has no line SEED = 0")
    return notebook


def failures(path, seed):
    """Run a notebook with ``seed``; return (cell, what it said) of every cell that failed."""
    notebook = reseeded(path, seed)
    client = NotebookClient(
        notebook, timeout=1200, allow_errors=True, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    return [
        (cell.id, f"{output.ename}: {output.evalue}")
        for cell in notebook.cells
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", ())
        for output in cell.outputs
        if output.output_type == "error"
    ]


def report(path, seed):
    """Print how a notebook fares with ``seed``; return the number of its cells that fail."""
    failed = failures(path, seed)
    print(f"{path.stem}, SEED = {seed}: {len(failed) or 'no'} cells fail", flush=True)
    for cell, said in failed:
        print(f"    {cell}: {said}", flush=True)
    return len(failed)


def planned(given, count):
    """Return the runs (notebook, seed) that are meant: all notebooks, or ``count`` seeds that
    nobody has seen, where none is given. LookupError for what is neither.
    """
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    chosen, seeds = set(), []
    for word in given:
        named = {path for path in paths if path.name.startswith(word)}
        if not named and not word.isdigit():
            raise LookupError(f"{word!r} is no seed, and no notebook's name starts with it")
        chosen |= named
        seeds += [] if named else [int(word)]
    seeds = seeds or [random.randrange(1000, 10**6) for _ in range(count)]
    return [(path, seed) for path in paths if path in (chosen or paths) for seed in seeds]


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many, if none is given")
    parser.add_argument("--at-once", type=int, default=1, help="notebooks that run side by side")
    parser.add_argument("given", nargs="*", help="seeds, and starts of names of notebooks")
    options = parser.parse_args(arguments)
    try:
        runs = planned(options.given, options.seeds)
    except LookupError as error:
        parser.error(error.args[0])
    with ThreadPoolExecutor(options.at_once) as pool:
        return sum(pool.map(lambda run: report(*run), runs))


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1:]) else 0)
