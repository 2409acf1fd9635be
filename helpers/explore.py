"""Controls and a figure make one interactive panel: fast, safe on any thread, honest about errors.

A panel shows a picture, a sentence that says in words what the picture shows, and the controls.
Saved notebooks keep picture and sentence. The figure is drawn off screen, only what a move changed
is drawn again, and picture and sentence go to the page in one message. What only the page can do
stands in ``panels/panel.js``. For a projector, set the environment variable EXPLORE_SIZE (1.5: one
and a half times as large) before the panels are made.
"""

import inspect

import ipywidgets as widgets

from helpers.panels.film import Film
from helpers.panels.panel import Panel


def explore(figure, update, labels=None, **controls):
    """Return a panel that calls ``update(name=value, ...)`` at every move of a control and redraws
    ``figure``.

    ``update`` changes artists of ``figure`` (an own matplotlib Figure, not pyplot's) and returns a
    sentence about the picture. Controls start at the default values of its arguments. A control is
    an ipywidgets widget, or short for one: (low, high) or (low, high, step) is a slider, a list the
    choices of a drop-down, a bool a checkbox. ``labels`` gives a control the name (and unit) that
    the reader sees; without it that is the name of the argument.
    A generator as ``update`` makes a Film: each ``yield (done, sentence)``, done between 0 and 1,
    is one more picture. Raises ValueError if a control is not an argument of ``update``; if it has
    no value to start from, or starts outside its range or its choices; if its short form is none of
    the above; if ``labels`` names something that is no control; and if EXPLORE_SIZE is not a number
    above 0.
    """
    unknown = set(labels or {}) - set(controls)
    if unknown:
        raise ValueError(f"labels for {sorted(unknown)}, but the controls are {sorted(controls)}")
    kind = Film if inspect.isgeneratorfunction(update) else Panel
    return kind(
        figure,
        update,
        {name: _control(update, name, short, labels or {}) for name, short in controls.items()},
    )


def _control(update, name, short, labels):
    """Turn the short form of a control into a widget that starts at the default value of its
    argument.
    """
    parameters = inspect.signature(update).parameters
    if name not in parameters:
        raise ValueError(
            f"update has no argument {name!r}; its arguments are {', '.join(parameters)}"
        )
    if isinstance(short, widgets.Widget):
        return short
    value = parameters[name].default
    if value is inspect.Parameter.empty:
        raise ValueError(
            f"update needs a default value for {name!r}: that is where the control starts"
        )
    label = labels.get(name, name.replace("_", " "))
    look = {
        "description": label,
        "tooltip": label,
        "value": value,
        "style": {"description_width": "initial"},
    }
    if isinstance(short, bool):
        return widgets.Checkbox(**look, indent=False)
    if isinstance(short, list):
        return _choice(name, short, look)
    return _slider(name, short, look)


def _choice(name, choices, look):
    values = [choice[1] if isinstance(choice, tuple) else choice for choice in choices]
    if look["value"] not in values:
        raise ValueError(
            f"{name!r} starts at {look['value']!r}, which is not among its choices {values}"
        )
    return widgets.Dropdown(options=choices, **look)


def _slider(name, short, look):
    if (
        not isinstance(short, tuple)
        or len(short) not in (2, 3)
        or not short[0] <= look["value"] <= short[1]
    ):
        raise ValueError(
            f"{name!r} starts at {look['value']!r}: give it (low, high) or (low, high, step) "
            f"around that, not {short!r}"
        )
    low, high, *step = short
    whole = all(isinstance(number, int) for number in (*short, look["value"]))
    slider = widgets.IntSlider if whole else widgets.FloatSlider
    # The track keeps its length beside a long name.
    look["layout"] = {"width": f"{19 + 0.55 * len(look['description']):.0f}em", "max_width": "100%"}
    return slider(
        min=low, max=high, step=step[0] if step else (1 if whole else (high - low) / 100), **look
    )
