"""What code the book folds: drawings and panels, and nothing that teaches."""

import nbformat
import pytest

from helpers.press.cells import find_view
from helpers.press.folds import SHORT, name_fold, only_draws
from helpers.setup.machine import ROOT

DRAWING = """
alt = "Two curves."
picture, axes = plots.figure(alt=alt)
for skip, values in results.items():
    axes.plot(values, color=plots.STYLES[skip]["color"])
    axes.text(3, values[-1], plots.NAMES[skip])
axes.set(xlabel="epochs", ylabel="loss")
axes.set_title("One net")
left = picture.get_axes()[0]
left.set_xlim(0, 4)
picture
"""


def test_a_drawing_is_folded_with_all_that_is_made_of_it():
    assert name_fold(DRAWING.strip(), panel=False) == "The code of this drawing, 10 lines"
    assert only_draws("def draw(axes):\n    axes.plot([1])")


def test_short_code_stays_open_and_long_code_of_a_panel_does_not():
    short, long = ("\n".join(["x = 1"] * lines) for lines in (SHORT, SHORT + 1))
    assert name_fold(short, panel=True) == name_fold(long, panel=False) == ""
    assert name_fold(long, panel=True) == f"The code of this panel, {SHORT + 1} lines"


@pytest.mark.parametrize(
    "more",
    [
        "assert results['none'][-1] > 1",
        "print(results)",
        "def train(net):\n    for x, y in batches:\n        net(x, y).backward()\n    return net",
    ],
)
def test_a_cell_that_claims_prints_or_computes_stays_open(more):
    assert not only_draws(DRAWING + more)


@pytest.mark.parametrize("magic", ["%matplotlib inline", "!ls", "print?", "await pause()"])
def test_a_line_for_ipython_hinders_no_fold(magic):
    assert only_draws(f"{magic}\n{DRAWING}")


@pytest.mark.parametrize("source", [f"%%time\n{DRAWING}", f"{DRAWING}\n1 +"])
def test_what_is_no_python_as_a_whole_stays_open(source):
    assert not only_draws(source)


def folded(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and not any(map(find_view, cell.outputs)):
            yield cell.id, bool(name_fold(cell.source, panel=False))


def test_the_course_folds_drawings_and_leaves_open_what_is_to_be_learned():
    every = dict(folded("06_resnets_on_images"))
    assert every["picture-depths"]
    assert every["draw-published"]
    assert not every["claims-gradients"]
    assert [name for name, fold in folded("01_the_residual_block") if fold] == [
        "other-activation-functions"
    ]
