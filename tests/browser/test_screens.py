"""Panels and questions on every screen: keys, sharpness, contrast, and what is typed."""

import contextlib
import re

import nbformat
import pytest
from figures import contrast
from lab import PANEL, new_page, open_notebook, run_all, turn_to, watched, write_notebook
from moves import menu
from playwright.sync_api import expect

from helpers.panels.panel import ALT, Screen

PICTURE = """
from helpers import explore, plots
plots.figure(size=(4, 2), alt="one < two")[0]
"""
MOVING = """
explore.explore(plots.figure(size=(4, 2))[0], lambda x=1: f"x is {x}.", x=(0, 3))
"""
WORDS = """
() => [...document.querySelectorAll(".jp-OutputArea-output img")]
  .filter((image) => image.checkVisibility())
  .map((image) => image.alt ||
    image.closest(".jp-OutputArea-child").nextElementSibling?.textContent.trim())
"""
SENTENCES = {"ArrowRight": "x is 2.", "ArrowLeft": "x is 1."}
# What is typed beside a slider from -4 to 4 with a step of 0.08, and what it says then.
TYPED = {"1,6": "1.60", "80%": "0.80", "2.4": "2.40", "−1,6": "−1.60", "five": "−1.60"}
TYPED |= {"1.000,5": "4.00"}
# What is typed beside sliders: (low, high, step, label, base of a logarithmic one).
NUMBERS = {
    (0, 10_000, 1, "n"): {
        "1,000": "1000",
        "1.000": "1000",
        "1 500": "1500",
        "1’500": "1500",
        "1'500": "1500",
        "1_500": "1500",
        "2e3": "2000",
        "2E+3": "2000",
        "10,000": "10000",
        "20,000": "20",
        "1,50": "1.5",
        "0,250": "0.25",
        "+7": "7",
        "1,000,000": "1000000",
        "1,2,3": "",
        "5 apples": "",
        "": "",
    },
    (0, 10_000, 100, "n"): {"1,200": "1200", "1,2": "1.2"},
    (0, 1_000_000, 1000, "n"): {"500,000": "500000"},
    (100, 200_000, 0.5, "n"): {"1,000": "1000", "100,000": "100"},
    (0.6, 1200, 0.4, "n"): {"1,000": "1"},
    (0, 2000, 0.5, "n"): {
        "1.000,5": "1000.5",
        "1,000.5": "1000.5",
        "1,500": "1.5",
        "1,750": "1750",
    },
    (0, 5, 0.1, "x"): {"1,000": "1", "2.500": "2.5", "0,250": "0.25", ".5": "0.5", "3.": "3"},
    (0, 1, 0.05, "x"): {"50%": "0.5", "50 %": "0.5", "0,5": "0.5", "5e-2": "0.05"},
    (0, 100, 1, "x"): {"50%": "50", "50": "50"},
    (0, 100, 0.1, "x"): {"30%": "0.3", "100%": "1"},
    (0, 100, 0.5, "share, %"): {"50%": "50", "0,5 %": "0.5"},
    (-4, 4, 0.08, "x"): {"−1,6": "-1.6", "-.8": "-0.8", "80%": "0.8"},
    (-5, 4, 0.1, "rate", 10): {"1e-3": "0.001", "1,000": "1", "20,000": "20", "0,03": "0.03"},
    (0, 4, 1, "n", 10): {"10,000": "10000", "20,000": "20"},
    (1, 4, 0.1, "n", 10): {"1,000": "1000", "10,000": "10"},
}
READ = """
async ([code, [min, max, step, description, base], typed]) => {
  const module = `data:text/javascript;base64,${btoa(code + "; export { readNumber };")}`;
  const { readNumber } = await import(module);
  const values = { min, max, step, description, base };
  return typed.map((text) => readNumber(text, { get: (name) => values[name] }));
}
"""
# The colours of an element: its own, behind it, around it, and behind that.
COLOURS = """
element => {
  const look = getComputedStyle(element), clear = "rgba(0, 0, 0, 0)";
  const behind = (place) => {
    const { backgroundColor } = getComputedStyle(place);
    return backgroundColor === clear ? behind(place.parentElement) : backgroundColor;
  };
  const own = behind(element), page = behind(element.parentElement);
  return { color: look.color, edge: look.borderLeftColor, own, page };
}
"""


