"""Controls and a figure make one interactive panel: fast, safe on any thread, honest about errors.

A panel shows a picture, a sentence that says in words what the picture shows, and the controls.
Saved notebooks keep picture and sentence. The figure is drawn off screen, only what a move changed
is drawn again, and picture and sentence go to the page in one message (helpers/panels). For a
projector, set the environment variable EXPLORE_SIZE (1.5: one and a half times as large) before the
panels are made.
"""

import inspect

import ipywidgets as widgets

from helpers.inputs.numbers import is_number
from helpers.panels.film import Film
from helpers.panels.panel import Panel
from helpers.setup.language import translate


def explore(figure, update, labels=None, ahead=True, **controls):
    """Return a panel that calls ``update(name=value, ...)`` at every move of a control.

    figure: a matplotlib Figure made by ``plots.figure``, not by pyplot.
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
    that is no function; for ``labels`` of unknown controls; and for an EXPLORE_SIZE that is not a
    number above 0.
    """
    if not callable(update):
        raise ValueError(f"update = {update!r}, but it must be a function of the controls")
    labels = labels or {}
    if unknown := set(labels) - set(controls):
        raise ValueError(f"labels for {sorted(unknown)}, but the controls are {sorted(controls)}")
    panel = Film if inspect.isgeneratorfunction(update) else Panel
    made = {name: _control(update, name, short, labels) for name, short in controls.items()}
    return panel(figure, update, made, ahead)


def _control(update, name, short, labels):
    """Return the widget of a short form, at the default value of its argument."""
    defaults = {p.name: p.default for p in inspect.signature(update).parameters.values()}
    if name not in defaults:
        names = ", ".join(defaults)
        raise ValueError(f"update has no argument {name!r}; its arguments are {names}")
    if isinstance(short, widgets.Widget):
        return short
    value, label = defaults[name], labels.get(name, translate(name.replace("_", " ")))
    if value is inspect.Parameter.empty:
        why = "that is where the control starts"
        raise ValueError(f"update needs a default value for {name!r}: {why}")
    look = {"description": label, "style": {"description_width": "initial"}}
    if hasattr(widgets.DOMWidget, "tooltip"):  # ipywidgets 7, which Colab has, does without
        look["tooltip"] = label
    if isinstance(short, bool):
        return widgets.Checkbox(value, **look, indent=False)
    if not isinstance(short, list):
        return _slider(name, value, short, look)
    choices = [choice[1] if isinstance(choice, tuple) else choice for choice in short]
    if value not in choices:
        raise ValueError(f"{name!r} starts at {value!r}, which is not among its choices {choices}")
    return widgets.Dropdown(options=short, value=value, **look)


def _slider(name, value, short, look):
    is_range = isinstance(short, tuple) and len(short) in (2, 3)
    is_range = is_range and all(is_number(number) for number in (*short, value))
    if not is_range or not short[0] <= value <= short[1]:
        form = "give it (low, high) or (low, high, step) around that"
        raise ValueError(f"{name!r} starts at {value!r}: {form}, not {short!r}")
    low, high, *step = short
    if step and not step[0] > 0:
        raise ValueError(f"{name!r} has the step {step[0]!r}, but it must be above 0")
    whole = all(isinstance(number, int) for number in (*short, value))
    step = step[0] if step else 1 if whole else (high - low) / 100
    # The track keeps its length next to a long name.
    width = {"width": f"{19 + 0.55 * len(look['description']):.0f}em", "max_width": "100%"}
    slider = widgets.IntSlider if whole else widgets.FloatSlider
    return slider(value, min=low, max=high, step=step, layout=width, **look)
