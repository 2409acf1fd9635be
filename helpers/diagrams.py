"""Drawings of the block and of nets made of blocks: axes in, artists out."""

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from helpers.block import SKIPS, check_known
from helpers.inputs.numbers import check_whole
from helpers.inputs.pictures import as_rows
from helpers.panels.settings import on_axes
from helpers.plots import QUIET, STYLES
from helpers.setup.language import translate

INK, PAPER = "#20262e", "#f3f5f8"
SHORTCUT = {skip: STYLES[skip]["color"] for skip in ("inside", "outside")}
# Light enough for dark text.
FILLS = (PAPER, "#cfd6f6", "#d4eed6", "#f8dcc0", "#ecd3f0", "#f3efb8")
# The parts of the block, from left to right; the sums by the ``skip`` that puts them there.
PLACES = {"a0": 0.3, "first": 2.2, "g1": 4.0, "second": 6.2}
PLACES |= {"inside": 7.75, "g2": 8.8, "outside": 9.9, "a2": 11.3}
W1, W2 = r"$W^{[l+1]},\ b^{[l+1]}$", r"$W^{[l+2]},\ b^{[l+2]}$"
BOXES = {"first": W1, "g1": "$g$", "second": W2, "g2": "$g$"}
FORMULAS = {
    "none": r"plain:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]})$",
    "inside": r"inside $g$:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]} + a^{[l]})$",
    "outside": r"outside $g$:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]}) + a^{[l]}$",
}


@on_axes
def block(axes, skip="inside"):
    """Draw the two layers from a[l] to a[l+2]; return ``show(skip)``, which moves the shortcut.

    ``skip`` is "none", "inside" (the shortcut is added before the second g) or "outside" (after
    it). Raises ValueError for any other ``skip``.
    """
    _blank(axes, (-0.4, 12.0), (-1.6, 2.4))
    for place, text in {"a0": "$a^{[l]}$", "a2": "$a^{[l+2]}$"}.items():
        _write(axes, PLACES[place], 0, text, 17)
    for place, text in BOXES.items():
        _box(axes, PLACES[place], 0, text, 0.8 if text == "$g$" else 1.9)
    for x, text in {3.4: "$z^{[l+1]}$", 4.85: "$a^{[l+1]}$", 7.3: "$z^{[l+2]}$"}.items():
        axes.text(x, -0.8, text, fontsize=13, ha="center", color=QUIET)
    for start, end in [(0.75, 1.25), (3.15, 3.6), (4.4, 5.25), (7.15, 8.4), (9.2, 10.6)]:
        _arrow(axes, (start, 0), (end, 0))
    shortcuts = {name: _shortcut(axes, name) for name in SHORTCUT}
    formula = axes.text(5.8, -1.45, "", fontsize=15, ha="center", color=INK, zorder=5)

    def show(skip):
        check_known("skip", skip, SKIPS)
        for name, parts in shortcuts.items():
            for part in parts:
                part.set_visible(name == skip)
        formula.set_text(translate(FORMULAS[skip]))

    show(skip)
    return show


@on_axes
def net(axes, blocks, skip="inside"):
    """Draw a net of ``blocks`` blocks of two layers in a row, with arcs for its shortcuts.

    A plain net ("none") has no arcs. Raises ValueError for an unknown ``skip``, and for ``blocks``
    that are no whole number from 0 on.
    """
    check_known("skip", skip, SKIPS)
    check_whole(0, blocks=blocks)
    _blank(axes, (-2.0, 2 * blocks + 1), (-0.6, 1.4))
    _write(axes, -1.3, 0, "$X$", 14, ha="right")
    _write(axes, 2 * blocks + 0.1, 0, r"$\hat{y}$", 14, ha="left")
    for layer in range(2 * blocks):
        _box(axes, layer, 0, "", 0.42)
        _arrow(axes, (layer - 0.78 - 0.3 * (layer == 0), 0), (layer - 0.22, 0))
    _arrow(axes, (2 * blocks - 0.78, 0), (2 * blocks, 0))
    arc = {"connectionstyle": "arc3,rad=-0.5", "mutation_scale": 12, "linewidth": 1.8}
    for start in range(0, 2 * blocks, 2) if skip != "none" else ():
        ends = (start - 0.5, 0.03), (start + 1.5, 0.03)
        _arrow(axes, *ends, color=SHORTCUT[skip], shrinkA=2, shrinkB=2, **arc)


