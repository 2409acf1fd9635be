"""The course for students: notebooks without outputs, three dots in every stub, no solutions.

    python -m helpers.exercises.student [build/student]

Writes a folder that can be a git repository of its own: it holds what students run, and no tests,
no solutions and no guide. Called again, only files that changed are written, so that a mended
notebook reaches students as a few changed lines. Notebooks without outputs merge: what a student
wrote and ran does not meet what the teacher mended. The guide says how students pull.
"""

import sys
from pathlib import Path

from helpers.exercises.reset import dumped, load, opened
from helpers.files.notebooks import digest, name_exercise
from helpers.files.writing import check, write
from helpers.setup.machine import ROOT

WANTED = (
    *("README.md", "LICENSE*", "Makefile", "*.yml", "*.toml", "constraints.txt", ".gitignore"),
    *("why_resnets_work.py", "helpers/**/*", "data/*.*", "data/results/*"),
    *("notebooks/[0-9][0-9]_*.ipynb", "notebooks/pictures/*", "notebooks/questions/*.md"),
    *("notebooks/*/[0-9][0-9]_*.ipynb", "notebooks/*/questions/*.md", "notebooks/*/messages.json"),
)


def build(target, root=ROOT):
    """Write the course of ``root`` for students into ``target``; yield the paths that changed.

    Raises FileExistsError for a folder that holds anything else, for ``root`` itself, and for a
    notebook that somebody has written into since; OSError for a file that cannot be written;
    ValueError for a notebook that is none, and for a stub that was not packed.
    """
    target, root = Path(target), Path(root)
    there = {path.name for path in target.iterdir()} if target.exists() else set()
    if there - {".git"} and ("why_resnets_work.py" not in there or target.samefile(root)):
        raise FileExistsError(f"{target} holds something else, and stays as it is; choose another")
    stubs, changes = {name: stub["source"] for name, stub in load().items()}, {}
    for source in sorted({path for pattern in WANTED for path in root.glob(pattern)}):
        place = source.relative_to(root).as_posix()
        if source.is_dir() or "/." in place or "__pycache__" in place:  # Jupyter's copies, Python's
            continue
        path = target / place
        content = strip(source, stubs) if source.suffix == ".ipynb" else source.read_bytes()
        if not path.exists() or path.read_bytes() != content:
            check(path, is_own)
            changes[path] = content
    for path, content in changes.items():
        write(path, content, is_own)
        yield path


def is_own(path):
    """Return whether a file is as ``build`` wrote it; notebooks alone know, whether run or not."""
    notebook = opened(path) if path.suffix == ".ipynb" else None
    return notebook is None or notebook["metadata"].get("made") == digest(notebook)


def strip(path, stubs):
    """Return the bytes of a notebook without outputs, with ``stubs``, {name: source}, put back."""
    notebook = opened(path)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags") or []
        if "stub" in tags:
            if (name := name_exercise(cell)) not in stubs:
                mend = "python -m helpers.exercises.reset --pack"
                raise ValueError(f"{path}: the stub of exercise {name} is not stored yet: {mend}")
            cell["source"] = stubs[name].splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    notebook["metadata"]["made"] = digest(notebook)
    return dumped(notebook)


if __name__ == "__main__":
    target = Path((sys.argv[1:] or ["build/student"])[0])
    if sys.argv[2:] or str(target).startswith("-"):
        sys.exit(__doc__)
    try:
        changed = sum(1 for _ in build(target))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    print(f"{target}: {changed} files are new or changed.")
