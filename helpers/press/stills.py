"""Albums: what a panel shows at a grid of positions of its controls, for pages without a kernel.

This is an extension of IPython. The book loads it into the kernel of a notebook, and asks for the
album of a panel right after the cell that shows it, so that no later cell can change the panel:

    %load_ext helpers.press.stills
    %album VIEW BYTES

An album is plain data for JSON: the controls with the texts of their positions, the picture at
their initial positions, and for each combination of positions a cover for that picture (where it
differs) and the sentence. For paper it has three positions of the first slider as whole pictures.
"""

import itertools
import math

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from helpers.panels.ahead import SWITCHES, TRACKS, Selection, as_key, last_place, value_at
from helpers.panels.film import Film
from helpers.panels.panel import Panel
from helpers.plots import Picture
from helpers.press.pictures import encode, encode_cover, read_pixels
from helpers.press.tables import TABLES, read_tables
from helpers.quizzes.quiz import Quiz

# How many positions the first slider and the others get, from the finest grid to the coarsest.
GRIDS = ((21, 21), (21, 11), (21, 6), (21, 5), (11, 5), (21, 3), (5, 5), (11, 3), (7, 3))
SLIDERS = widgets.IntSlider | widgets.FloatSlider | widgets.FloatLogSlider  # they have a format
MAX_STILLS = 300  # pictures of one panel: each takes some tenths of a second


def load_ipython_extension(shell):
    """Let films keep stills and figures be as fine as panels, with tables; define ``%album``."""
    Film.keeps_stills = True
    Picture.stored_dpi = 200  # two pixels for each one of the page
    Picture.more = tabulate
    shell.register_magic_function(show_album, magic_name="album")


def tabulate(picture):
    """Return the tables of a figure that was drawn, as its outputs keep them."""
    return {TABLES: read_tables(picture)}


def show_album(line):
    """Display, as JSON, the album of a panel or the text of a question; for other widgets, nothing.

    ``line`` has the model id of the widget and how many bytes the pictures may take.
    """
    view, room = line.split()
    match widgets.widget._instances.get(view):
        case Panel() as panel:
            display({"application/json": make_album(panel, int(room))}, raw=True)
        case widgets.VBox(children=[Quiz(question=question), *_]):
            display({"application/json": {"quiz": question}}, raw=True)


def make_album(panel, room=1_000_000):
    """Return the album of a panel; its pictures take about ``room`` bytes.

    A film has one control: its progress. If the combinations of the controls of a panel take too
    much room, the album has only the positions at which at most one control has moved. Raises what
    the panel raises at any of the positions.
    """
    if isinstance(panel, Film):
        return _make_film_album(panel)
    values, one_at_a_time = _choose_values(panel, room)
    controls = [_describe(name, panel.controls[name], values[name]) for name in values]
    every = itertools.product(*(range(len(column)) for column in values.values()))
    stills = {}
    for place in list_moves(controls) if one_at_a_time else every:
        here = {name: values[name][at] for name, at in zip(values, place, strict=True)}
        stills[place] = panel.still(**here)
    return {"fixed": [], "one_at_a_time": one_at_a_time} | _compress(controls, stills)


def _make_film_album(film):
    moments = film.stills()
    texts = [f"{100 * done:.0f} %" for done, *_ in moments]
    progress = {"type": "slider", "label": "progress", "texts": texts, "initial": len(texts) - 1}
    known = [_describe(name, one, list_values(one, 1)) for name, one in film.controls.items()]
    fixed = [[control["label"], control["texts"][control["initial"]]] for control in known]
    stills = {(number,): still for number, (_, *still) in enumerate(moments)}
    return {"fixed": fixed, "one_at_a_time": False} | _compress([progress], stills)


def _choose_values(panel, room):
    """Return the values of each control by name, and whether one control moves at a time."""
    limit = min(MAX_STILLS, int(room / _estimate_bytes(panel)))
    for first, others in GRIDS:
        values = _spread(panel, first, others)
        if math.prod(map(len, values.values())) <= limit:
            return values, False
    return _spread(panel, 21, 11), True


