"""Drawings: a box for each layer, an arc for each shortcut, and no text over another."""

import pytest
from figures import contrast
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, FancyBboxPatch

from helpers import diagrams, plots


@pytest.mark.parametrize("skip", diagrams.SKIPS)
def test_net_diagram_has_a_box_for_each_layer_and_an_arc_for_each_shortcut(skip):
    _, axes = plots.figure()
    diagrams.net(axes, 4, skip)
    boxes = [patch for patch in axes.patches if patch.__class__.__name__ == "FancyBboxPatch"]
    arcs = [
        patch
        for patch in axes.patches
        if to_rgb(patch.get_edgecolor()) in map(to_rgb, diagrams.SHORTCUT.values())
    ]
    assert len(boxes) == 8
    assert {box.get_bbox().y0 + box.get_bbox().y1 for box in boxes} == {0}  # on the arrows' line
    assert len(arcs) == (0 if skip == "none" else 4)
    with pytest.raises(ValueError, match="skip = 'over' is not known"):
        diagrams.net(axes, 4, "over")


@pytest.mark.parametrize("skip", diagrams.SKIPS)
def test_block_diagram_shows_the_shortcut_of_its_skip_only(skip):
    _, axes = plots.figure(size=(10, 3.2))
    show = diagrams.block(axes)
    show(skip)
    shown = [text for text in axes.texts if text.get_visible() and "shortcut" in text.get_text()]
    assert [text.get_color() for text in shown] == (
        [] if skip == "none" else [diagrams.SHORTCUT[skip]]
    )
    assert any(text.get_text() == diagrams.FORMULAS[skip] for text in axes.texts)
    pluses = [
        circle.center[0]
        for circle in axes.patches
        if isinstance(circle, Circle) and circle.get_visible()
    ]
    assert pluses == ([] if skip == "none" else [diagrams.PLACES[skip]])
    # the plus stands before the second g inside, after it outside
    assert (
        diagrams.PLACES["second"]
        < diagrams.PLACES["inside"]
        < diagrams.PLACES["g2"]
        < diagrams.PLACES["outside"]
    )


def test_block_diagram_refuses_an_unknown_skip():
    _, axes = plots.figure()
    with pytest.raises(ValueError, match="skip = 'over' is not known"):
        diagrams.block(axes, "over")


def test_no_text_of_the_block_diagram_leaves_the_picture_or_lies_on_another_or_on_a_line():
    for skip in diagrams.SKIPS:
        picture, axes = plots.figure(size=(10, 3.2))
        diagrams.block(axes, skip)
        picture.canvas.draw()
        shown = [text for text in axes.texts if text.get_visible()]
        boxes = [text.get_window_extent() for text in shown]
        assert all(axes.bbox.fully_containsx(x) for box in boxes for x in (box.x0, box.x1))
        assert all(axes.bbox.fully_containsy(y) for box in boxes for y in (box.y0, box.y1))
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        rails = [line.get_path().transformed(axes.transData) for line in axes.lines]
        words = [box for box, text in zip(boxes, shown, strict=True) if text.get_text() != "+"]
        assert not any(rail.intersects_bbox(box, filled=False) for rail in rails for box in words)


def test_what_changes_in_the_block_diagram_lies_above_what_stays():
    """So a panel need not draw the rest again."""
    picture, axes = plots.figure()
    show = diagrams.block(axes, "none")
    picture.canvas.draw()
    artists = [*axes.lines, *axes.patches, *axes.texts]
    for artist in artists:
        artist.stale = False
    for skip in diagrams.SHORTCUT:
        show(skip)
    heights = {
        stale: [a.get_zorder() for a in artists if a.stale is stale] for stale in (True, False)
    }
    assert len(heights[True]) == 9
    assert min(heights[True]) > max(heights[False])


def resnet34_column():
    """The layers and shortcuts of He et al. 2015, figure 3: what the drawing is made for."""
    layers, shortcuts = (
        [("image", "ends"), ("7 x 7 conv, 64, / 2", "first"), ("max pool, / 2", "first")],
        [],
    )
    for channels, blocks in {64: 3, 128: 4, 256: 6, 512: 3}.items():
        for number in range(blocks):
            changes = channels > 64 and number == 0
            shortcuts.append((len(layers), len(layers) + 1, changes))
            layers += [
                (f"3 x 3 conv, {channels}" + ", / 2" * changes, channels),
                (f"3 x 3 conv, {channels}", channels),
            ]
    return [*layers, ("mean over all pixels", "ends"), ("fully connected, 1000", "ends")], shortcuts


