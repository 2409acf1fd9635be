"""The course for teachers: the notebooks with the solutions in place of the stubs, run, every check
passed.

    python -m helpers.press.teacher [--force] [build/teacher [NOTEBOOK...]]

``notebooks/solutions/nNN.py`` holds the solutions to notebook NN in parts: ``# %% NAME`` starts the
code that replaces the stub of the exercise NAME, ``# %% [markdown] NAME`` the text that follows its
check, ``# %% imports`` what the notebook has already. A notebook that was edited by hand since it
was made is kept, unless ``--force`` is given.
"""

import copy
import hashlib
import json
import re
import sys
from importlib import import_module
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.setup.machine import ROOT

NOTEBOOKS = ROOT / "notebooks"
PART = r"^# %% (\[markdown\] )?(\w+)\n(.*?)(?=^# %% |\Z)"
NOTE = "\n\n*For teachers: with solutions, made by `make teacher`. Students open the one in `notebooks/`.*"


def build(target, sources=None, force=False):
    """Write the teacher's version of ``sources`` (default: all notebooks that have solutions);
    yield what was done.

    Yields one line for each notebook: "made ..." or "kept ...". Raises CellExecutionError if a cell
    fails, and ValueError where an exercise has no solution, a solution no exercise, or a check does
    not pass.
    """
    for source in map(Path, sources or sorted(NOTEBOOKS.glob("*.ipynb"))):
        solutions = source.parent / "solutions" / f"n{source.stem[:2]}.py"
        if sources is None and not solutions.exists():
            continue
        path = Path(target) / source.name
        if path.exists() and not force and edited(path):
            yield f"kept {path}: it was edited by hand; --force replaces it"
            continue
        notebook = weave(nbformat.read(source, as_version=4), solutions.read_text(encoding="utf-8"))
        run(notebook, source.parent)
        notebook.metadata["made"] = digest(notebook)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        yield f"made {path}"


def parts(text):
    """Return the code and the texts of a file of solutions, each {name of the exercise: source}."""
    code, prose = {}, {}
    for kind, name, body in re.findall(PART, text, re.DOTALL | re.MULTILINE):
        (prose if kind else code)[name] = (
            re.sub(r"^# ?", "", body, flags=re.MULTILINE) if kind else body
        ).strip()
    code.pop("imports", None)
    return code, prose


def weave(notebook, text):
    """Return a copy of a notebook with the solutions of ``text`` in place of its stubs, and all
    expected answers.
    """
    notebook, (code, prose), questions = copy.deepcopy(notebook), parts(text), asked(notebook)
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        tags = cell.metadata.get("tags", [])
        name = next(
            (tag.removeprefix("exercise:") for tag in tags if tag.startswith("exercise:")), ""
        )
        if "stub" in tags:
            if name not in code:
                raise ValueError(f"exercise {name} has no solution")
            cell.source = code.pop(name)
        said = "open_question" if "open-question" in tags else name if "check" in tags else ""
        if said in prose:
            cells.append(answer(said, prose.pop(said)))
        if "quiz" in tags:
            cells.append(answer(cell.id, explained(questions[cell.source.removeprefix("quiz.")])))
    if code or prose:
        raise ValueError(f"no exercise for the solutions {', '.join([*code, *prose])}")
    notebook.cells = cells
    cells[0].source += NOTE
    return notebook


def asked(notebook):
    """Return the questions that a notebook imports as ``quiz``, by name."""
    imports = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    modules = re.findall(r"^from helpers.quizzes import (\w+) as quiz$", imports, re.MULTILINE)
    return {
        name: thing
        for module in modules
        for name, thing in vars(import_module(f"helpers.quizzes.{module}")).items()
    }


def explained(question):
    """Return why one choice of a question is right and the others are tempting, as Markdown."""
    lines = [
        f"\n- {'**Right**' if place == question.right else 'Wrong'}: {literal(text)} "
        f"*{literal(why)}*"
        for place, (text, why) in enumerate(question.choices)
    ]
    return "".join(lines)


def literal(text):
    """Return plain text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>$|#])", r"\\\1", text)


def answer(name, text):
    """Return a cell with the expected answer."""
    cell = nbformat.v4.new_markdown_cell(f"**Expected answer.** {text}")
    cell.id, cell.metadata["tags"] = f"answer-{name.replace('_', '-')}", ["answer"]
    return cell


def run(notebook, folder):
    """Run a notebook in place, in ``folder``. Raises ValueError if a check does not pass."""
    options = {"timeout": 1200, "record_timing": False, "store_widget_state": False}
    options["extra_arguments"] = ["--log-level=ERROR"]
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, **options).execute()
    for cell in notebook.cells:
        if "check" in cell.metadata.get("tags", []):
            said = cell.outputs[-1].data["text/plain"]
            if not said.startswith("✓"):
                raise ValueError(f"the solution of {cell.source} does not pass: {said}")


def digest(notebook):
    """Return a number of what people write in a notebook; running it again does not change that."""
    written = [
        [cell.cell_type, cell.source, cell.get("attachments", {})] for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()


def edited(path):
    """Whether a notebook is not, or no longer, what ``build`` wrote."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception:  # it is somebody's, whatever it is
        return True
    return notebook.metadata.get("made") != digest(notebook)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--force"]
    for line in build(
        *words[:1] or ["build/teacher"], words[1:] or None, force="--force" in sys.argv
    ):
        print(line, flush=True)
