"""Runs in the kernel of a notebook before its first cell: a warning is an error from now on, and
what is written into the course folder is kept in mind. Loads nothing of the course.
"""

import os
import sys
import warnings

HEAVY = ("torch", "dask")
written = []


def watch(root):
    """Begin. What belongs to the environment may be written, wherever it is."""
    warnings.simplefilter("error")
    sys.dont_write_bytecode = True

    def note(event, arguments):
        if event != "open" or isinstance(arguments[0], int):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        inside = path.startswith(f"{root}{os.sep}") and not path.startswith(sys.prefix + os.sep)
        if inside and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            written.append(path)

    sys.addaudithook(note)


def seen():
    """Return what the notebook wrote into the course folder, and which heavy packages it loaded."""
    return {"written": written, "heavy": [name for name in HEAVY if name in sys.modules]}
