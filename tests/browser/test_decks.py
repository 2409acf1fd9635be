"""The decks in a browser without a network: all can be seen, moved, voted on, printed."""

import json
import re
import shutil

import nbformat
import pytest
from playwright.sync_api import expect

from helpers import explore, plots
from helpers.press import albums, slides, stills
from helpers.press.cells import VIEW
from helpers.setup.machine import ROOT

# The fullest deck for `make test`, all of them for `make test-all`.
DECKS = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem[:2] != "04"))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
]
MIN_LETTERS = 17  # pixels, on a slide 720 high
# Of the slide that is shown: what lies beyond it, covers or hides another part, the height of the
# smallest letters, how high its picture is, and its text.
LOOK = """
() => {
  const slide = Reveal.getCurrentSlide().querySelector(".slide");
  const shown = [...slide.querySelectorAll("*")].filter(
    part => !part.closest("script, [aria-hidden]")
    && (!part.closest("math") || part.tagName === "math"));
  const box = part => part.getBoundingClientRect();
  const beyond = shown.filter(part => box(part).width && (box(part).left < -1 || box(part).top < -1
    || box(part).right > 1281 || box(part).bottom > 721
    || part.scrollWidth > part.clientWidth + 1 && part.clientWidth));
  const blocks = [...slide.children];
  const covered = blocks.slice(1).filter((block, i) => box(block).top < box(blocks[i]).bottom - 1
    && box(block).left < box(blocks[i]).right - 1 && box(block).right > box(blocks[i]).left + 1);
  const letters = shown.filter(
    part => [...part.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const sizes = letters.map(part => parseFloat(getComputedStyle(part).fontSize));
  const name = part => `${part.tagName} ${part.textContent.trim().slice(0, 40)}`;
  const pictures = [...slide.querySelectorAll(".still img, .picture")];
  return {
    beyond: beyond.map(name), covered: covered.map(name), letters: Math.min(...sizes, 99),
    picture: Math.min(...pictures.map(picture => box(picture).height), 999),
    heading: slide.querySelector("h1, h2")?.innerText ?? "", text: slide.innerText,
  };
}
"""


@pytest.fixture
def opened(offline):
    """Open a deck, on a screen as large as its slides."""
    offline.set_viewport_size({"width": 1280, "height": 720})

    def open_deck(path, query=""):
        offline.goto(path.as_uri() + query)
        offline.wait_for_function("Reveal.isReady()")
        return offline

    return open_deck


def number_of(page):
    return page.evaluate("Reveal.getIndices().h") + 1


@pytest.mark.parametrize("path", DECKS)
def test_nothing_is_cut_off_covered_or_too_small(opened, tmp_path, path):
    """The decks of the course, as its notebooks are stored: panels stand still."""
    page = opened(*slides.build(tmp_path / "slides", [path]))
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        while page.evaluate("Reveal.availableFragments().next"):
            page.evaluate("Reveal.next()")
        seen = page.evaluate(LOOK)
        assert seen["beyond"] == seen["covered"] == [], number + 1
        assert seen["letters"] >= MIN_LETTERS, (number + 1, seen["text"])
        assert seen["picture"] >= 300, (number + 1, seen["picture"])
        assert seen["heading"], number + 1
        page.evaluate("Reveal.next()")


# A deck of four slides: a title, a panel of a slider, one of a choice, a question.
TEXT = """# The first

**A claim.**

> **0–1** Begin.

## A line that rises

`picture: slider`

> **1–2** Move it.

## A line that is drawn in two ways

`picture: choice`

## Vote: what is true?

`question: ask`
"""


def record(**controls):
    """The album of a panel, as a book records it."""
    picture, axes = plots.figure(size=(5, 3))
    (line,) = axes.plot([], [])

    def lift(height=1, kind="line"):
        line.set(data=([0, 1], [0, height / 9]), linestyle={"line": "-", "dots": ":"}[kind])
        return f"Height {height}, {kind}."

    return stills.make_album(explore.explore(picture, lift, **controls))


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    home = tmp_path_factory.mktemp("deck")
    code, cells, of = nbformat.v4.new_code_cell, [], {}
    for name, controls in {
        "slider": {"height": (0, 9)},
        "choice": {"kind": ["line", "dots"]},
    }.items():
        output = nbformat.v4.new_output("display_data", {VIEW: {"model_id": name}})
        cells.append(code(name, outputs=[output], id=name))
        of[name] = record(**controls)
    cells.append(code("quiz.bias_that_stays", id="ask"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), home / "02_one.ipynb")
    (home / "slides").mkdir()
    shutil.copytree(ROOT / "notebooks" / "questions", home / "questions")
    (home / "slides" / "02_one.md").write_text(TEXT, encoding="utf-8")
    albums.keep_albums(home / "build" / "book" / "02_one.json", cells, of)
    (path,) = slides.build(home / "build" / "slides", [home / "02_one.ipynb"])
    return path


def test_keys_lead_through_the_deck_and_an_answer_waits_for_the_next(opened, deck):
    page = opened(deck)
    for key in ("ArrowRight", "Space", "PageDown"):
        page.keyboard.press(key)
    assert number_of(page) == 4
    answer = page.locator(".answer")
    expect(answer).to_have_css("visibility", "hidden")
    expect(page.locator(".right")).to_have_css("font-weight", "400")
    page.keyboard.press("ArrowRight")
    expect(answer).to_be_visible()
    expect(page.locator(".right")).to_have_css("font-weight", "600")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    assert number_of(page) == 3


