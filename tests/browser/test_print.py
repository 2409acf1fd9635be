"""The book where nothing moves: without scripts, on paper, and for all who cannot see it."""

import re

import pytest
from axe import broken_rules
from playwright.sync_api import expect

from helpers.press import handout

PAPER = {"width": 686, "height": 980}  # A4 without its margins
# What is wider than the paper, or cut off.
CUT = """
[...document.querySelectorAll("main *")].filter((part) => part.getClientRects().length && (
    part.getBoundingClientRect().right > innerWidth + 1
    || part.clientWidth && part.scrollWidth > part.clientWidth + 1))
  .map((part) => part.outerHTML.slice(0, 90))
"""


@pytest.fixture
def opened(offline, pages):
    """Open a page of the book."""

    def open_page(name):
        offline.goto((pages / name).as_uri())
        return offline

    return open_page


@pytest.fixture
def unscripted(browser, pages):
    """The first page where no script runs."""
    context = browser.new_context(java_script_enabled=False, viewport=PAPER)
    page = context.new_page()
    page.goto((pages / "first.html").as_uri())
    yield page
    context.close()


def test_without_scripts_a_line_says_how_to_get_the_sliders(unscripted, opened):
    line = "To move the sliders, save this file"
    expect(unscripted.get_by_text(line)).to_be_visible()
    expect(unscripted.locator("input[type=range]:visible")).to_have_count(0)
    expect(unscripted.locator("select:enabled, input:enabled")).to_have_count(0)
    page = opened("first.html")
    expect(page.get_by_text(line)).to_be_hidden()
    expect(page.locator(".positions").first).to_be_hidden()
    expect(page.locator("select:disabled, input:disabled")).to_have_count(0)
    assert line not in opened("second.html").content()  # where nothing could move


def test_without_scripts_every_panel_has_pictures_and_sentences(unscripted):
    panel = unscripted.locator(".panel").first
    expect(panel.get_by_text("0.50", exact=True)).to_be_visible()
    expect(panel.get_by_role("status")).to_have_text(re.compile("^Height 0.50"))
    captions = panel.locator("figcaption").all_text_contents()
    assert [caption.split(". ")[0] for caption in captions] == [
        f"height, m = {height} Height {height}" for height in ("0.00", "0.50", "1.00")
    ]
    for picture in unscripted.locator(".panel img").all():
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") == 1000


def test_without_scripts_a_question_unfolds_its_answers(unscripted):
    question = unscripted.locator(".question")
    expect(question.get_by_text("What is 2 & 2?")).to_be_visible()
    for choice, answer in {"3": "✗ No. One is lost.", "4": "✓ Right. It is the sum."}.items():
        said = question.get_by_text(re.sub(r"^. \w+. ", "", answer))
        expect(said).to_be_hidden()
        question.get_by_text(choice, exact=True).click()
        expect(said).to_be_visible()
        assert answer in " ".join(question.inner_text().split())


@pytest.mark.parametrize("scripts", [True, False])
def test_on_paper_nothing_is_cut_off_and_positions_are_side_by_side(scripts, browser, pages):
    context = browser.new_context(java_script_enabled=scripts, viewport=PAPER)
    page = context.new_page()
    page.goto((pages / "first.html").as_uri())
    page.emulate_media(media="print")
    long = "x = " + " + ".join(f"number_{n}" for n in range(60))
    page.locator(".code pre").first.evaluate("(code, long) => code.textContent = long", long)
    assert page.evaluate(CUT) == []
    for panel in page.locator(".panel").all():
        boxes = [image.bounding_box() for image in panel.locator(".positions img").all()]
        assert len({box["y"] for box in boxes}) == 1
        assert [box["width"] for box in boxes] == pytest.approx([boxes[0]["width"]] * 3)
        assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    expect(page.get_by_text("Hint", exact=True)).to_be_hidden()
    expect(page.get_by_text("Hints, answers and folded code are left out")).to_be_visible()
    expect(page.locator(".question").get_by_text("It is the sum.")).to_be_hidden()
    expect(page.locator(".question").get_by_text("<22>")).to_be_visible()
    expect(page.locator("input[type=range]:visible")).to_have_count(0)
    page.locator("summary", has_text="Hint").evaluate("hint => hint.parentElement.open = true")
    expect(page.get_by_text("Hint", exact=True)).to_be_visible()  # what was opened is printed
    context.close()


def test_the_handout_is_one_pdf_of_all_pages(browser, pages, tmp_path):
    path = handout.build(pages, tmp_path / "handout.pdf")
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 4
    html = path.with_suffix(".html").read_text(encoding="utf-8")
    assert [html.index(f'<article id="{path.stem}"') for path in pages.glob("*.html")]


@pytest.mark.parametrize("name", ["index.html", "first.html", "second.html", "guide.html"])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing(opened, name, scheme):
    """Nor in what is there for paper and without scripts."""
    page = opened(name)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    assert broken_rules(page) == []
    page.evaluate("document.documentElement.classList.remove('live')")
    assert broken_rules(page) == []
