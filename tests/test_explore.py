"""The front of the panels: short forms of controls, and what they may not be."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import panel_of

from helpers import plots
from helpers.explore import explore
from helpers.panels.film import Film


def of(update, **controls):
    return explore(plots.figure(size=(3, 2))[0], update, **controls)


def test_controls_come_from_short_forms_and_start_at_the_defaults():
    panel, _ = panel_of()
    assert panel.values() == {"slope": 1.0, "high": False, "kind": "line"}
    types = [type(control) for control in panel.controls.values()]
    assert types == [ipywidgets.FloatSlider, ipywidgets.Checkbox, ipywidgets.Dropdown]
    whole = of(lambda steps=3: "", steps=(0, 9), labels={"steps": "steps t"})
    assert isinstance(whole.controls["steps"], ipywidgets.IntSlider)
    assert whole.controls["steps"].description == "steps t"


def test_a_widget_is_taken_as_it_is():
    play = ipywidgets.Play(value=3)
    assert of(lambda x: "", x=play).controls == {"x": play}


@pytest.mark.parametrize("choices", [[(1,), (2,)], [("a", 1), 2], [(1, 2, 3), (4, 5, 6)]])
def test_choices_that_are_no_pairs_are_values(choices):
    panel = of(lambda x=choices[0]: f"{x}", x=choices)
    assert panel.sentence == f"{choices[0]}"


def test_a_widget_has_the_name_that_labels_give_it():
    panel = of(lambda x=1: "", labels={"x": "width, m"}, x=ipywidgets.IntText(1))
    assert panel.controls["x"].description == "width, m"


@pytest.mark.parametrize(
    ("short", "start", "form"),
    [
        ((0.0, 0.01, 0.001), 0.004, ".3f"),
        ((0.0, 0.5), 0.125, ".3f"),
        ((0.125, 2.0, 0.5), 0.125, ".3f"),
        ((-4.0, 4.0), 1.0, ".2f"),
        ((0.0, 9.0, 3.0), 3.0, ".2f"),
        ((0.0, 1e-6, 1e-7), 0.0, ".7f"),
        ((1.0, 1.0), 1.0, ".2f"),
    ],
)
def test_no_two_places_of_a_slider_read_the_same(short, start, form):
    slider = of(lambda x=start: "", x=short).controls["x"]
    assert slider.readout_format == form
    assert slider.step > 0
    assert float(format(start, form)) == start


def test_choices_may_have_names():
    panel = of(lambda x=2: "", x=[("one", 1), ("two", 2)])
    assert panel.controls["x"].label == "two"


def test_a_generator_makes_a_film():
    def film(x=1):
        yield 1.0, "the end"

    assert isinstance(of(film, x=(0, 3)), Film)
    assert not isinstance(of(lambda x=1: "", x=(0, 3)), Film)


def test_numbers_of_numpy_are_as_good_as_those_of_python():
    low, one, high = map(np.int64, (0, 1, 3))
    panel = of(lambda x=one: "", x=(low, high))
    assert isinstance(panel.controls["x"], ipywidgets.IntSlider)
    assert of(lambda x=np.True_: "", x=True).values() == {"x": True}


def test_a_default_between_whole_numbers_makes_a_slider_of_fractions():
    panel = of(lambda x=0.5: "", x=(0, 3))
    assert panel.values() == {"x": 0.5}
    assert panel.controls["x"].step == pytest.approx(0.03)


def test_bad_controls_are_named():
    with pytest.raises(ValueError, match="update has no argument 'size'; its arguments are x"):
        of(lambda x=1: "", size=(0, 1))
    with pytest.raises(ValueError, match="update needs a default value for 'x'"):
        of(lambda x: "", x=(0, 1))
    with pytest.raises(ValueError, match=r"labels for \['y'\], but the controls are \['x'\]"):
        of(lambda x=1: "", labels={"y": "why"}, x=(0, 3))


def of_y_too(y, x=1):
    return ""


def by_place(x=1, /):
    return ""


@pytest.mark.parametrize("update", [of_y_too, by_place])
def test_an_update_that_needs_more_than_the_controls_is_named(update):
    with pytest.raises(ValueError, match="update cannot be called with the controls by name: "):
        of(update, x=(0, 3))


@pytest.mark.parametrize("figure", [plots.figure(), plots.figure()[1], plt, None, "figure"])
def test_what_is_no_figure_is_named(figure):
    with pytest.raises(ValueError, match=r"figure is of type .*, but must be a Figure: plots\.fig"):
        explore(figure, lambda x=1: "", x=(0, 3))


def test_a_figure_of_pyplot_is_shown_once():
    figure = plt.figure()
    assert explore(figure, lambda x=1: "one", x=(0, 3)).sentence == "one"
    assert plt.get_fignums() == []


@pytest.mark.parametrize("labels", [["x"], "x", {"x": 3}, {"x": None}, (0, 3)])
def test_labels_that_are_no_names_are_named(labels):
    with pytest.raises(ValueError, match=r"labels = .*, but it must be .control: the name"):
        of(lambda x=1: "", labels=labels, x=(0, 3))


def test_no_control_can_be_called_ahead():
    with pytest.raises(ValueError, match=r"ahead = \(0, 3\), but .* no control can have that name"):
        of(lambda ahead=1: "", ahead=(0, 3))


@pytest.mark.parametrize(
    ("default", "short", "message"),
    [
        (9, (0, 3), "'x' starts at 9: give it"),
        (1, (3, 0), "'x' starts at 1: give it"),
        (1, (0, 3, 1, 1), "'x' starts at 1: give it"),
        (1, 5, "'x' starts at 1: give it"),
        ("a", ("a", "b"), "'x' starts at 'a': .* or a list of choices, not"),
        ("yes", True, "'x' starts at 'yes', but a checkbox at True or False"),
        (None, True, "'x' starts at None, but a checkbox at True or False"),
        (np.eye(2), [np.eye(2), np.ones(2)], "'x' chooses between arrays"),
        (1, ipywidgets.Button(), "'x' is of type Button, which has no value"),
        ("a", ["b", "c"], "'x' starts at 'a', which is not among its choices"),
        (np.nan, [np.nan, 1], "'x' starts at nan, which is not among its choices"),
        (16, [[16, 8], [8, 4]], r"'x' starts at 16, which is not among its choices \[8, 4\]"),
    ],
)
def test_bad_ranges_are_named(default, short, message):
    with pytest.raises(ValueError, match=message):
        of(lambda x=default: "", x=short)