def _estimate_bytes(panel):
    """Return how large a cover of this panel is, judged by the ends and middles of its controls."""
    base = read_pixels(panel.still()[0])
    lengths = [
        len(encode_cover(read_pixels(panel.still(**{name: value})[0]), base))
        for name, values in _spread(panel, 3, 3).items()
        for value in values
        if value != panel.controls[name].value
    ]
    return 3 / 4 * np.mean(lengths or [0]) + 1  # base64 takes four letters for three bytes


def _spread(panel, first, others):
    counts = itertools.chain([first], itertools.repeat(others))
    return {name: list_values(panel.controls[name], next(counts)) for name in panel.controls}


def list_values(control, most):
    """Return the values that a control can take, all those of a choice or a switch.

    The last one of a choice that nobody has made is None. Of a longer slider, about ``most``: both
    ends, its current value, and steps between. Of any other control, only its current value.
    """
    if isinstance(control, Selection | SWITCHES):
        values = [value_at(control, place) for place in range(last_place(control) + 1)]
        return values + [None] * (isinstance(control, Selection) and control.index is None)
    if not isinstance(control, TRACKS | widgets.FloatLogSlider) or not control.step:
        return [control.value]
    last = last_place(control)
    places = np.linspace(0, last, min(most, last + 1)).round().astype(int).tolist()
    values = [value_at(control, place) for place in places]
    if isinstance(control, widgets.FloatLogSlider):  # its places are exponents
        values = [control.base**value for value in values]
    return sorted(set(values) | {control.value})


def _describe(name, control, values):
    """Return what an album says of a control, its values in the format of the live control."""
    initial = values.index(control.value)
    if isinstance(control, Selection):
        look, texts = "choice", [*map(str, control._options_labels), "–"][: len(values)]
        initial = initial if control.index is None else control.index  # 0 equals False
    elif isinstance(control, SWITCHES):
        look, texts = "switch", ["on" if value else "off" for value in values]
    else:
        form = control.readout_format if isinstance(control, SLIDERS) else ""
        look, texts = "slider", [_format(value, form) for value in values]
    return {"type": look, "label": control.description or name, "texts": texts, "initial": initial}


def _format(value, form):
    try:
        return format(value, form)
    except ValueError:  # a page knows forms that Python does not, as "$,.2f" and ".2s"
        return str(value)


def list_positions(controls):
    """Return {text: place of all controls} of three positions of the first slider: for paper.

    They are both ends and the middle; the other controls are at their initial positions. Without a
    slider, it is the first control that has several positions.
    """
    movable = [number for number, control in enumerate(controls) if len(control["texts"]) > 1]
    first = next((n for n in movable if controls[n]["type"] == "slider"), next(iter(movable), None))
    if first is None:
        return {}
    label, texts = controls[first]["label"], controls[first]["texts"]
    places = list_places(controls, first)
    return {f"{label} = {texts[at]}": places[at] for at in (0, len(places) // 2, -1)}


def list_places(controls, moving):
    """Return the places at which no control has moved but perhaps that with this number."""
    initial = [control["initial"] for control in controls]
    before, after = initial[:moving], initial[moving + 1 :]
    return [(*before, at, *after) for at in range(len(controls[moving]["texts"]))]


def list_moves(controls):
    """Return the places at which at most one control has moved."""
    every = (list_places(controls, number) for number in range(len(controls)))
    return list(dict.fromkeys(itertools.chain.from_iterable(every)))


def _compress(controls, stills):
    """Return the controls, pictures and sentences of an album.

    stills: {place of all controls: (png, sentence)}. A frame is [number of its cover, sentence];
    equal covers are kept once.
    """
    initial = tuple(control["initial"] for control in controls)
    base = read_pixels(stills[initial][0])
    covers, frames = {}, {}
    for place, (png, sentence) in stills.items():
        cover = encode_cover(read_pixels(png), base)
        frames[as_key(place)] = [covers.setdefault(cover, len(covers)), sentence]
    whole = []
    for text, place in list_positions(controls).items():
        (png, sentence), (cover, _) = stills[place], frames[as_key(place)]
        picture = encode(read_pixels(png))
        whole.append({"text": text, "cover": cover, "png": picture, "sentence": sentence})
    height, width, _ = base.shape
    pictures = {"width": width, "height": height, "base": encode(base), "covers": list(covers)}
    album = {"controls": controls, "sentence": stills[initial][1], "frames": frames}
    return pictures | album | {"positions": whole}
