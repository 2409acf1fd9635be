"""Drawings of the block and of nets made of blocks: axes in, artists out."""

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from helpers.block import SKIPS
from helpers.plots import QUIET, STYLES

INK, PAPER = "#20262e", "#f3f5f8"
SHORTCUT = {skip: STYLES[skip]["color"] for skip in ("inside", "outside")}
# Light enough for dark text.
FILLS = ("#f3f5f8", "#cfd6f6", "#d4eed6", "#f8dcc0", "#ecd3f0", "#f3efb8")
# Where each part of the block stands, from left to right.
PLACES = {
    "a0": 0.3,
    "first": 2.2,
    "g1": 4.0,
    "second": 6.2,
    "inside": 7.75,
    "g2": 8.8,
    "outside": 9.9,
    "a2": 11.3,
}
FORMULAS = {
    "none": r"plain:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]})$",
    "inside": r"inside $g$:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]} + a^{[l]})$",
    "outside": r"outside $g$:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]}) + a^{[l]}$",
}


def block(axes, skip="inside"):
    """Draw the two layers from a[l] to a[l+2]; return ``show(skip)``, which moves the shortcut of
    the drawing.

    ``skip`` is "none", "inside" (the shortcut is added before the second g) or "outside" (after
    it). Raises ValueError for any other ``skip``.
    """
    _blank(axes, (-0.4, 12.0), (-1.6, 2.4))
    for place, text in {"a0": "$a^{[l]}$", "a2": "$a^{[l+2]}$"}.items():
        axes.text(PLACES[place], 0, text, fontsize=17, ha="center", va="center", color=INK)
    _box(axes, PLACES["first"], "$W^{[l+1]},\\ b^{[l+1]}$", 1.9)
    _box(axes, PLACES["g1"], "$g$", 0.8)
    _box(axes, PLACES["second"], "$W^{[l+2]},\\ b^{[l+2]}$", 1.9)
    _box(axes, PLACES["g2"], "$g$", 0.8)
    for x, text in {3.4: "$z^{[l+1]}$", 4.85: "$a^{[l+1]}$", 7.3: "$z^{[l+2]}$"}.items():
        axes.text(x, -0.8, text, fontsize=13, ha="center", color=QUIET)
    for start, end in [(0.75, 1.25), (3.15, 3.6), (4.4, 5.25), (7.15, 8.4), (9.2, 10.6)]:
        _arrow(axes, (start, 0), (end, 0), INK)
    shortcuts = {name: _shortcut(axes, name) for name in SHORTCUT}
    formula = axes.text(5.8, -1.45, "", fontsize=15, ha="center", color=INK, zorder=5)

    def show(skip):
        _check_known(skip)
        for name, parts in shortcuts.items():
            for part in parts:
                part.set_visible(name == skip)
        formula.set_text(FORMULAS[skip])

    show(skip)
    return show


def net(axes, blocks, skip="inside"):
    """Draw a net of ``blocks`` blocks of two layers in a row, with arcs for its shortcuts unless
    ``skip`` is "none".

    Raises ValueError for an unknown ``skip``.
    """
    _check_known(skip)
    _blank(axes, (-2.0, 2 * blocks + 1), (-0.6, 1.4))
    axes.text(-1.3, 0, "$X$", fontsize=14, ha="right", va="center", color=INK)
    axes.text(2 * blocks + 0.1, 0, r"$\hat{y}$", fontsize=14, ha="left", va="center", color=INK)
    for layer in range(2 * blocks):
        _box(axes, layer, "", 0.42)
        _arrow(axes, (layer - 0.78 - 0.3 * (layer == 0), 0), (layer - 0.22, 0), INK)
    _arrow(axes, (2 * blocks - 0.78, 0), (2 * blocks, 0), INK)
    for start in range(0, 2 * blocks, 2) if skip != "none" else ():
        _arc(axes, (start - 0.5, 0.03), (start + 1.5, 0.03), skip)


