"""The numbers of a figure as tables: which curves, which places, and how many numbers."""

import numpy as np

from helpers import plots
from helpers.press.tables import MAX_NUMBERS, read_tables


def drawn(picture):
    """The tables of a figure, after it was drawn."""
    picture.canvas.draw()
    return read_tables(picture)


def test_curves_are_columns_under_the_names_that_the_reader_sees():
    picture, axes = plots.figure()
    plots.curves(axes)([1, 2], {"none": [3, 4], "inside": [5, 1 / 3], "outside": [7, np.nan]})
    axes.plot([1, 2], [0.25, 1e6], color="black", label="in the legend")
    axes.plot([1, 2], [8, 9], color="green")
    axes.text(2, 9, "in its colour", color="green")
    axes.set(xlabel="epochs", ylabel="loss", title="One net", xlim=(0, 3), ylim=(0, 10))
    heads = ["epochs", *plots.NAMES.values(), "in the legend", "in its colour"]
    first, second = ["1", "3", "5", "7", "0.25", "8"], ["2", "4", "0.3333", "–", "1e+06", "9"]
    assert drawn(picture) == [{"caption": "One net: loss", "rows": [heads, first, second]}]


def test_a_text_names_the_curve_that_ends_next_to_it():
    picture, axes = plots.figure()
    for height in (1, 2):
        axes.plot([0, 1], [0, height], color="green")
        axes.annotate(f"up to {height}", (1, height), color="green")
    ((heads, *rows),) = (table["rows"] for table in drawn(picture))
    assert heads == ["", "up to 1", "up to 2"]
    assert rows == [["0", "0", "0"], ["1", "1", "2"]]


def test_seeds_have_their_median_and_their_ends_at_the_name_of_their_place():
    picture, axes = plots.figure()
    show = plots.against_depth(axes, (20, 56), "wrong, %", {"none": "plain", "inside": "residual"})
    show({"none": [[0.1, 0.3, 0.2], [0.9, 0.9, 0.9]], "inside": [[0, 0, 0], [0.01, np.nan, 0.03]]})
    (table,) = drawn(picture)
    assert table["rows"] == [
        ["weight layers", "plain", "residual"],
        ["20", "20 (10 to 30)", "0"],
        ["56", "90", "2 (1 to 3)"],
    ]


def test_names_along_the_y_axis_are_rows():
    picture, axes = plots.figure()
    for row, skip in enumerate(("none", "inside")):
        plots.points(axes, skip, [10 * row + 1, 10 * row + 3], row + np.array([-0.3, 0.3]))
    axes.set_yticks(range(2), ["plain", "residual"])
    axes.set_xlabel("steps")
    rows = [["", "steps"], ["plain", "2 (1 to 3)"], ["residual", "12 (11 to 13)"]]
    assert drawn(picture) == [{"caption": "steps", "rows": rows}]


def test_curves_that_share_rows_are_columns_of_their_own():
    picture, axes = plots.figure()
    plots.points(axes, "none", [1, 3, 2], [0, 0.1, 1])
    plots.points(axes, "inside", [10, 20], [0, 1])
    axes.plot([5], [1], "o", color="green")
    axes.set_yticks([0, 1], ["layer 1", "layer 2"])
    axes.set_xlabel("size")
    (table,) = drawn(picture)
    assert table == {
        "caption": "size",
        "rows": [
            ["", plots.NAMES["none"], plots.NAMES["inside"], "size"],
            ["layer 1", "2 (1 to 3)", "10", "–"],
            ["layer 2", "2", "20", "5"],
        ],
    }


def test_other_words_of_the_picture_are_in_the_caption():
    picture, axes = plots.figure()
    axes.plot([1, 2], [3, 1800], label="steps")
    axes.text(1, 1000, "given up at 1,000 steps")
    axes.text(1, 3, "3.00")
    axes.set_title("Patience")
    (table,) = drawn(picture)
    assert table["caption"] == "Patience (in the picture: given up at 1,000 steps)"