def test_a_panel_moves_by_keys_that_do_not_change_the_slide(opened, deck):
    page = opened(deck)
    page.keyboard.press("ArrowRight")
    said = page.locator("section.present [role=status]")
    for key, height in (("ArrowUp", 2), ("ArrowUp", 3), ("ArrowDown", 2)):
        page.keyboard.press(key)
        expect(said).to_have_text(f"Height {height}, line.")
    slider = page.locator("section.present input")
    slider.focus()  # with Tab; then the arrows are the slider's
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text("Height 3, line.")
    assert number_of(page) == 2
    page.keyboard.press("PageDown")
    assert number_of(page) == 3
    for key, kind in (("ArrowDown", "dots"), ("ArrowDown", "dots"), ("ArrowUp", "line")):
        page.keyboard.press(key)
        expect(said).to_have_text(f"Height 1, {kind}.")
    assert number_of(page) == 3


def test_after_a_move_by_mouse_the_keys_are_the_decks_again(opened, deck):
    page = opened(deck)
    page.keyboard.press("ArrowRight")
    slider = page.locator("section.present input")
    box = slider.bounding_box()
    slider.click(position={"x": box["width"] - 3, "y": box["height"] / 2})
    expect(page.locator("section.present [role=status]")).to_have_text("Height 9, line.")
    page.keyboard.press("ArrowRight")
    assert number_of(page) == 3
    page.locator("section.present select").select_option("dots")
    expect(page.locator("section.present [role=status]")).to_have_text("Height 1, dots.")
    page.keyboard.press("ArrowRight")
    assert number_of(page) == 4


def test_a_finger_on_the_slider_does_not_turn_the_slide(browser, deck):
    context = browser.new_context(
        viewport={"width": 1280, "height": 720}, offline=True, has_touch=True
    )
    page = context.new_page()
    page.goto(deck.as_uri() + "#/1")
    page.wait_for_function("Reveal.isReady()")

    def swipe(place):
        box = page.locator(place).bounding_box()
        x, y = box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2
        touch = context.new_cdp_session(page)
        points = [[{"x": x - 40 * step, "y": y}] for step in range(6)]
        for kind, at in zip(["touchStart", *["touchMove"] * 5], points, strict=True):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    page.locator("section.present input").tap()
    expect(page.locator("section.present [role=status]")).not_to_have_text("Height 1, line.")
    swipe("section.present .settings")
    assert number_of(page) == 2
    swipe("section.present .picture")
    assert number_of(page) == 3
    context.close()


def test_the_speaker_sees_notes_the_next_slide_and_the_time(opened, deck):
    page = opened(deck)
    with page.expect_popup() as found:
        page.keyboard.press("s")
    window = found.value
    expect(window.locator("main")).to_contain_text("0–1 Begin.")
    expect(window.locator(".next h2")).to_have_text("A line that rises")
    expect(window.locator(".place")).to_have_text("1 / 4")
    expect(window.locator(".since")).to_have_text(re.compile(r"^0:0[1-9]$"))
    expect(window.locator(".clock")).to_have_text(re.compile(r"\d\d.\d\d"))
    window.keyboard.press("ArrowRight")  # its keys lead, too
    assert number_of(page) == 2
    page.keyboard.press("ArrowUp")
    expect(window.locator("main")).to_contain_text("1–2 Move it. In the notebook: slider")
    expect(window.locator(".now [role=status]")).to_have_text("Height 2, line.")
    page.evaluate("Reveal.slide(3)")
    expect(window.locator("main")).to_contain_text("A, right.")
    expect(window.locator(".next")).to_be_empty()
    window.get_by_role("button").click()
    expect(window.locator(".since")).to_have_text("0:00")


@pytest.mark.parametrize(("notes", "pages"), [("", 4), ("&showNotes=separate-page", 8)])
def test_on_paper_slides_are_whole_and_notes_can_be_with_them(opened, deck, notes, pages):
    page = opened(deck, f"?print-pdf{notes}")
    page.wait_for_selector(".pdf-page")
    page.wait_for_timeout(300)
    boxes = page.locator(".pdf-page > section .slide").evaluate_all(
        """all => all.map(
            part => [part, part.closest(".pdf-page")].map(p => p.getBoundingClientRect()))"""
    )
    assert len(boxes) == 4
    for slide, sheet in boxes:
        assert (slide["x"], slide["y"]) == (sheet["x"], sheet["y"])
        assert slide["width"] == sheet["width"] == 1280
        assert slide["height"] == 720 <= sheet["height"] + 1
    paper = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == pages


def test_a_book_keeps_its_panels_for_decks(pages):
    """A slider, a grid of three controls, one control at a time of four, a film."""
    kept = json.loads((pages / "first.json").read_text(encoding="utf-8"))["albums"]
    moving = [[control["label"] for control in album["controls"]] for album in kept.values()]
    grid = ["left", "thick", "kind"]
    assert moving[0] == ["height, m"]
    assert moving[3] == ["progress"]
    assert sorted(moving[1]) == sorted(grid)
    assert [len(album["frames"]) for album in kept.values()][:2] == [21, 6 + 1 + 1]
    assert not (pages / "second.json").exists()
