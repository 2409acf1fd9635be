"""Panels for pages without a kernel: pictures and sentences for a grid of positions of the
controls.

The book asks a kernel for the album of a panel right after the cell that shows it, so that no later
cell can change it.
An album is plain data for JSON: the controls and the texts of their positions, the picture where
they start, and for each position the part of the picture that differs, and the sentence.
"""

import base64
import io
import itertools
import json
import math
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from PIL import Image

# How many positions the first slider and the others get, from the richest grid to the poorest.
GRIDS = ((21, 21), (21, 11), (21, 6), (21, 5), (11, 5), (21, 3), (5, 5), (11, 3), (7, 3))
MOST = 300  # pictures of one panel: each takes some tenths of a second


def save(model_id, path, room):
    """Write what the book needs of the widget with this id: the album of a panel, a question, or
    null.
    """
    shown = widgets.widget._instances.get(model_id)
    found = (
        shown.for_book()
        if hasattr(shown, "for_book")
        else album(shown, room)
        if hasattr(shown, "still")
        else None
    )
    Path(path).write_text(json.dumps(found), encoding="utf-8")


def album(panel, room=1_000_000):
    """Return the album of a panel; its pictures take about ``room`` bytes.

    A film has one control: how far it has got. A panel with so many controls that their
    combinations take too much room has only the positions that differ from the start in one
    control. Raises what the panel raises at any of the positions.
    """
    if hasattr(panel, "stills"):
        return _album_of_film(panel)
    most = min(MOST, int(room / _typical_size(panel)))
    for main, others in GRIDS:
        values = _values(panel, main, others)
        if math.prod(map(len, values.values())) <= most:
            return _album_of_panel(panel, values, one_at_a_time=False)
    return _album_of_panel(panel, _values(panel, 21, 11), one_at_a_time=True)


def _values(panel, main, others):
    counts = itertools.chain([main], itertools.repeat(others))
    return {
        name: choices(control, count)
        for (name, control), count in zip(panel.controls.items(), counts, strict=False)
    }


def choices(control, most):
    """The values of a control; of a slider with more than ``most``: that many, with both ends, and
    where it stands.
    """
    if hasattr(control, "options"):
        return list(control._options_values)
    if isinstance(control.value, bool):
        return [False, True]
    if not hasattr(control, "step"):
        return [control.value]
    last = int((control.max - control.min) / control.step + 1e-6)
    steps = np.linspace(0, last, min(most, last + 1)).round()
    places = (round(control.min + step * control.step, 10) for step in steps)
    if hasattr(control, "base"):  # a logarithmic slider: its places are exponents
        places = (control.base**place for place in places)
    return sorted({type(control.value)(place) for place in places} | {control.value})


def _album_of_film(film):
    moments = film.stills()
    texts = [f"{100 * done:.0f} %" for done, *_ in moments]
    progress = {"kind": "slider", "label": "progress", "texts": texts, "start": len(texts) - 1}
    stills = {str(number): still for number, (_, *still) in enumerate(moments)}
    fixed = [
        [_label(name, control), _text(control, control.value)]
        for name, control in film.controls.items()
    ]
    return {"controls": [progress], "fixed": fixed, "one_at_a_time": False} | _pictures(
        stills, str(len(texts) - 1)
    )


def _album_of_panel(panel, values, one_at_a_time):
    controls = [_control(name, panel.controls[name], values[name]) for name in values]
    start = tuple(control["start"] for control in controls)
    stills = {}
    for place in itertools.product(*map(range, map(len, values.values()))):
        if (
            not one_at_a_time
            or sum(at != began for at, began in zip(place, start, strict=True)) <= 1
        ):
            here = {name: values[name][at] for name, at in zip(values, place, strict=True)}
            stills[_key(place)] = panel.still(**here)
    return {"controls": controls, "fixed": [], "one_at_a_time": one_at_a_time} | _pictures(
        stills, _key(start)
    )


def _key(place):
    return ",".join(map(str, place))


def _control(name, control, values):
    kind = (
        "choice"
        if hasattr(control, "options")
        else "switch"
        if isinstance(control.value, bool)
        else "slider"
    )
    texts = [_text(control, value) for value in values]
    return {
        "kind": kind,
        "label": _label(name, control),
        "texts": texts,
        "start": values.index(control.value),
    }


def _label(name, control):
    return control.description or name


def _text(control, value):
    """What the reader sees as a value, in the format of the live control."""
    if hasattr(control, "options"):
        return str(control._options_labels[control._options_values.index(value)])
    if isinstance(value, bool):
        return "on" if value else "off"
    return format(value, getattr(control, "readout_format", ""))


def _typical_size(panel):
    """Bytes that a picture of this panel takes, judged from the ends and middles of its controls."""
    base = _pixels(panel.still()[0])
    sizes = [
        len(_overlay(_pixels(panel.still(**{name: value})[0]), base))
        for name, of in _values(panel, 3, 3).items()
        for value in set(of) - {panel.controls[name].value}
    ]
    return np.mean(sizes or [0]) + 1


def _pictures(stills, start):
    base = _pixels(stills[start][0])
    overlays, frames = {}, {}
    for key, (png, sentence) in stills.items():
        overlay = base64.b64encode(_overlay(_pixels(png), base)).decode("ascii")
        frames[key] = [overlays.setdefault(overlay, len(overlays)), sentence]
    height, width = base.shape[:2]
    whole = base64.b64encode(_png(base, np.ones((height, width), dtype=bool))).decode("ascii")
    return {
        "width": width,
        "height": height,
        "base": whole,
        "overlays": list(overlays),
        "frames": frames,
    }


def _pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def _overlay(pixels, base):
    """What covers ``base`` (height, width, 3) so that ``pixels`` is seen, as PNG; no bytes if
    nothing differs.
    """
    changed = (pixels != base).any(axis=-1)
    return _png(pixels, _around(changed)) if changed.any() else b""


def _around(changed, block=8):
    """Which pixels lie in a block with a changed pixel or next to one.

    A browser that draws the pictures smaller mixes pixels at the rim of what covers: there nothing
    may differ.
    """
    height, width = changed.shape
    blocks = np.pad(changed, ((block, block + -height % block), (block, block + -width % block)))
    blocks = blocks.reshape(blocks.shape[0] // block, block, -1, block).any(axis=(1, 3))
    near = [
        np.roll(blocks, shift, axis=(0, 1)) for shift in itertools.product((-1, 0, 1), repeat=2)
    ]
    whole = np.any(near, axis=0).repeat(block, axis=0).repeat(block, axis=1)
    return whole[block : block + height, block : block + width]


def _png(pixels, shown):
    """A PNG with 255 colours, transparent where ``shown`` (height, width) is false."""
    indexed = Image.fromarray(pixels).quantize(
        255, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    image = Image.fromarray(np.where(shown, np.asarray(indexed, dtype=int) + 1, 0).astype(np.uint8))
    image.putpalette([0, 0, 0, *indexed.getpalette()][: 3 * 256])
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True, transparency=0)
    return buffer.getvalue()
