"""Where modules come from: does a file of the reader's hide a module that the course needs?"""

import ast
import importlib.util
import re
import sys
import traceback
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from helpers.setup.machine import ROOT

PACKAGES = ("site-packages", "dist-packages")  # the folders of installed packages
STANDARD = Path(ast.__file__).resolve().parent  # the folder of Python's own modules


def find_hiding(file):
    """Return the module at ``file`` if it hides another one of its name, or None.

    file: a path, or whatever a module names as its file. The result is a file, or the folder of a
    package. Installed packages hide nothing: whoever puts one before another means it.
    """
    path = Path(file or "").absolute()
    place = path.parent if path.name == "__init__.py" else path
    folder = place.parent.resolve()
    folders = {Path(entry or ".").resolve() for entry in sys.path}
    if path.suffix != ".py" or folder not in folders or place.resolve() == ROOT / "helpers":
        return None
    if folder == STANDARD or folder.name in PACKAGES or any(folder.glob("*.dist-info")):
        return None
    others = [str(other) for other in folders - {folder}]
    if place.stem in sys.stdlib_module_names or PathFinder.find_spec(place.stem, others):
        return place
    return None


def find_beside(name):
    """Return what hides a module and would be imported as ``name`` from beside the notebook, or
    None. Nothing is run.
    """
    spec = None if name in sys.builtin_module_names else importlib.util.find_spec(name)
    place = find_hiding(spec.origin) if spec else None
    return place if place and place.parent.resolve() in (Path.cwd(), ROOT) else None


def find_culprit(error):
    """Return what hides a module, and raised ``error`` or is named by it; None if nothing does."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        files.append(error.filename)
    named = [sys.modules.get(name) for name in re.findall(r"\w+", str(error))]
    files += [vars(module).get("__file__") for module in named if isinstance(module, ModuleType)]
    return next(filter(None, map(find_hiding, files)), None)


def find_package(error):
    """Return the name of the installed package whose code raised ``error`` last, or None."""
    files = "\n".join(frame.filename for frame in traceback.extract_tb(error.__traceback__))
    found = re.findall(rf"[\\/](?:{'|'.join(PACKAGES)})[\\/](\w+)", files)
    return found[-1] if found else None


def list_standard(folder):
    """Return the modules in a folder that have the name of one of Python's own."""
    places = [*folder.glob("*.py"), *(init.parent for init in folder.glob("*/__init__.py"))]
    return sorted(place for place in places if place.stem in sys.stdlib_module_names)


def describe(place):
    """Return a sentence about what hides a module, and how to mend that."""
    hidden = f"is in the way of the module {place.stem}, which the course needs"
    return f"{place} {hidden}: rename it, then restart the kernel"