def column(axes, layers, shortcuts=(), skip="inside"):
    """Draw the layers of a net from top to bottom, each a box with its name, and its shortcuts as
    arcs at the right.

    layers: pairs (text, group); layers of one group have one colour. shortcuts: triples (first,
    last, dotted), which lead past the layers number ``first`` to ``last``, dotted in the manner of
    He et al. 2015, figure 3, where the dimension changes. ``skip`` gives them the colour of its
    form. Raises ValueError for an unknown ``skip``, and for shortcuts where it is "none".
    """
    _check_known(skip)
    if skip == "none" and shortcuts:
        raise ValueError(f"skip = 'none' has no shortcuts to draw, but {len(shortcuts)} are given")
    groups = list(dict.fromkeys(group for _, group in layers))
    _blank(axes, (-1.9, 3.1), (-len(layers) + 0.3, 0.7))
    axes.set_aspect("auto")
    for number, (text, group) in enumerate(layers):
        color = FILLS[groups.index(group) % len(FILLS)]
        axes.add_patch(
            FancyBboxPatch(
                (-1.6, -number - 0.32), 3.2, 0.64, boxstyle="square,pad=0", fc=color, ec=INK
            )
        )
        axes.text(0, -number, text, fontsize=10, ha="center", va="center", color=INK)
        if number:
            axes.plot([0, 0], [-number + 0.68, -number + 0.32], color=INK, linewidth=1.2)
    for first, last, dotted in shortcuts:
        start, end, style = -first + 0.43, -last - 0.43, ":" if dotted else "-"
        # A half ellipse beside the boxes, which begins and ends on the line between two of them.
        angle = np.linspace(np.pi / 2, -np.pi / 2, 40)
        x, y = 1.6 + 1.2 * np.cos(angle), (start + end) / 2 + (start - end) / 2 * np.sin(angle)
        axes.plot(
            np.r_[0, x, 0],
            np.r_[start, y, end],
            color=SHORTCUT[skip],
            linewidth=2.2,
            linestyle=style,
        )


def _check_known(skip):
    if skip not in SKIPS:
        raise ValueError(f"skip = {skip!r} is not known; use one of {', '.join(map(repr, SKIPS))}")


def _blank(axes, x, y):
    axes.set(xlim=x, ylim=y, aspect="equal")
    axes.set_axis_off()


def _box(axes, x, text, width, y=0.0):
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - 0.42),
            width,
            0.84,
            boxstyle="round,pad=0,rounding_size=0.12",
            fc=PAPER,
            ec=INK,
        )
    )
    axes.text(x, y, text, fontsize=14, ha="center", va="center", color=INK)


def _arrow(axes, start, end, color):
    return axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=13,
            color=color,
            linewidth=1.4,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _arc(axes, start, end, skip):
    return axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle="arc3,rad=-0.5",
            arrowstyle="-|>",
            mutation_scale=12,
            color=SHORTCUT[skip],
            linewidth=1.8,
        )
    )


def _shortcut(axes, skip):
    """Draw the path from a[l] over both layers down to the plus of this ``skip``; return its
    artists.
    """
    start, x, color = PLACES["a0"] + 0.62, PLACES[skip], SHORTCUT[skip]
    above = {
        "color": color,
        "zorder": 5,
    }  # over all that never changes: a panel need not draw that again
    (rail,) = axes.plot([start, start, x, x], [0, 1.5, 1.5, 0.3], linewidth=2.4, **above)
    plus = axes.add_patch(Circle((x, 0), 0.27, fc="white", ec=color, linewidth=2.2, zorder=6))
    sign = axes.text(x, -0.02, "+", fontsize=17, ha="center", va="center", **above | {"zorder": 7})
    name = axes.text(
        (x + start) / 2, 1.65, "shortcut:  $+\\ a^{[l]}$", fontsize=14, ha="center", **above
    )
    return rail, plus, sign, name
