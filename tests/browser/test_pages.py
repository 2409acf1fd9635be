"""The book in a browser without a network: sliders move picture and sentence, and nothing else."""

import re

import pytest
from playwright.sync_api import expect

from helpers.press import book


@pytest.fixture
def opened(offline, pages):
    """Open a page of the book."""

    def open_page(name):
        offline.goto(f"file://{pages / name}")
        return offline

    return open_page


def panel(page, number):
    here = page.locator(".panel").nth(number)
    here.scroll_into_view_if_needed()
    expect(here.locator(".picture img").first).to_have_js_property("complete", True)
    return here


def state(panel):
    return panel.locator(".picture").screenshot(), panel.get_by_role("status").text_content()


def changed(panel, before):
    expect(panel.get_by_role("status")).not_to_have_text(before[1])
    after = state(panel)
    assert after[0] != before[0]
    return after


def heights(page):
    return page.evaluate(
        "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
    )


def test_a_slider_moves_by_keyboard_with_its_name_and_value(opened):
    page = opened("first.html")
    here = panel(page, 0)
    slider = here.get_by_role("slider", name="height, m", exact=True)
    expect(here.locator(".value")).to_have_text("0.50")
    start, before = state(here), heights(page)
    slider.focus()
    for key, value in {"ArrowRight": "0.55", "Home": "0.00", "End": "1.00"}.items():
        last = state(here)
        page.keyboard.press(key)
        changed(here, last)
        expect(here.locator(".value")).to_have_text(value)
        expect(slider).to_have_attribute("aria-valuetext", value)
        expect(here.get_by_role("status")).to_have_text(re.compile(f"^Height {value}"))
        assert here.locator(".picture img").first.get_attribute("alt").startswith(f"Height {value}")
        assert heights(page) == before
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(here.get_by_role("status")).to_have_text(start[1])
    assert state(here) == start


def test_a_slider_moves_by_mouse_and_nothing_jumps(opened):
    page = opened("first.html")
    here = panel(page, 0)
    before, sizes, box = state(here), heights(page), here.get_by_role("slider").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for step in range(30):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 60), y)
        assert heights(page) == sizes
        assert here.locator(".picture").evaluate(
            "p => [...p.children].every(i => i.complete && i.naturalWidth)"
        )
    page.mouse.up()
    changed(here, before)


def test_the_sentence_keeps_its_room_on_a_narrow_page(opened):
    page = opened("first.html")
    page.set_viewport_size({"width": 380, "height": 800})
    here = panel(page, 0)
    before = heights(page)
    assert before[1] == 380
    here.get_by_role("slider").focus()
    for key in ("Home", "End"):
        page.keyboard.press(key)
        assert heights(page) == before


def test_a_switch_and_a_choice(opened):
    here = panel(opened("first.html"), 1)
    before = state(here)
    here.get_by_role("checkbox", name="thick", exact=True).check()
    before = changed(here, before)
    here.get_by_role("combobox", name="kind", exact=True).select_option("dots")
    changed(here, before)
    expect(here.get_by_role("status")).to_have_text("From 0.2 to 0.7, thick, dots.")
    here.get_by_role("slider", name="left", exact=True).press("End")
    expect(here.get_by_role("status")).to_have_text("From 1.0 to 0.7, thick, dots.")


def test_where_one_control_moves_at_a_time_the_others_go_back(opened):
    here = panel(opened("first.html"), 2)
    expect(here.get_by_text("one control moves at a time")).to_be_visible()
    here.get_by_role("checkbox", name="thick").check()
    expect(here.get_by_role("status")).to_have_text("From 0.2 to 0.7, thick, line.")
    here.get_by_role("slider", name="right").press("Home")
    expect(here.get_by_role("status")).to_have_text("From 0.2 to 0.0, thin, line.")
    expect(here.get_by_role("checkbox", name="thick")).not_to_be_checked()


def test_long_code_of_a_panel_is_folded(opened):
    page = opened("first.html")
    code = page.get_by_text("def lift(height=0.5):")
    expect(code).to_be_hidden()
    page.get_by_text("The code of this panel, 9 lines").click()
    expect(code).to_be_visible()
    expect(page.get_by_text("def tilt(")).to_be_visible()
    assert "&lt;details" not in page.content()


