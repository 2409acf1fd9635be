"""Set exercises of a notebook back to their start; all the rest of it stays as it is.

    python -m helpers.exercises.reset NOTEBOOK [EXERCISE...]

EXERCISE is a number such as 4.2, or a name such as fair_choice; without any, all exercises of the
notebook are set back. The notebook as it was is kept beside it, in NOTEBOOK.bak. The stubs are in
``stubs.json``, so that no git is needed; ``--pack`` writes them anew from the course's notebooks.
"""

import itertools
import json
import re
import sys
from contextlib import suppress
from pathlib import Path

from helpers.exercises.marks import said_of
from helpers.files.notebooks import list_exercises, name_exercise, parse_cells
from helpers.files.writing import write
from helpers.setup.machine import ROOT

STUBS = Path(__file__).with_name("stubs.json")


def reset(path, *exercises):
    """Set ``exercises`` of a notebook back, or all; return what was done, a line for each.

    Their stubs come back, and the outputs of their checks go. Raises ValueError for a file that is
    no notebook and for an exercise that is not in it, OSError if it cannot be read or written;
    then it is as it was.
    """
    path = Path(path)
    notebook = opened(path)
    cells, stubs = notebook["cells"], load()
    there = {
        name: stub["number"] for name, stub in stubs.items() if _check(cells, name) is not None
    }
    names = [_named(one, there, path) for one in exercises] or list(there)
    done = [name for name in names if _set_back(cells, name, stubs[name]["source"])]
    lines = []
    if done:
        lines.append(f"{path} as it was is in {_backed_up(path)}")
        write(path, dumped(notebook), Path.is_file)
    for name in names:
        how = "is set back" if name in done else "was at its start already"
        lines.append(f"Exercise {there[name]} ({name}) {how}.")
    return lines


def load():
    """Return the stubs of the course, {name: {"number": "4.2", "source": code}}."""
    return json.loads(STUBS.read_text(encoding="utf-8"))


def pack():
    """Return the stubs as they are in the course's notebooks, in the form of ``load``.

    Raises ValueError for a stub that no task with a number comes before.
    """
    stubs = {}
    for path in sorted((ROOT / "notebooks").glob("[!.]*.ipynb")):
        numbers = {}
        for cell in opened(path)["cells"]:
            if name := name_exercise(cell):
                source = "".join(cell["source"])
                if number := re.match(r"### Exercise (\d+\.\d+) ", source):
                    numbers[name] = number[1]
                if "stub" in cell["metadata"]["tags"]:
                    if name not in numbers:
                        form = "no task before it begins with  ### Exercise 4.2 · Title"
                        raise ValueError(f"{path}: exercise {name} has no number: {form}")
                    stubs[name] = {"number": numbers[name], "source": source}
    return stubs


def dumped(notebook):
    """Return a notebook, or any JSON, as Jupyter writes it."""
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def opened(path):
    """Return a notebook, each cell with metadata; raise ValueError for anything else."""
    with said_of(path, "read"):
        return parse_cells(path)


def _named(exercise, there, path):
    """The name of an exercise that is given by its number or its name."""
    for name, number in there.items():
        if exercise in (name, number):
            return name
    known = ", ".join(f"{number} ({name})" for name, number in there.items()) or "none"
    raise ValueError(f"there is no exercise {exercise!r} in {path}; its exercises are: {known}")


def _check(cells, name):
    """The place of the cell that checks an exercise; None if there is none."""
    call = re.compile(rf"^(tasks\.{name}\.check\(|checks\.require\(tasks\.{name},)", re.MULTILINE)
    checked = (n for n, cell in enumerate(cells) if call.search("".join(cell["source"])))
    return next(checked, None)


def _set_back(cells, name, source):
    """Put the stub of an exercise in its place; return whether that has changed anything."""
    own_id = f"stub-{name.replace('_', '-')}"
    tagged = [
        cell
        for cell in cells
        if (name in list_exercises(cell) and "stub" in cell["metadata"]["tags"])
        or cell.get("id") == own_id
    ]
    tagged.sort(key=lambda cell: cell.get("id") != own_id)  # a copy has another
    if [source] == ["".join(cell["source"]) for cell in tagged]:
        return False
    check = cells[_check(cells, name)]
    stub = tagged[0] if tagged else {"cell_type": "code", "metadata": {}}
    stub["metadata"]["tags"] = [f"exercise:{name}", "stub"]
    if "id" in check:  # Colab has none
        stub["id"] = own_id
    stub["source"] = source.splitlines(keepends=True)
    for cell in (stub, check):
        cell["outputs"], cell["execution_count"] = [], None
    if not tagged:  # it was deleted, or another program has lost its tags
        cells.insert(_check(cells, name), stub)
    for cell in tagged[1:]:  # a cell that was split or copied has its tags twice
        cell["metadata"]["tags"] = []
    return True


def _backed_up(path):
    """Write a copy beside the notebook, over no other file; return its path."""
    for number in itertools.count(1):
        backup = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        with said_of(backup, "written"), suppress(FileExistsError):
            with open(backup, "xb") as file:
                file.write(path.read_bytes())
            return backup


if __name__ == "__main__":
    if not sys.argv[1:] or (sys.argv[1].startswith("-") and sys.argv[1:] != ["--pack"]):
        sys.exit(__doc__)
    try:
        if sys.argv[1:] == ["--pack"]:
            write(STUBS, dumped(pack()), Path.is_file)
        else:
            print(*reset(*sys.argv[1:]), sep="\n")
            print("If it is open in JupyterLab: File > Reload Notebook from Disk.")
    except (OSError, ValueError) as error:
        sys.exit(f"{error}")
