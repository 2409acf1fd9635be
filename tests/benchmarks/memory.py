"""The most memory that the kernel of each notebook has held after Restart and Run All, against what
it may.

``python memory.py notebooks/06_resnets_on_images.ipynb`` measures one; the others keep what is in
the file of results.
"""

import json
import sys
from pathlib import Path

import machine
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
MB_WITH_TORCH, MB_WITHOUT = 600, 150
ASK = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import machine
print("torch" in sys.modules, machine.peak())
"""


def peak(path):
    """(needs torch, MB) of one notebook, asked of its kernel in one cell more."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    torch, megabytes = notebook.cells[-1].outputs[0]["text"].split()
    return torch == "True", float(megabytes)


if __name__ == "__main__":
    stored = machine.RESULTS / "memory.json"
    results = (
        json.loads(stored.read_text(encoding="utf-8"))["notebooks"]
        if sys.argv[1:] and stored.exists()
        else {}
    )
    for path in (
        map(Path, sys.argv[1:])
        if sys.argv[1:]
        else sorted((HERE.parents[1] / "notebooks").glob("*.ipynb"))
    ):
        torch, megabytes = peak(path)
        limit = MB_WITH_TORCH if torch else MB_WITHOUT
        results[path.stem] = {"MB": round(megabytes), "limit": limit, "torch": torch}
        print(
            f"{path.stem:30s} {megabytes:5.0f} MB of "
            f"{limit}{'' if megabytes < limit else ': TOO MUCH'}"
        )
    machine.store("memory", {"notebooks": results})
