"""How the tests are shared out to workers, and what is asked of a notebook that nbval has run."""

import gc
import itertools
import json
import os
import re
import signal
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from jupyter_client.connect import LocalPortCache
from nbval.plugin import IPyNbFile

# No database of earlier examples: where it cannot be written, each test that has one fails.
settings.register_profile("course", database=None)
settings.load_profile("course")
ROOT = Path(__file__).resolve().parent.parent
# The longest come first, so that no worker ends alone with one; the tests of each share a worker,
# as they share a kernel, the warm process of the mutations, or, in the folder browser, a JupyterLab
# and a small book.
TOGETHER = (
    "04_plain_vs_residual.ipynb",
    "browser",
    "07_why_it_works.ipynb",
    "test_mutations.py",
    "06_resnets_on_images.ipynb",
    "05_matching_dimensions.ipynb",
    "03_two_more_layers.ipynb",
    "test_whole_book.py",
    "test_engines.py",
    "02_shrinking_to_the_identity.ipynb",
    "00_start_here.ipynb",
    "08_at_scale.ipynb",
    "01_the_residual_block.ipynb",
    "test_guide.py",
)
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
PORTS = itertools.count(10_000 + 2_000 * (WORKER % 10))  # below those that systems hand out
PANEL = re.compile(r"(?:Interactive|Live) panel \(")  # as it is stored
WITHOUT_TORCH = ("01_the_residual_block", "02_shrinking_to_the_identity")


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """Make ``tmp_path`` the home folder, on every system; returns it."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


def _find_port(_, ip):
    """A port of this worker's: one that the system calls free may go to another kernel first."""
    for port in PORTS:
        with socket.socket() as trial, suppress(OSError):
            trial.bind((ip, port))
            return port


def pytest_configure():
    """Hear Ctrl+C: what is started in the background ignores it, and so would the tests of it."""
    LocalPortCache.find_available_port = _find_port
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _group(path):
    """The name in TOGETHER of what a test belongs to: its file, or its folder; None if neither."""
    return next((name for name in (path.name, path.parent.name) if name in TOGETHER), None)


def _place(path):
    return TOGETHER.index(_group(path)) if _group(path) else len(TOGETHER)


class InTheKernel(pytest.Item):
    """Ask the kernel of a notebook for the value of an expression, and look at it."""

    def __init__(self, *, expression, look=lambda value: None, **options):
        super().__init__(**options)
        self.expression, self.look = expression, look

    def runtest(self):
        code = f"import sys; sys.path.append({str(ROOT / 'tests')!r}); import sentry"
        self.look(self._ask(f"{code}; {self.expression}"))

    def _ask(self, code):
        """Run code; return what it prints, read as JSON, None if it prints nothing."""
        texts = []
        reply = self.parent.kernel.kc.execute_interactive(
            code,
            store_history=False,
            timeout=self.config.option.nbval_cell_timeout,
            output_hook=lambda message: texts.append(message["content"].get("text", "")),
        )
        content = reply["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", ()))
        return json.loads("".join(texts) or "null")

    def reportinfo(self):
        return self.path, 0, f"{self.path.stem}: {self.name}"


def _in_the_kernel(notebook, name, expression, look):
    return InTheKernel.from_parent(notebook, name=name, expression=expression, look=look)


def _around(notebook, cells):
    """What comes before and after the cells of a notebook."""

    def nothing(value):
        assert value is None

    def clean(seen):
        assert seen["written"] == []
        assert notebook.path.stem not in WITHOUT_TORCH or seen["heavy"] == []

    def fine(panels, cells):
        assert len(panels) >= len(PANEL.findall(json.dumps([cell.cell for cell in cells])))
        assert [trouble for *_, troubles in panels for trouble in troubles] == []

    def moved(panels, cells):
        fine(panels, cells)
        assert all(moves >= min(places, 16) for moves, places, _ in panels)
        assert not panels or max(places for _, places, _ in panels) > 16

    ask = "import json; print(json.dumps({}))".format
    first = _in_the_kernel(notebook, "before", f"sentry.watch({str(ROOT)!r})", nothing)
    last = _in_the_kernel(notebook, "what it wrote and loaded", ask("sentry.seen()"), clean)
    quick = [cell for cell in cells if not cell.get_closest_marker("slow")]
    many, most = (
        _in_the_kernel(
            notebook,
            f"every panel at {places} places",
            f"import moving; {ask(f'moving.move_all({places})')}",
            partial(moved, cells=run),
        )
        for places, run in ((24, quick), (64, cells))
    )
    some, every = (
        _in_the_kernel(
            notebook,
            f"every panel on {name.lower()} screens",
            f"import screens; {ask(f'screens.show_all(screens.{name})')}",
            partial(fine, cells=run),
        )
        for name, run in (("SOME", quick), ("ALL", cells))
    )
    most.add_marker("slow")
    every.add_marker("slow")
    return [first], [last, many, most, some, every]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The longest first; and the cells of each notebook between what is asked of its kernel."""
    tests = []
    for parent, group in itertools.groupby(items, key=lambda item: item.parent):
        cells, before, after = list(group), [], []
        if isinstance(parent, IPyNbFile):
            # Of a translation test_language.py compares the cells.
            ours = parent.path.parent == ROOT / "notebooks"
            for cell in cells:
                if not ours or "slow" in cell.cell.metadata.get("tags", ()):
                    cell.add_marker("slow")
            before, after = _around(parent, cells) if ours else ([], [])
        tests += [*before, *cells, *after]
    items[:] = sorted(tests, key=lambda item: _place(item.path))


def pytest_collection_finish():
    """What is imported by now stays: to search it for garbage takes an eighth of the time."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each test for itself, but those of a notebook or of a group of TOGETHER on one worker."""
    from xdist.scheduler import LoadScopeScheduling  # xdist, which one worker does not need

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = Path(nodeid.split("::")[0])
            return _group(path) or (str(path) if path.suffix == ".ipynb" else nodeid)

    config.option.loadscopereorder = False
    return Scheduler(config, log)
