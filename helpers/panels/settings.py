"""Figures look the same under whatever settings of matplotlib a reader or a front end brings."""

import functools
import inspect
import threading
from contextlib import contextmanager

import matplotlib
from matplotlib.axes import Axes

# Those that matplotlib comes with; a style or a matplotlibrc of the reader is not among them.
DEFAULTS = {
    name: value
    for name, value in matplotlib.rcParamsDefault.items()
    if not name.startswith("backend")
}
_lock = threading.RLock()  # settings belong to all threads: one at a time changes them


@contextmanager
def defaults():
    """Go back to the settings that matplotlib comes with, meanwhile; also a decorator."""
    with _lock:
        if DEFAULTS.items() <= dict.items(matplotlib.rcParams):
            yield  # as nearly always; a change takes a millisecond
        else:
            with matplotlib.rc_context(DEFAULTS):
                yield


def on_axes(draw):
    """Return a function (axes, ...) that draws under ``defaults``; ValueError for other axes."""

    @functools.wraps(draw)
    def checked(axes, *args, **named):
        if not isinstance(axes, Axes):
            raise ValueError(
                f"axes is of type {type(axes).__name__}, but must be one Axes: plots.figure makes "
                "(figure, axes), and of several axes an array"
            )
        with defaults():
            return draw(axes, *args, **named)

    return checked


def with_defaults(kind):
    """Return a class of figures or axes whose public methods create and draw under ``defaults``."""
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith(("_", "get_")):
            setattr(kind, name, defaults()(method))
    return kind
