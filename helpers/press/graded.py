"""The course for nbgrader: notebooks whose exercises are graded by their own checks.

    python -m helpers.press.graded [build/nbgrader [NOTEBOOK...]]

Makes a folder of nbgrader's kind: ``source/NAME/NAME.ipynb`` for each notebook, with the solutions
in the stubs, and a configuration. An easy exercise is worth 1 point, a medium one 2, a hard one 3;
so is the open question, which the teacher grades. What is there already and was edited by hand is
kept. The teacher's guide says what comes next.
"""

import copy
import re
from pathlib import Path

import nbformat

from helpers.files.notebooks import name_exercise
from helpers.files.texts import read_text
from helpers.files.writing import write
from helpers.press.command import main
from helpers.press.reading import list_sources, read_notebook
from helpers.press.teacher import NOTEBOOKS, digest, is_edited, split_parts

POINTS, OPEN = {"easy": 1, "medium": 2, "hard": 3}, 3
MARKERS = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
CONFIGURATION = """c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {"python": ""}  # the stub of the course stays in front of it
c.ExecutePreprocessor.timeout = 1200  # seconds for a cell; notebooks 4 and 6 train nets
"""


def build(target, sources=None):
    """Write ``sources`` for nbgrader, by default all that have solutions; yield a line for each.

    Raises ValueError if an exercise has no solution, or does not say how hard it is.
    """
    target = Path(target)
    for source in list_sources(sources or sorted(NOTEBOOKS.glob("[!.]*.ipynb"))):
        solutions = source.parent / "solutions" / f"{source.stem[:2]}.md"
        if sources is None and not solutions.exists():
            continue
        path = target / "source" / source.stem / source.name
        if path.exists() and is_edited(path):
            yield f"kept {path}: it was edited by hand; move it away to have a new one"
            continue
        notebook = graded(read_notebook(source), read_text(solutions))
        notebook.metadata["made"] = digest(notebook)
        write(path, nbformat.writes(notebook) + "\n", Path.is_file)
        yield f"made {path}"
    if not (target / "nbgrader_config.py").exists():
        write(target / "nbgrader_config.py", CONFIGURATION, Path.is_file)


def graded(notebook, text):
    """Return a copy of a notebook in which nbgrader knows the stubs and the checks."""
    notebook, (code, _) = copy.deepcopy(notebook), split_parts(text)
    points, cells = {}, []
    for cell in notebook.cells:
        cells.append(cell)
        tags = cell.metadata.get("tags", [])
        name = name_exercise(cell)
        if name and cell.cell_type == "markdown":
            found = re.search(r"\*\(.+, (easy|medium|hard), \d+ minutes\)\*", cell.source)
            if not found:
                form = "*(implement, easy, 5 minutes)*; or medium, or hard"
                raise ValueError(f"the task of exercise {name} does not say how hard it is: {form}")
            points[name] = POINTS[found[1]]
        if "stub" in tags:
            if name not in code:
                raise ValueError(f"exercise {name} has no solution")
            cell.source += "\n\n" + MARKERS.format(code[name])
            cell.metadata["nbgrader"] = _metadata(name, solution=True)
        if "check" in tags:
            cell.source = re.sub(r"^(tasks\.\w+)\.check\(", r"checks.require(\1, ", cell.source)
            cell.metadata["nbgrader"] = _metadata(f"check_{name}", points[name])
        if "open-question" in tags:
            cells.append(nbformat.v4.new_markdown_cell("Your answer:"))
            cells[-1].id = "answer-to-the-open-question"
            cells[-1].metadata["nbgrader"] = _metadata("open_question", OPEN, solution=True)
    notebook.cells = cells
    return notebook


def _metadata(name, points=0, solution=False):
    """What nbgrader knows of a cell: what has points and is no solution, students cannot change."""
    known = {"grade_id": name, "solution": solution, "grade": points > 0, "task": False}
    locked = {"locked": not solution, "schema_version": 3}
    return {**known, **locked, **({"points": points} if points else {})}


if __name__ == "__main__":
    main(build, "build/nbgrader")
