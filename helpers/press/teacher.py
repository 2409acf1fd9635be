"""The course for teachers: the notebooks with solutions for stubs, run, and every check passed.

    python -m helpers.press.teacher [--force] [build/teacher [NOTEBOOK...]]

``notebooks/solutions/NN.md`` has the solutions to notebook NN: under the heading of an exercise the
code, between ```python and ```, which replaces its stub, and the text that follows its check. The
answers to questions are in ``notebooks/questions/NN.md``. A notebook that was edited by hand since
it was made is kept, unless ``--force`` is given.
"""

import copy
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.files.notebooks import digest, name_exercise
from helpers.files.texts import read_text
from helpers.files.writing import check, write
from helpers.press.command import main
from helpers.press.reading import list_sources, read_notebook
from helpers.press.running import naming
from helpers.quizzes.texts import find_question, read_beside
from helpers.setup.machine import ROOT

NOTEBOOKS = ROOT / "notebooks"
PART = r"^## (\w+)[ \t]*\n(.*?)(?=^## \w+[ \t]*\n|\Z)"
CODE = r"^```python\n(.*?)\n```\n"
NOTE = """

*For teachers: with solutions, made by `make teacher`. Students open the one in `notebooks/`.*"""


def build(target, sources=None, force=False):
    """Write the teacher's version of ``sources``; yield a line for each: "made ..." or "kept ...".

    By default, of all notebooks that have solutions. Raises ValueError if a cell or a check fails,
    if an exercise has no solution, if a solution has no exercise, if a question is not there, and
    for the folder of the sources, and OSError if a notebook cannot be written.
    """
    for source in list_sources(sources or sorted(NOTEBOOKS.glob("[!.]*.ipynb"))):
        solutions = source.parent / "solutions" / f"{source.stem[:2]}.md"
        if sources is None and not solutions.exists():
            continue
        path = Path(target, source.name)
        if path.resolve() == source.resolve():
            raise ValueError(f"{path} is the notebook itself: choose another folder")
        if path.is_file() and not force and is_edited(path):
            yield f"kept {path}: it was edited by hand; --force replaces it"
            continue
        check(path, Path.is_file)
        notebook = read_notebook(source)
        text, questions = read_text(solutions), read_beside(source)
        try:
            notebook = weave(notebook, text, questions)
        except KeyError as error:
            raise ValueError(f"{source} asks {error}, which is none of its questions") from None
        run_notebook(notebook, source)
        notebook.metadata["made"] = digest(notebook)
        write(path, nbformat.writes(notebook) + "\n", Path.is_file)
        yield f"made {path}"


def split_parts(text):
    """Return the code and the texts of a file of solutions, each {name of the exercise: source}."""
    code, texts = {}, {}
    for name, body in re.findall(PART, text, re.DOTALL | re.MULTILINE):
        if found := re.search(CODE, body, re.DOTALL | re.MULTILINE):
            code[name] = found[1].strip()
        if prose := re.sub(CODE, "", body, count=1, flags=re.DOTALL | re.MULTILINE).strip():
            texts[name] = prose
    return code, texts


def weave(notebook, text, questions=None):
    """Return a copy of a notebook with the solutions of ``text`` for its stubs, and all answers.

    questions: {name: Question} that its cells ask. Raises KeyError for any other.
    """
    notebook, (code, texts), cells = copy.deepcopy(notebook), split_parts(text), []
    for cell in notebook.cells:
        cells.append(cell)
        tags = cell.metadata.get("tags", [])
        name = name_exercise(cell)
        if "stub" in tags:
            if name not in code:
                raise ValueError(f"exercise {name} has no solution")
            cell.source = code.pop(name)
        answered = "open_question" if "open-question" in tags else name if "check" in tags else ""
        if answered in texts:
            cells.append(make_answer(answered, texts.pop(answered)))
        if "quiz" in tags:
            question = find_question(questions, cell.source)
            cells.append(make_answer(cell.id, explain(question)))
    if code or texts:
        raise ValueError(f"no exercise for the solutions {', '.join([*code, *texts])}")
    notebook.cells = cells
    if cells:
        cells[0].source += NOTE
    return notebook


def explain(question):
    """Return why one choice of a question is right and the others are tempting, as Markdown."""
    lines = []
    for place, (text, why) in enumerate(question.choices):
        verdict = "**Right**" if place == question.right else "Wrong"
        lines.append(f"\n- {verdict}: {escape(text)} *{escape(why)}*")
    return "".join(lines)


def escape(text):
    """Return plain text as Markdown that shows it as it is."""
    return re.sub(r"([\\`*_\[\]<>$|#])", r"\\\1", text)


def make_answer(name, text):
    """Return a cell with the expected answer."""
    cell = nbformat.v4.new_markdown_cell(f"**Expected answer.** {text}")
    cell.id, cell.metadata["tags"] = f"answer-{name.replace('_', '-')}", ["answer"]
    return cell


def run_notebook(notebook, path):
    """Run the notebook that was at ``path``. Raises ValueError if a cell or a check fails."""
    options = {"timeout": 1200, "record_timing": False, "store_widget_state": False}
    options["extra_arguments"] = ["--log-level=CRITICAL"]
    options["resources"] = {"metadata": {"path": str(path.parent)}}
    client, cells = NotebookClient(notebook, **options), notebook.cells
    with client.setup_kernel():
        for number, cell in enumerate(cells):
            with naming(path, cells, number):
                client.execute_cell(cell, number)
    for cell in notebook.cells:
        if "check" in cell.metadata.get("tags", []):
            texts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
            result = next(filter(None, reversed(texts)), "the cell does not end in its answer")
            if not result.startswith("✓"):
                raise ValueError(f"the solution of {cell.source} does not pass: {result}")


def is_edited(path):
    """Return whether a notebook differs from what ``build`` wrote."""
    try:
        notebook = read_notebook(path)
    except Exception:  # whatever it is, it is somebody's
        return True
    return notebook.metadata.get("made") != digest(notebook)


if __name__ == "__main__":
    main(lambda *words: build(*words, force="--force" in sys.argv), "build/teacher", "--force")