@pytest.fixture(scope="module")
def screens(window, lab):
    with new_page(window, lab, "screens") as page, watched(page):
        yield page


@pytest.fixture
def page(screens):
    """One page for all, of its own for its pixels and colours; panels are new each time."""
    show_at(screens, 1)
    menu(screens, "Edit", "Clear Outputs of All Cells")
    run_all(screens)
    return screens


def colours(element):
    """The colours of an element, each (red, green, blue) from 0 to 1, laid over its background."""
    found = {
        name: [float(number) for number in re.findall(r"[\d.]+", text)]
        for name, text in element.evaluate(COLOURS).items()
    }

    def over(colour, below):
        opacity = (*colour, 1)[3]
        pairs = zip(colour[:3], below[:3], strict=True)
        return tuple((opacity * c + (1 - opacity) * b) / 255 for c, b in pairs)

    return {name: over(colour, found["own"]) for name, colour in found.items()}


def choose_theme(page, theme):
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text(f"JupyterLab {theme}", exact=True).click()
    chosen = page.locator(f"body[data-jp-theme-name='JupyterLab {theme}']")
    expect(chosen).to_have_count(1, timeout=15_000)


def see_colours(page):
    panel, asked = page.locator(PANEL).first, page.locator(".quiz")
    for part in (".noUi-handle", ".noUi-connects"):
        seen = colours(panel.locator(part).first)
        assert contrast(seen["own"], seen["page"]) >= 3, (part, seen)
    for text in (panel.get_by_role("status"), panel.get_by_role("alert"), asked.locator("label")):
        seen = colours(text.first)
        assert contrast(seen["color"], seen["own"]) >= 4.5, seen
    seen = colours(asked.locator("fieldset"))
    assert contrast(seen["edge"], seen["page"]) >= 3
    for choice, verdict in ((0, "wrong"), (1, "right")):
        asked.get_by_role("radio").nth(choice).check()
        seen = colours(asked.locator(f".{verdict}"))
        assert contrast(seen["edge"], seen["page"]) >= 3
        assert contrast(seen["color"], seen["page"]) >= 4.5


def test_everything_can_be_seen_in_both_themes(page):
    page.locator(PANEL).first.locator(".noUi-handle").press("ArrowLeft")  # x = 0, an error
    expect(page.get_by_role("alert")).to_be_visible()
    try:
        for theme in ("Dark", "Light"):
            choose_theme(page, theme)
            see_colours(page)
    finally:
        choose_theme(page, "Light")


def test_nothing_is_wider_than_the_screen_of_a_beamer(page):
    page.set_viewport_size({"width": 1024, "height": 768})
    for part in (PANEL, f"{PANEL} > *", ".quiz", ".jp-OutputArea-output"):
        for place in page.locator(part).all():
            assert place.evaluate("place => place.scrollWidth - place.clientWidth") <= 1, part


def read_pictures(page):
    """What a screen reader finds of each picture among the outputs: its alternative text, or the
    text of the output after it.
    """
    page.wait_for_timeout(1000)  # pictures appear one after another
    return page.evaluate(WORDS)


def test_a_screen_reader_finds_words_for_every_picture(opened, home):
    """In a notebook that was run, and in one that comes from somebody else and was not."""
    write_notebook(home / "notebooks" / "words.ipynb", PICTURE, MOVING)
    see_words(opened("words"), home)