def test_a_picture_with_names_at_its_rows_and_columns_is_a_table():
    picture, axes = plots.figure()
    plots.pixels(axes, [[0.5, 1.0], [1 / 3, 2.0]])
    axes.text(1, 0, "1 (0 to 2)")
    axes.set_title("Right")
    assert drawn(picture) == []
    axes.set_xticks(range(2), ["a", "b"])
    axes.set_yticks(range(2), ["c", "d"])
    rows = [["", "a", "b"], ["c", "0.5", "1 (0 to 2)"], ["d", "0.3333", "2"]]
    assert drawn(picture) == [{"caption": "Right", "rows": rows}]
    axes.set_yticks([1, 0], ["d", "c"])
    assert drawn(picture)[0]["rows"] == rows
    axes.set_yticks([1, 2], ["c", "d"])
    assert drawn(picture) == []


def test_a_pixel_without_a_number_has_none():
    picture, axes = plots.figure()
    axes.imshow(np.ma.masked_equal([[0, 1]], 0))
    axes.set_xticks(range(2), ["a", "b"])
    axes.set_yticks([0], ["c"])
    assert drawn(picture)[0]["rows"] == [["", "a", "b"], ["c", "–", "1"]]


def test_ticks_that_name_numbers_turn_no_table_and_take_no_point_from_between_them():
    for names in (["0 %", "50 %", "100 %"], ["-1", "0", "1"]):
        picture, axes = plots.figure()
        axes.plot(range(11), range(0, 101, 10), label="error")
        axes.set_xticks([0, 5, 10], ["0", "5", "10"])
        axes.set_yticks([0, 50, 100], names)
        ((_, *rows),) = (table["rows"] for table in drawn(picture))
        assert rows == [[f"{epoch}", f"{10 * epoch}"] for epoch in range(11)]


def test_names_with_a_number_in_them_are_rows_too():
    picture, axes = plots.figure()
    plots.points(axes, "none", [3, 4], [0, 1])
    axes.set_yticks([0, 1], ["layer 1", "layer 2"])
    axes.set_xlabel("size")
    assert drawn(picture)[0]["rows"] == [["", "size"], ["layer 1", "3"], ["layer 2", "4"]]


def test_two_curves_of_one_name_are_two_columns_and_a_gap_is_no_place():
    picture, axes = plots.figure()
    axes.plot([1, np.nan, 2], [3, 9, 4], label="net")
    axes.plot([1, 2], [5, 6], label="net")
    assert drawn(picture)[0]["rows"] == [["", "net", "net"], ["1", "3", "5"], ["2", "4", "6"]]


def test_axes_that_are_not_flat_are_left_out():
    picture, axes = plots.figure(subplot_kw={"projection": "3d"})
    axes.plot([1, 2], [3, 4], [5, 6], label="path")
    assert drawn(picture) == []


def test_bars_with_names_and_dates_are_no_table_and_a_curve_over_names_is_one():
    picture, (left, middle, right) = plots.figure(1, 3)
    left.bar(["plain", "residual"], [1, 2])
    days = np.array(["2026-12-01", "2026-12-02"], dtype="M8[D]")
    middle.plot(days, [1, 2], label="loss")
    middle.plot([1, 2], days, label="day")
    right.plot(["plain", "residual"], [1, 2], label="loss")
    assert [table["rows"] for table in drawn(picture)] == [
        [["", "loss"], ["plain", "1"], ["residual", "2"]]
    ]


def test_what_has_no_name_or_leads_across_is_left_out():
    picture, axes = plots.figure()
    plots.diagonal(axes, 0, 1, text="")
    axes.plot([0, 1], [2, 3], color="green")
    axes.axhline(0.5, color=plots.INSIDE["color"])
    plots.points(axes, "inside")
    axes.text(0, 0, "a name for nothing", color=plots.INSIDE["color"])
    assert drawn(picture) == []


def test_many_numbers_are_no_table_whatever_axes_they_are_on():
    def of(count):
        picture, all_axes = plots.figure(1, 2)
        for axes in all_axes:
            plots.points(axes, "none", range(count // 2), range(count // 2))
        return drawn(picture)

    assert len(of(MAX_NUMBERS)) == 2
    assert of(MAX_NUMBERS + 2) == []
