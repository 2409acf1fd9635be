"""Controls and a figure make one interactive panel: fast, safe on any thread, honest about errors.

A panel shows a picture, a sentence that says in words what the picture shows, and the controls.
Saved notebooks keep picture and sentence. The figure is drawn off screen, only what a move changed
is drawn again, and picture and sentence go to the page in one message (helpers/panels). For a
projector, set the environment variable EXPLORE_SIZE (1.5: one and a half times as large) before the
panels are made.
"""

import inspect
import sys

from helpers.inputs.controls import check, make
from helpers.panels.film import Film
from helpers.panels.panel import Panel


def explore(figure, update, labels=None, ahead=True, **controls):
    """Return a panel that calls ``update(name=value, ...)`` at every move of a control.

    figure: a matplotlib Figure, such as the first of the two that ``plots.figure`` returns.
    update: changes artists of the figure, and returns a sentence about the picture. As a generator
    it makes a Film: each ``yield (done, sentence)``, done from 0 to 1, is one more picture.
    labels: {control: the name, with its unit, that the reader sees}; by default, the argument's.
    ahead: whether places are drawn before the reader goes there. False for an ``update`` whose
    picture follows from more than its arguments: chance, the clock, the places before. It is then
    called for the places where the reader goes, and for no others.
    controls: for arguments of ``update``, which start at their defaults: (low, high) or (low, high,
    step) for a slider, a list for a drop-down, a bool for a checkbox, or any ipywidgets widget.

    Raises ValueError for a control that is not an argument of ``update``, has no value to start
    from, starts outside its range or its choices, or is given in another form; for an ``update``
    that is no function, or needs more than the controls; for ``labels`` of unknown controls; for
    what is no Figure; and for an EXPLORE_SIZE that is not a number above 0.
    """
    check(figure, update, labels, ahead, controls)
    made = make(update, controls, labels or {})
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(figure)  # or a notebook would show its figure a second time
    panel = Film if inspect.isgeneratorfunction(update) else Panel
    return panel(figure, update, made, ahead)
