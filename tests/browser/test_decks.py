"""The decks in a browser without a network: at 1280 x 720, everything can be seen and read."""

import nbformat
import pytest

from helpers.press import slides
from helpers.setup.machine import ROOT

NOTEBOOKS = ROOT / "notebooks"
MIN_LETTERS = 13  # pixels, on a slide 720 high
# Of the slide that is shown: what lies beyond it, is covered or hidden, the height of the smallest
# letters, whether the slide is empty, and its text.
LOOK = """
() => {
  const slide = Reveal.getCurrentSlide();
  const shown = [...slide.querySelectorAll("*")].filter(
    part => !part.closest("aside, details > :not(summary)")
    && (!part.closest("math") || part.tagName === "math"));
  const box = part => part.getBoundingClientRect();
  const beyond = shown.filter(part => box(part).width && (box(part).left < -1 || box(part).top < -1
    || box(part).right > 1281 || box(part).bottom > 721
    || part.scrollWidth > part.clientWidth + 1 && part.clientWidth
    && getComputedStyle(part).overflowX !== "visible"));
  const blocks = [...slide.children].filter(block => !block.matches("aside"));
  const covered = blocks.slice(1).filter((block, i) => box(block).top < box(blocks[i]).bottom - 1);
  const letters = shown.filter(
    part => [...part.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const sizes = letters.map(part => {
    let size = parseFloat(getComputedStyle(part).fontSize);
    for (let at = part; at !== slide; at = at.parentElement) size *= parseFloat(at.style.zoom || 1);
    return size;
  });
  const name = part => `${part.tagName} ${part.textContent.trim().slice(0, 40)}`;
  const hidden = blocks.filter(block => getComputedStyle(block).visibility === "hidden");
  return {
    beyond: beyond.map(name), covered: covered.map(name), hidden: hidden.map(name),
    letters: Math.min(...sizes, 99),
    empty: blocks.every(block => block.matches(".running")), text: slide.innerText,
  };
}
"""


@pytest.fixture(scope="module")
def decks(tmp_path_factory):
    """All decks of the course, as its notebooks are stored; nothing is run."""
    return {path.stem: path for path in slides.build(tmp_path_factory.mktemp("slides"))}


@pytest.fixture
def opened(offline):
    """Open a deck, on a screen as large as its slides."""
    offline.set_viewport_size({"width": 1280, "height": 720})

    def open_deck(path):
        offline.goto(f"file://{path}")
        offline.wait_for_function("Reveal.isReady()")
        return offline

    return open_deck


def walk(page):
    """Yield what is seen on each slide, with all of its fragments."""
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        while page.evaluate("Reveal.availableFragments().next"):
            page.evaluate("Reveal.next()")
        yield number + 1, page.evaluate(LOOK)
        page.evaluate("Reveal.next()")


@pytest.mark.parametrize("name", sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")))
def test_nothing_is_cut_off_covered_or_too_small(opened, decks, name):
    seen = dict(walk(opened(decks[name])))
    for number, slide in seen.items():
        assert slide["beyond"] == slide["covered"] == slide["hidden"] == [], number
        assert slide["letters"] >= MIN_LETTERS, (number, slide["text"])
        assert not slide["empty"], number
    assert 10 < len(seen) < 80
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert seen[1]["text"].startswith(notebook.cells[0].source.split("\n")[0].removeprefix("# "))


def test_keys_lead_through_the_deck_and_fragments_wait(opened, tmp_path):
    cell = nbformat.v4.new_markdown_cell
    cells = [
        cell("# First\n\n*Predict:* what?"),
        cell("That.\n\n" + "And more.\n\n" * 20),
        cell("## Second\n\nThe end."),
    ]
    cells[1].metadata["slideshow"] = {"slide_type": "fragment"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    page = opened(*slides.build(tmp_path, [tmp_path / "one.ipynb"]))
    # What does not fit on the first slide is on the second.
    assert page.evaluate("Reveal.getTotalSlides()") == 3
    that = page.get_by_text("That.", exact=True)
    assert that.evaluate("part => getComputedStyle(part).visibility") == "hidden"
    page.keyboard.press("ArrowRight")
    assert that.evaluate("part => getComputedStyle(part).visibility") == "visible"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(LOOK)["text"].startswith("And more.")
    page.keyboard.press("Space")
    assert page.evaluate(LOOK)["text"].startswith("Second")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(LOOK)["text"].startswith("And more.")


def test_what_is_too_large_for_any_slide_is_made_smaller(opened, tmp_path):
    row = "| " + " | ".join(["a word or two"] * 12) + " |\n"
    table = "# A table\n\n" + row + "|---" * 12 + "|\n" + row * 30
    code = "\n".join(f"number_{line} = '{'x' * 130}'" for line in range(10))
    cells = [nbformat.v4.new_markdown_cell(table), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    for _, slide in walk(opened(*slides.build(tmp_path, [tmp_path / "one.ipynb"]))):
        assert slide["beyond"] == slide["covered"] == []
