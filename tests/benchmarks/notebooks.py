"""Restart and Run All of each notebook on this machine: seconds in all, and the slowest cells."""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

print(f"{os.cpu_count()} cores")
for path in sorted(NOTEBOOKS.glob("*.ipynb")) if len(sys.argv) == 1 else map(Path, sys.argv[1:]):
    notebook = nbformat.read(path, as_version=4)
    client, cells = NotebookClient(notebook, timeout=600), []
    start = time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            began = time.perf_counter()
            client.execute_cell(cell, index)
            cells.append((time.perf_counter() - began, cell.id))
    print(f"{path.stem}: {time.perf_counter() - start:.0f} s")
    for took, cell in sorted(cells, reverse=True)[:3]:
        print(f"    {took:5.1f} s  {cell}")
