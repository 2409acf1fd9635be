"""A book of two notebooks and a text, for the tests of its pages."""

import nbformat
import pytest

from helpers.press import book

SLIDER = """
picture, axes = plots.figure(size=(5, 3))
axes.set(xlim=(0, 1), ylim=(0, 1))
(line,) = axes.plot([], [], linewidth=4)

def lift(height=0.5):
    line.set_data([0, 1], [height, height])
    return f"Height {height:.2f}. " + "One sentence more. " * int(20 * height)

explore.explore(picture, lift, labels={"height": "height, m"}, height=(0.0, 1.0, 0.01))
"""
GRID = """
def tilt(left=0.2, right=0.7, thick=False, kind="line"):
    line.set_data([0, 1], [left, right])
    line.set(linewidth=9 if thick else 3, linestyle="-" if kind == "line" else ":")
    return f"From {left:.1f} to {right:.1f}, {'thick' if thick else 'thin'}, {kind}."

explore.explore(picture, tilt, left=(0.0, 1.0, 0.2), thick=False, kind=["line", "dots"])
"""
MANY = """
controls = {"thick": False, "kind": ["line", "dots"]}
explore.explore(picture, tilt, left=(0.0, 1.0, 0.2), right=(0.0, 1.0, 0.1), **controls)
"""
FILM = """
def film(seed=4):
    ran.append(seed)
    for number in range(101):
        line.set_data([0, 1], [0, number / 100])
        yield number / 100, f"Frame {number}."

ran = []
explore.explore(picture, film, labels={"seed": "random seed"}, seed=(0, 9)).play()
"""
FIGURE = """
assert ran == [4]
figure, axes = plots.figure(size=(4, 2), alt="An empty picture.")
print("a line of text")
figure
"""
QUESTION = """
from helpers.quizzes.quiz import Question
choices = [("3", "One is lost."), ("4", "It is the sum."), ("<22>", "That joins them.")]
Question("What is 2 & 2?", choices, right=1)
"""
FIRST = """# The first & the last

**It has a formula, $a^{[l+2]} = g(z)$, and links.**

$$\\frac{\\partial L}{\\partial a^{[l]}}$$

Next: [the second](second.ipynb), its [last part](second.ipynb#The-last-part),
and [the guide](guide.md).

## A part

| left | right |
|---|---|
| 1 | $\\sqrt{2}$ |

<details><summary>Hint</summary>Look at $W$.</details>
"""
SECOND = (
    "# The second\n\n[Back](first.ipynb)\n\n" + "Words.\n\n" * 60 + "## The last part\n\nThe end."
)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """A book of two notebooks and a text, with little room for panels; returns its folder."""
    home = tmp_path_factory.mktemp("book")
    code = nbformat.v4.new_code_cell
    cells = [nbformat.v4.new_markdown_cell(FIRST), code("from helpers import explore, plots")]
    cells += [code(source.strip()) for source in (SLIDER, GRID, MANY, FILM, FIGURE, QUESTION)]
    second = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(SECOND)])
    nbformat.write(nbformat.v4.new_notebook(cells=cells), home / "first.ipynb")
    nbformat.write(second, home / "second.ipynb")
    (home / "guide.md").write_text(
        "# The guide\n\nSee [the first](first.ipynb#A-part).", encoding="utf-8"
    )
    (home / "README.md").write_text(
        "## The course\n\n[The first](notebooks/first.ipynb)\n", encoding="utf-8"
    )
    sources = [home / name for name in ("first.ipynb", "second.ipynb", "guide.md")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "MAX_PANEL_BYTES", 120_000)
        patch.setattr(book, "MIN_PANEL_BYTES", 120_000)
        paths = book.build(home / "pages", sources, home / "README.md")
    assert [path.name for path in paths] == [
        "index.html",
        "first.html",
        "second.html",
        "guide.html",
    ]
    return home / "pages"