def see_words(page, home):
    assert read_pictures(page) == ["one < two", ALT]
    save(page)
    notebook = nbformat.read(home / "notebooks" / "words.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("1"))  # not as it was signed
    nbformat.write(notebook, home / "notebooks" / "foreign.ipynb")
    turn_to(page, "foreign")
    sentence = "x is 1. To move the controls, run this cell."
    assert read_pictures(page) == ["one < two", sentence]


UNSAVED = ".lm-DockPanel-tabBar .jp-mod-dirty"


def save(page):
    """Press Ctrl+S until all is saved: on a busy machine an output may come after the first."""
    for _ in range(4):
        page.keyboard.press("Control+s")
        with contextlib.suppress(AssertionError):
            return expect(page.locator(UNSAVED)).to_have_count(0, timeout=4_000)
    raise AssertionError("Ctrl+S does not save")


def drag(page, handle):
    box = handle.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 8, steps=5)
    page.mouse.up()


def test_shortcuts_of_the_page_work_while_a_control_has_the_focus(page):
    handle = page.locator(".jp-CodeCell").first.locator(".noUi-handle")
    answer = page.locator(".quiz").get_by_role("radio").first
    for use, cell in (
        (lambda: handle.press("ArrowRight"), ".explore"),
        (lambda: drag(page, handle), ".explore"),
        (answer.check, ".quiz"),
    ):
        use()
        expect(page.locator(UNSAVED)).to_have_count(1)
        save(page)
        number = page.locator(f".jp-CodeCell:has({cell}) .jp-InputPrompt").first
        before = number.text_content()
        page.keyboard.press("Shift+Enter")
        expect(number).not_to_have_text(before)
        expect(number).not_to_have_text("[*]:")


def test_a_number_may_be_typed_as_people_write_it(page):
    box = page.get_by_role("textbox", name="height, m, exact value")
    for typed, read in TYPED.items():
        box.click()
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        expect(box).to_have_text(read)


@pytest.mark.parametrize("slider", NUMBERS)
def test_of_several_readings_of_a_number_that_counts_which_the_slider_can_be_at(offline, slider):
    typed = NUMBERS[slider]
    read = offline.evaluate(READ, [Screen._esm, list(slider), list(typed)])
    assert dict(zip(typed, read, strict=True)) == typed


def test_a_page_that_goes_to_another_screen_is_sharp_at_the_next_move(page):
    panel = page.locator(PANEL).first
    for ratio in (2, 1.5, 1):
        show_at(page, ratio)
        panel.locator(".noUi-handle").press("ArrowRight" if ratio == 1.5 else "ArrowLeft")
        expect_width(panel, 500 * ratio)


@pytest.mark.slow
def test_of_two_pages_that_show_a_panel_the_sharper_counts(page, browser, lab):
    save(page)
    show_at(page, 2)
    page.locator(PANEL).first.locator(".noUi-handle").press("ArrowRight")
    plain = browser.new_context()
    try:
        other = plain.new_page()
        open_notebook(other, lab, "screens")
        pages = [tab.locator(PANEL).first for tab in (page, other)]
        # What changes while a page is loading its widgets, ipywidgets does not tell it.
        expect(pages[1].locator(".widget-readout")).to_have_text("2", timeout=15_000)
        for moved, key in zip(pages, ("ArrowLeft", "ArrowRight"), strict=True):
            moved.locator(".noUi-handle").press(key)
            for panel in pages:
                expect_width(panel, 1000)
                expect(panel.get_by_role("status").first).to_have_text(SENTENCES[key])
                # Sentence and slider come one by one; the next key must not come between them.
                expect(panel.locator(".widget-readout")).to_have_text(SENTENCES[key][5])
        expect(other.get_by_text("To move the controls, run this cell.").first).to_be_hidden()
    finally:
        plain.close()


def show_at(page, ratio):
    """Let the screen of a page have other pixels."""
    size = {"width": 1400, "height": 1000, "deviceScaleFactor": ratio, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", size)
    page.wait_for_function("ratio => devicePixelRatio === ratio", arg=ratio)


def expect_width(panel, width):
    """The picture gets as many pixels, and keeps its size on the page."""
    image = panel.locator("img").element_handle()
    panel.page.wait_for_function(
        "([image, width]) => image.naturalWidth === width", arg=[image, width]
    )
    assert image.bounding_box()["width"] == pytest.approx(500, abs=1)
