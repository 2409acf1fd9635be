"""Controls of panels: from short forms to widgets, and what they may not be."""

import inspect
from decimal import Decimal

import ipywidgets as widgets
from matplotlib.figure import Figure
from traitlets import TraitError

from helpers.inputs.numbers import is_number, is_whole
from helpers.setup.language import translate


def check(figure, update, labels, ahead, controls):
    """Raise ValueError for what ``explore`` cannot make a panel of."""
    if not callable(update):
        raise ValueError(f"update = {update!r}, but it must be a function of the controls")
    if not isinstance(figure, Figure):
        kind = type(figure).__name__
        raise ValueError(
            f"figure is of type {kind}, but must be a Figure: plots.figure returns (figure, axes)"
        )
    if not isinstance(ahead, bool):
        raise ValueError(
            f"ahead = {ahead!r}, but it must be True or False; no control can have that name"
        )
    names = labels or {}
    if not isinstance(names, dict) or not all(isinstance(text, str) for text in names.values()):
        raise ValueError(
            f"labels = {labels!r}, but it must be {{control: the name that the reader sees}}; no "
            "control can have that name"
        )
    if unknown := set(names) - set(controls):
        known = sorted(controls)
        raise ValueError(f"labels for {sorted(unknown, key=str)}, but the controls are {known}")


def make(update, controls, labels):
    """Return {name: widget} of the short forms. Raises ValueError as ``explore`` does."""
    made = {name: _control(update, name, short, labels) for name, short in controls.items()}
    try:
        inspect.signature(update).bind(**made)
    except TypeError as error:
        raise ValueError(f"update cannot be called with the controls by name: {error}") from error
    return made


def _control(update, name, short, labels):
    """Return the widget of a short form, at the default value of its argument."""
    defaults = {p.name: p.default for p in inspect.signature(update).parameters.values()}
    if name not in defaults:
        names = ", ".join(defaults)
        raise ValueError(f"update has no argument {name!r}; its arguments are {names}")
    if isinstance(short, widgets.Widget):
        if not short.has_trait("value"):
            raise ValueError(f"{name!r} is of type {type(short).__name__}, which has no value")
        if name in labels:
            short.description = labels[name]
        return short
    value, label = defaults[name], labels.get(name, translate(name.replace("_", " ")))
    if value is inspect.Parameter.empty:
        why = "that is where the control starts"
        raise ValueError(f"update needs a default value for {name!r}: {why}")
    look = {"description": label, "style": {"description_width": "initial"}}
    if hasattr(widgets.DOMWidget, "tooltip"):  # ipywidgets 7, which Colab has, does without
        look["tooltip"] = label
    if isinstance(short, bool):
        return _checkbox(name, value, look)
    if not isinstance(short, list):
        return _slider(name, value, short, look)
    return _dropdown(name, value, short, look)


def _checkbox(name, value, look):
    if not isinstance(value, bool) and str(value) not in ("True", "False", "1", "0"):
        raise ValueError(f"{name!r} starts at {value!r}, but a checkbox at True or False")
    return widgets.Checkbox(bool(value), **look, indent=False)


def _dropdown(name, value, short, look):
    are_pairs = all(isinstance(choice, list | tuple) and len(choice) == 2 for choice in short)
    choices = [choice for _, choice in short] if are_pairs else short
    try:
        if value in choices:
            return widgets.Dropdown(options=short, value=value, **look)
    except TraitError:
        pass  # NaN, which equals nothing
    except (ValueError, RuntimeError) as error:  # arrays are compared number by number
        raise ValueError(
            f"{name!r} chooses between arrays; let it choose between their names or numbers"
        ) from error
    raise ValueError(f"{name!r} starts at {value!r}, which is not among its choices {choices}")


def _slider(name, value, short, look):
    is_range = isinstance(short, tuple) and len(short) in (2, 3)
    is_range = is_range and all(is_number(number) for number in (*short, value))
    if not is_range or not short[0] <= value <= short[1]:
        form = "give it (low, high) or (low, high, step) around that, or a list of choices"
        raise ValueError(f"{name!r} starts at {value!r}: {form}, not {short!r}")
    low, high, *step = short
    if step and not step[0] > 0:
        raise ValueError(f"{name!r} has the step {step[0]!r}, but it must be above 0")
    whole = all(is_whole(number) for number in (*short, value))
    step = step[0] if step else 1 if whole else (high - low) / 100 or 1.0
    # The track keeps its length next to a long name.
    width = {"width": f"{19 + 0.55 * len(look['description']):.0f}em", "max_width": "100%"}
    look |= {"min": low, "max": high, "step": step, "layout": width}
    if whole:
        return widgets.IntSlider(value, **look)
    return widgets.FloatSlider(value, **look, readout_format=f".{_decimals(low, step)}f")


def _decimals(*numbers):
    """Return how many decimals it takes to tell the places of a slider apart, at least two."""
    return max(2, *(-Decimal(f"{number:g}").as_tuple().exponent for number in numbers))
