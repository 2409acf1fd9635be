"""Is the course all here? The first cell of each notebook asks.

``helpers`` is a common name, and this one is not: it finds the course's helpers, or what is in
their way. It runs under old Pythons, too.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = (3, 11)


def check(language="en"):
    """Check that the running cell can import what it says, and from where it should.

    language: of the notebook; a folder of ``notebooks`` has its texts.

    Raises ImportError with one sentence that says what is in the way, and how to mend it.
    """
    __tracebackhide__ = True  # IPython then shows the cell and the sentence, and nothing between
    if sys.version_info < PYTHON:
        runs, needs = (".".join(map(str, version[:2])) for version in (sys.version_info, PYTHON))
        mend = f"choose another kernel, or start the course with  make lab  in {HERE}"
        raise ImportError(f"this kernel runs Python {runs}, but the course needs {needs}: {mend}")
    place = find_helpers()
    if place != HERE / "helpers":
        mend = "rename or remove it, then restart the kernel"
        raise ImportError(f"{place} is in the way of the course's helpers in {HERE}: {mend}")
    # not at the top: only now is it known whose helpers these are
    from helpers.setup import language as languages
    from helpers.setup import opening

    languages.choose(language)
    opening.check()


def find_helpers():
    """Return the folder or the file that ``import helpers`` takes."""
    spec = find_spec("helpers")
    if spec is None:
        raise ImportError(f"{HERE} has no folder helpers: get the whole course again")
    return Path(next(iter(spec.submodule_search_locations or [spec.origin]))).resolve()
