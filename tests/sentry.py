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
    _keep_to_one_core(os.environ.get("PYTEST_XDIST_WORKER"))

    def note(event, arguments):
        if event != "open" or isinstance(arguments[0], int):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        inside = path.startswith(f"{root}{os.sep}") and not path.startswith(sys.prefix + os.sep)
        if inside and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            written.append(path)

    sys.addaudithook(note)


def _keep_to_one_core(worker):
    """With several workers, the other cores are theirs: notebooks of two threads each would wait
    for each other, and take an eighth more time of the processor.
    """
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


def seen():
    """Return what the notebook wrote into the course folder, and which heavy packages it loaded."""
    return {"written": written, "heavy": [name for name in HEAVY if name in sys.modules]}
