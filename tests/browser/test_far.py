"""With a server half a second away: what was foreseen is shown at once, and nothing stale is."""

import statistics

import pytest
from far import Line, far
from lab import PANEL, new_page, open_notebook, run_all, turn_to, watched, write_notebook
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
AWAY = 500  # milliseconds
RATE = 2e5  # bytes a second
FIRST = """
from helpers import explore, plots
shared = {"slope": 1}
picture, axes = plots.figure(size=(5, 3))
axes.set(xlim=(0, 1), ylim=(0, 2))
(line,) = axes.plot([], [])
def first(x=20):
    line.set_data([0, 1], [0, shared["slope"] * x / 40])
    return f"{x} by {shared['slope']}."
explore.explore(picture, first, x=(0, 40))
"""
SECOND = """
beside, axes = plots.figure(size=(4, 2))
axes.set(xlim=(0, 4))
(dot,) = axes.plot([0], [0], "o")
def second(slope=1):
    shared["slope"] = slope
    dot.set_data([slope], [0])
    return f"The slope is {slope}."
explore.explore(beside, second, slope=(0, 4))
"""
# Notes when a key is pressed, what the sentence becomes, when, and whether it is to be heard; and
# how often the picture changes.
WATCH = """
root => {
  const seen = (window.seen = { sentences: [], times: [], live: [], pictures: 0 });
  const said = root.querySelector("[role=status]");
  document.addEventListener("keydown", (event) => (seen.key = event.timeStamp), true);
  new MutationObserver(() => {
    seen.sentences.push(said.textContent);
    seen.times.push(performance.now() - seen.key);
    seen.live.push(said.ariaLive);
  }).observe(said, { childList: true, characterData: true, subtree: true });
  new MutationObserver(() => (seen.pictures += 1))
    .observe(root.querySelector("img"), { attributes: true, attributeFilter: ["src"] });
}
"""


@pytest.fixture(scope="module")
def there(home, lab):
    write_notebook(home / "notebooks" / "shared.ipynb", FIRST, SECOND)
    with far(lab, 0) as line:
        yield line


@pytest.fixture(scope="module")
def page_there(window, there):
    with new_page(window, there.address, "shared") as page:
        yield page


@pytest.fixture
def page(page_there, there):
    """The notebook has been run when the server moves away: to load the page from there takes
    longer than all that is tried.
    """
    there.delay = 0
    with watched(page_there):
        turn_to(page_there, "shared")
        run_all(page_there)
        there.delay = AWAY / 1000
        yield page_there


def rest(page, number=0):
    """Touch the slider of a panel, and give the kernel time to look ahead."""
    panel = page.locator(PANEL).nth(number)
    page.mouse.move(5, 5)
    panel.locator(".noUi-handle").hover()
    panel.locator(".noUi-handle").focus()
    page.wait_for_timeout(2 * AWAY + 2500)
    panel.evaluate(WATCH)
    return panel


def seen(page, wait=4 * AWAY):
    page.wait_for_timeout(wait)
    return page.evaluate("window.seen")


def test_what_was_foreseen_is_shown_at_once_and_the_kernel_changes_nothing(page):
    rest(page)
    page.keyboard.press("ArrowLeft")
    heard = seen(page)
    assert heard["sentences"] == ["19 by 1.", "19 by 1."]
    assert heard["times"][0] < AWAY / 4
    assert heard["pictures"] == 1
    assert heard["live"] == ["off", "polite"]  # a screen reader hears the place where it rests


def test_a_drag_shows_what_was_foreseen_at_once_and_no_place_again(page):
    rest(page)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(25)
    said = page.locator(PANEL).first.get_by_role("status").first
    expect(said).to_have_text("40 by 1.", timeout=15_000)
    heard = seen(page)
    places = [int(sentence.split()[0]) for sentence in heard["sentences"]]
    assert places[0] == 21
    assert heard["times"][0] < AWAY / 4
    assert places == sorted(places)
    assert heard["pictures"] == len(set(places))
    assert (heard["live"][0], heard["live"][-1]) == ("off", "polite")


def test_after_a_move_of_another_panel_nothing_old_is_shown(page):
    first, second = rest(page), page.locator(PANEL).nth(1)
    second.locator(".noUi-handle").press("ArrowRight")
    first.locator(".noUi-handle").press("ArrowRight")
    heard = seen(page, wait=6 * AWAY)
    assert heard["sentences"][0] == "21 by 2."
    assert heard["times"][0] > 2 * AWAY


def test_after_a_cell_nothing_old_is_shown(page):
    panel = rest(page)
    cell = page.locator(".jp-CodeCell .cm-content").nth(1)
    cell.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("shared['slope'] = 3; print('done')")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-OutputArea-output").get_by_text("done")).to_be_visible(timeout=15_000)
    panel.locator(".noUi-handle").press("ArrowRight")
    heard = seen(page)
    assert heard["sentences"][0] == "21 by 3."
    assert heard["times"][0] > 2 * AWAY


def test_on_a_slow_line_a_move_hardly_waits_for_pictures_that_are_drawn_ahead(window, home, lab):
    """As if nothing was drawn ahead, but for the two pictures that may be under way."""
    write_notebook(home / "notebooks" / "slow.ipynb", FIRST)
    line, page = Line(lab, delay=0.05), window.new_page()
    try:
        open_notebook(page, line.open(), "slow")
        run_all(page)
        panel = page.locator(PANEL)
        size = len(panel.locator("img").get_attribute("src")) * 3 / 4
        line.rate = RATE
        panel.evaluate(WATCH)
        quiet, busy = (
            statistics.median(time_a_jump(page, panel, key, pause) for key in ["End", "Home"] * 3)
            for pause in (3500, 600)
        )
        assert busy - quiet < 1000 * 2.5 * size / RATE
    finally:
        page.close()
        line.close()


def time_a_jump(page, panel, key, pause):
    """Go to the middle and touch the slider; some milliseconds later, jump to an end. Return how
    long the page waits for what it did not foresee.
    """
    box = panel.locator(".widget-readout")
    box.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status").first).to_have_text("20 by 1.")
    page.wait_for_timeout(3500)  # the kernel rests, too
    page.evaluate("window.dispatchEvent(new CustomEvent('explore:moved'))")  # forgets
    page.mouse.move(5, 5)
    panel.locator(".noUi-handle").hover()
    panel.locator(".noUi-handle").focus()
    page.wait_for_timeout(pause)
    page.evaluate("window.seen.times.length = 0")
    page.keyboard.press(key)
    page.wait_for_timeout(2500)
    return page.evaluate("window.seen.times[0]")