@on_axes
def column(axes, layers, shortcuts=(), skip="inside"):
    """Draw the layers of a net from top to bottom as boxes, its shortcuts as arcs on the right.

    layers: pairs (text, group); layers of one group have one colour.
    shortcuts: triples (first, last, dotted), which lead past the layers number ``first`` to
    ``last``, dotted as in He et al. 2015, figure 3, where the dimension changes.
    skip: gives the shortcuts their colour.
    Raises ValueError for an unknown ``skip``, for shortcuts where it is "none", and for layers and
    shortcuts that are no pairs and triples.
    """
    layers, shortcuts = as_rows("layers", layers, 2), as_rows("shortcuts", shortcuts, 3)
    check_known("skip", skip, SKIPS)
    if skip == "none" and shortcuts:
        raise ValueError(f"skip = 'none' has no shortcuts to draw, but {len(shortcuts)} are given")
    groups = list(dict.fromkeys(group for _, group in layers))
    _blank(axes, (-1.9, 3.1), (-len(layers) + 0.3, 0.7))
    axes.set_aspect("auto")
    box = {"height": 0.64, "fontsize": 10, "boxstyle": "square,pad=0"}
    for number, (text, group) in enumerate(layers):
        _box(axes, 0, -number, text, 3.2, fc=FILLS[groups.index(group) % len(FILLS)], **box)
        if number:
            axes.plot([0, 0], [-number + 0.68, -number + 0.32], color=INK, linewidth=1.2)
    for first, last, dotted in shortcuts:
        start, end, style = -first + 0.43, -last - 0.43, ":" if dotted else "-"
        # A half ellipse next to the boxes, from the line above the first to that below the last.
        angle = np.linspace(np.pi / 2, -np.pi / 2, 40)
        x, y = 1.6 + 1.2 * np.cos(angle), (start + end) / 2 + (start - end) / 2 * np.sin(angle)
        x, y = np.r_[0, x, 0], np.r_[start, y, end]
        axes.plot(x, y, color=SHORTCUT[skip], linewidth=2.2, linestyle=style)


def _blank(axes, x, y):
    axes.set(xlim=x, ylim=y, aspect="equal")
    axes.set_axis_off()


def _write(axes, x, y, text, size, ha="center", color=INK, **look):
    return axes.text(x, y, text, fontsize=size, ha=ha, va="center", color=color, **look)


def _box(axes, x, y, text, width, height=0.84, fontsize=14, **look):
    look = {"boxstyle": "round,pad=0,rounding_size=0.12", "fc": PAPER, "ec": INK} | look
    corner = x - width / 2, y - height / 2
    axes.add_patch(FancyBboxPatch(corner, width, height, **look))
    _write(axes, x, y, text, fontsize)


def _arrow(axes, start, end, **look):
    line = {"arrowstyle": "-|>", "mutation_scale": 13, "color": INK, "linewidth": 1.4}
    axes.add_patch(FancyArrowPatch(start, end, **line | {"shrinkA": 0, "shrinkB": 0} | look))


def _shortcut(axes, skip):
    """Draw the path from a[l] over both layers down to the plus of this ``skip``; return its parts.

    They are drawn above everything that never changes, so a panel need not redraw that.
    """
    start, x, color = PLACES["a0"] + 0.62, PLACES[skip], SHORTCUT[skip]
    look = {"color": color, "zorder": 5}
    (rail,) = axes.plot([start, start, x, x], [0, 1.5, 1.5, 0.3], linewidth=2.4, **look)
    plus = axes.add_patch(Circle((x, 0), 0.27, fc="white", ec=color, linewidth=2.2, zorder=6))
    sign = _write(axes, x, -0.02, "+", 17, color=color, zorder=7)
    name = translate("shortcut:  $+\\ a^{[l]}$")
    name = axes.text((x + start) / 2, 1.65, name, fontsize=14, ha="center", **look)
    return rail, plus, sign, name
