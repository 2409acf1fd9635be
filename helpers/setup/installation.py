"""A self-check of the installation: in one line each, what is fine, or how to mend it."""

import importlib
import importlib.metadata
import platform
import sys
from functools import partial
from pathlib import Path

from helpers.setup import machine, origins

PACKAGES = (
    *("numpy", "torch", "matplotlib", "ipywidgets", "anywidget", "jupyterlab", "Pillow", "isal"),
)
MODULES = {"Pillow": "PIL"}  # where the name in code is another one
COURSE = machine.ROOT


def report(**checks):
    """Check the installation; return lines: "ok" or "mend", what was checked, and a sentence.

    ``checks`` are further checks, functions without arguments. Each is fine unless it raises; its
    error should say how to mend it. No error leaves ``report`` but the stop button's interrupt.
    """
    packages = {name: partial(package, name) for name in PACKAGES}
    ours = {"sliders": sliders, "helpers": course, "files": files, "cores": cores}
    checks = {"Python": platform.python_version} | packages | ours | checks
    width = max(map(len, checks))
    return [_line(name.ljust(width), check) for name, check in checks.items()]


def package(name):
    """Return the version of a package; raise RuntimeError if it is missing, hidden or broken."""
    module = MODULES.get(name, name)
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise RuntimeError(f"not installed: {install(name)}") from None
    if place := origins.find_beside(module):
        raise RuntimeError(origins.describe(place))
    try:
        importlib.import_module(module)
    except Exception as error:
        raise RuntimeError(f"{version} {explain_broken(name, error)}") from error
    return version


def explain_broken(name, error):
    """Return why an installed package cannot be imported, and how to mend it."""
    if place := origins.find_culprit(error):
        return f"cannot be imported: {origins.describe(place)}"
    mend = _run(f"%pip install --force-reinstall {name}")
    return f"is installed, but cannot be imported ({say(error)}): {mend}"


def sliders():
    """Return which package draws the sliders in JupyterLab; raise RuntimeError if it is missing."""
    try:
        return f"drawn by jupyterlab_widgets {importlib.metadata.version('jupyterlab_widgets')}"
    except importlib.metadata.PackageNotFoundError:
        mend = _run("%pip install jupyterlab_widgets")
        raise RuntimeError(
            f"appear as text, because jupyterlab_widgets is missing: {mend} and reload the page"
        ) from None


def course():
    """Return where the helpers come from; raise RuntimeError if the notebook is in another copy."""
    folder = _folder_of_the_notebook()
    if folder and not folder.samefile(COURSE):
        own = Path(sys.prefix, "ready").exists()  # the environment of one course: see environment
        mend = "run  make lab  there, or choose its kernel" if own else install("")
        raise RuntimeError(f"come from {COURSE}, but this notebook is in {folder}: {mend}")
    return "come from this course folder" if folder else f"come from {COURSE}"


def files():
    """Return that no file beside the notebook stops a kernel; raise RuntimeError if one may."""
    for place in origins.list_standard(Path.cwd()):
        harm = "it can keep kernels and worker processes from starting: rename it"
        raise RuntimeError(f"{place} has the name of a module of Python's, so {harm}")
    return "none beside this notebook is in the way"


def cores():
    """Return how many processor cores this kernel may use, with a warning if it is one."""
    number = machine.cores()
    slow = ": everything runs, but the long trainings take longer than the course says"
    return f"{number}{slow if number == 1 else ''}"


def _folder_of_the_notebook():
    """The course folder around the working folder, or None."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "why_resnets_work.py").is_file() and (folder / "notebooks").is_dir():
            return folder
    return None


def install(package):
    """Return how to install the course, with all it needs; where pip copied it, only a package."""
    if COURSE.name in origins.PACKAGES and not _folder_of_the_notebook():
        return _run(f"%pip install {package}")
    return _run(f'%pip install -e "{_folder_of_the_notebook() or COURSE}"')


def _run(command):
    # %pip, not pip: it installs into the environment of this kernel, wherever that is.
    return f"run  {command}  in a cell, then restart the kernel"


def _line(name, check):
    try:
        mark, found = "ok", check()
        sentence = _first_line(found) if isinstance(found, str) else "works"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a broken package may raise anything
        mark, sentence = "mend", say(error)
    return f"{mark:4}  {name}  {sentence}"


def say(error):
    """Return the first line of what an error says, or the error if that is hardly a sentence."""
    line = _first_line(str(error))
    return line if " " in line else repr(error)


def _first_line(text):
    return next(iter(text.strip().splitlines()), "")