def drawn_column(skip="inside", shortcuts=None):
    """Draw ResNet-34, or other ``shortcuts`` of it; return axes, boxes and arcs."""
    picture, axes = plots.figure(size=(3, 11))
    layers, its_own = resnet34_column()
    diagrams.column(axes, layers, its_own if shortcuts is None else shortcuts, skip)
    picture.canvas.draw()
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    return axes, boxes, [line for line in axes.lines if line.get_color() == diagrams.SHORTCUT[skip]]


@pytest.mark.parametrize("skip", ["inside", "outside"])
def test_column_has_a_box_for_each_layer_and_an_arc_for_each_shortcut(skip):
    layers, shortcuts = resnet34_column()
    axes, boxes, arcs = drawn_column(skip)
    assert [text.get_text() for text in axes.texts] == [text for text, _ in layers]
    assert len(boxes) == len(layers) == 3 + 32 + 2
    assert len(arcs) == len(shortcuts) == 16
    assert [arc.get_linestyle() for arc in arcs] == [
        ":" if dotted else "-" for *_, dotted in shortcuts
    ]
    assert [arc.get_linestyle() for arc in arcs].count(":") == 3
    assert drawn_column(skip, shortcuts=())[2] == []


def test_column_leads_each_arc_past_its_layers_and_through_none():
    _, boxes, arcs = drawn_column()
    boxes = [box.get_bbox() for box in boxes]
    for arc, (first, last, _) in zip(arcs, resnet34_column()[1], strict=True):
        x, y = arc.get_data()
        assert boxes[first - 1].y0 > y[0] > boxes[first].y1  # boxes stand from top to bottom
        assert boxes[last].y0 > y[-1] > boxes[last + 1].y1
        assert x.max() > boxes[first].x1
        assert (y[1:] <= y[:-1] + 1e-9).all()  # never back up
        assert x[0] == x[-1] == (boxes[first].x0 + boxes[first].x1) / 2
        assert not any(
            ((box.x0 < x) & (x < box.x1) & (box.y0 < y) & (y < box.y1)).any() for box in boxes
        )


def test_no_part_of_a_column_leaves_the_axes_and_no_text_its_box():
    axes, boxes, _ = drawn_column()
    for artist in (*axes.patches, *axes.lines, *axes.texts):
        extent = artist.get_window_extent()
        assert axes.bbox.x0 <= extent.x0 <= extent.x1 <= axes.bbox.x1
        assert axes.bbox.y0 <= extent.y0 <= extent.y1 <= axes.bbox.y1
    for text, box in zip(axes.texts, boxes, strict=True):
        inner, outer = text.get_window_extent(), box.get_window_extent()
        assert outer.x0 < inner.x0 < inner.x1 < outer.x1
        assert outer.y0 < inner.y0 < inner.y1 < outer.y1


def test_column_colours_its_groups_apart_and_keeps_its_text_readable():
    layers, _ = resnet34_column()
    _, boxes, _ = drawn_column()
    colors = {
        group: to_rgb(box.get_facecolor()) for box, (_, group) in zip(boxes, layers, strict=True)
    }
    assert [to_rgb(box.get_facecolor()) for box in boxes] == [colors[group] for _, group in layers]
    assert len(set(colors.values())) == len(colors) == len(diagrams.FILLS)
    assert all(contrast(diagrams.INK, fill) >= 4.5 for fill in diagrams.FILLS)


def test_a_column_refuses_shortcuts_that_it_cannot_draw():
    _, axes = plots.figure()
    with pytest.raises(ValueError, match="skip = 'over' is not known"):
        diagrams.column(axes, [("a layer", 0)], skip="over")
    with pytest.raises(ValueError, match="skip = 'none' has no shortcuts to draw, but 1 are given"):
        diagrams.column(axes, [("a layer", 0)] * 2, [(0, 1, False)], skip="none")