def test_a_film_was_recorded_as_it_played(opened):
    here = panel(opened("first.html"), 3)
    expect(
        here.get_by_text("Recorded with random seed = 4; the notebook runs it live.")
    ).to_be_visible()
    progress = here.get_by_role("slider", name="progress", exact=True)
    expect(progress).to_have_attribute("aria-valuetext", "100 %")
    expect(here.get_by_role("status")).to_have_text("Frame 100.")
    before = state(here)
    progress.press("ArrowLeft")
    before = changed(here, before)
    expect(here.get_by_role("status")).to_have_text("Frame 95.")
    progress.press("Home")
    changed(here, before)
    expect(here.get_by_role("status")).to_have_text("Frame 0.")


def test_a_question_is_answered_by_keyboard(opened):
    page = opened("first.html")
    asked = page.get_by_role("group", name="What is 2 & 2?")
    said = asked.get_by_role("status")
    expect(said).to_have_text("")
    expect(page.get_by_text("To answer, run this cell.")).to_have_count(0)
    asked.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    expect(said).to_have_text("✗ No. One is lost.")
    page.keyboard.press("ArrowDown")
    expect(said).to_have_text("✓ Right. It is the sum.")
    asked.get_by_text("<22>").click()
    expect(said).to_have_text("✗ No. That joins them.")


def test_mathematics_figures_and_text_are_there(opened):
    page = opened("first.html")
    assert page.title() == f"The first & the last – {book.BOOK}"
    assert page.locator("math").count() == 4
    assert "$" not in page.locator("main").inner_text().replace("$\\", "")
    assert page.evaluate("document.fonts.check('16px \"Course Math\"')")
    fraction = page.locator("math[display=block] mfrac").bounding_box()
    assert fraction["height"] > 25  # the browser sets it as a fraction
    expect(page.get_by_role("img", name="An empty picture.")).to_have_js_property(
        "naturalWidth", 800
    )
    expect(page.get_by_text("a line of text", exact=True)).to_be_visible()
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("input:not([id]):not(label input), select:not([id])").count() == 0


def test_pages_lead_to_each_other(opened):
    page = opened("index.html")
    page.get_by_role("link", name="The first", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The first & the last")
    page.get_by_role("link", name="last part").click()
    expect(page.get_by_role("heading", name="The last part")).to_be_in_viewport()
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="the guide").click()
    page.get_by_role("link", name="the first", exact=True).click()
    expect(page.get_by_role("heading", name="A part")).to_be_in_viewport()
    page.get_by_role("contentinfo").get_by_role("link", name=re.compile("The second")).click()
    page.get_by_role("banner").get_by_role("link", name=book.BOOK).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(book.BOOK)


def test_pages_carry_everything_with_them(pages):
    for path in pages.iterdir():
        html = path.read_text(encoding="utf-8")
        outside = re.findall(
            r'(?:src|srcset|href|url)\s*[=(]\s*["\']?(?:https?:)?//[^"\')\s]+', html
        )
        assert [link for link in outside if "href" not in link] == []
        assert not re.search(r"<link\b(?![^>]*data:)|@import|require|MathJax", html)
        assert path.stat().st_size < book.PAGE_BYTES


CONTRAST = """
selector => {
    const channel = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const light = text => {
        const [r, g, b] = numbers(text).map(n => channel(n / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const clear = colour => numbers(colour)[3] === 0;
    const paper = e => !e ? "rgb(255, 255, 255)" : clear(getComputedStyle(e).backgroundColor)
        ? paper(e.parentElement) : getComputedStyle(e).backgroundColor;
    const says = e => [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
    const texts = [...document.querySelectorAll(selector)].filter(says);
    return texts.filter(e => e.checkVisibility()).map(e => {
        const both = [light(getComputedStyle(e).color), light(paper(e))];
        return [(Math.max(...both) + 0.05) / (Math.min(...both) + 0.05), e.textContent];
    });
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(opened, scheme):
    page = opened("first.html")
    page.emulate_media(color_scheme=scheme)
    found = page.evaluate(CONTRAST, "body *")
    assert len(found) > 50
    assert [(ratio, text) for ratio, text in found if ratio < 4.5] == []
