"""Tests in forks of one warm process: it has imported the libraries, and nothing of the course."""

import gc
import multiprocessing
import os
import sys
from unittest import mock

import hypothesis
import pytest

LIBRARIES = [
    "anywidget",
    "hypothesis.strategies",
    "IPython.display",
    "ipywidgets",
    "isal.isal_zlib",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "nbclient",
    "nbformat",
    "PIL.ImageOps",
    "_pytest.junitxml",
    "torch._dynamo",
    "torch.func",
]
# A mistake that was found need not be made small.
QUICK = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "--noconftest", "--assert=plain", "--tb=short"]
OPTIONS += ["-m", "not slow", "-o", "markers=slow"]  # what make test leaves out, it need not catch
PATIENCE = 300  # seconds for one call


def run(folder, *tests, report):
    """Run ``tests`` of the copy of the course in ``folder``; what they print is in ``report``.

    Returns the exit code of pytest. Processes that a test starts import the copy as well. Raises
    TimeoutError when the tests do not end.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    child = context.Process(target=_in_the_fork, args=(folder, tests, report))
    with mock.patch.dict(os.environ, OMP_NUM_THREADS="1"):  # the warm process starts here, once
        child.start()
    child.join(PATIENCE)
    if child.exitcode is None:
        child.kill()
        raise TimeoutError(f"{tests} did not end within {PATIENCE} seconds")
    return child.exitcode


def _in_the_fork(folder, tests, report):
    with open(report, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path.insert(0, str(folder))
    gc.freeze()  # what the warm process imported need not be searched for garbage: half the time
    hypothesis.settings.register_profile("quick", phases=QUICK, database=None)
    hypothesis.settings.load_profile("quick")
    sys.exit(pytest.main([*OPTIONS, "-c", os.devnull, *(f"tests/{name}" for name in tests)]))
