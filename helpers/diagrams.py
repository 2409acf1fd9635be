"""Drawings of the block and of nets made of blocks: axes in, artists out."""

from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

INK, QUIET, PAPER = "#20262e", "#5b6470", "#f3f5f8"
SHORTCUT = {"inside": "#0b5cad", "outside": "#0a7a6e"}  # the colours of helpers.plots
SKIPS = ("none", "inside", "outside")
# Where each part of the block stands, from left to right.
PLACES = {"a0": 0.3, "first": 2.2, "g1": 4.0, "second": 6.2, "inside": 7.75, "g2": 8.8, "outside": 9.9, "a2": 11.3}
FORMULAS = {
    "none": r"plain:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]})$",
    "inside": r"inside $g$:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]} + a^{[l]})$",
    "outside": r"outside $g$:   $a^{[l+2]} = g(W^{[l+2]} a^{[l+1]} + b^{[l+2]}) + a^{[l]}$",
}


def block(axes, skip="inside"):
    """Draw the two layers from a[l] to a[l+2]; return ``show(skip)``, which moves the shortcut of the drawing.

    ``skip`` is "none", "inside" (the shortcut is added before the second g) or "outside" (after it).
    Raises ValueError for any other ``skip``.
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
    formula = axes.text(5.8, -1.45, "", fontsize=15, ha="center", color=INK)

    def show(skip):
        if skip not in SKIPS:
            raise ValueError(f"skip = {skip!r} is not known; use one of {', '.join(map(repr, SKIPS))}")
        for name, parts in shortcuts.items():
            for part in parts:
                part.set_visible(name == skip)
        formula.set_text(FORMULAS[skip])

    show(skip)
    return show


def net(axes, blocks, skip="inside"):
    """Draw a net of ``blocks`` blocks of two layers in a row, with arcs for its shortcuts unless ``skip`` is "none".

    Raises ValueError for an unknown ``skip``.
    """
    if skip not in SKIPS:
        raise ValueError(f"skip = {skip!r} is not known; use one of {', '.join(map(repr, SKIPS))}")
    _blank(axes, (-2.0, 2 * blocks + 1), (-0.6, 1.4))
    axes.text(-1.3, 0, "$X$", fontsize=14, ha="right", va="center", color=INK)
    axes.text(2 * blocks + 0.1, 0, r"$\hat{y}$", fontsize=14, ha="left", va="center", color=INK)
    for layer in range(2 * blocks):
        _box(axes, layer, "", 0.42)
        _arrow(axes, (layer - 0.78 - 0.3 * (layer == 0), 0), (layer - 0.22, 0), INK)
    _arrow(axes, (2 * blocks - 0.78, 0), (2 * blocks, 0), INK)
    for start in range(0, 2 * blocks, 2) if skip != "none" else ():
        _arc(axes, (start - 0.5, 0.03), (start + 1.5, 0.03), skip)


def _blank(axes, x, y):
    axes.set(xlim=x, ylim=y, aspect="equal")
    axes.set_axis_off()


def _box(axes, x, text, width, y=0.0):
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - 0.42), width, 0.84, boxstyle="round,pad=0,rounding_size=0.12", fc=PAPER, ec=INK
        )
    )
    axes.text(x, y, text, fontsize=14, ha="center", va="center", color=INK)


def _arrow(axes, start, end, color):
    return axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=13, color=color, linewidth=1.4, shrinkA=0, shrinkB=0
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
    """Draw the path from a[l] over both layers down to the plus of this ``skip``; return its artists."""
    start, x, color = PLACES["a0"] + 0.62, PLACES[skip], SHORTCUT[skip]
    (rail,) = axes.plot([start, start, x, x], [0, 1.5, 1.5, 0.3], color=color, linewidth=2.4)
    plus = axes.add_patch(Circle((x, 0), 0.27, fc="white", ec=color, linewidth=2.2, zorder=4))
    sign = axes.text(x, -0.02, "+", fontsize=17, ha="center", va="center", color=color, zorder=5)
    name = axes.text((x + start) / 2, 1.65, "shortcut:  $+\\ a^{[l]}$", fontsize=14, ha="center", color=color)
    return rail, plus, sign, name
