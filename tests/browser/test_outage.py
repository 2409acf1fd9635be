"""The line to the server is cut for a while, or the computer sleeps: panels and films say so, and
work again by themselves when it is over.
"""

import time

import pytest
from far import Line
from lab import open_notebook, run_all
from moves import panels
from playwright.sync_api import expect
from test_panels import frame

OUTAGE = 8  # seconds
SILENT = "The kernel does not answer."


@pytest.fixture
def line(lab):
    line = Line(lab, delay=0.0)
    yield line
    line.close()


@pytest.fixture
def opened_there(window, line):
    """Open a notebook over the line, and run all of it."""
    page = window.new_page()

    def open_and_run(name):
        open_notebook(page, line.open(), name)
        run_all(page)
        return page

    yield open_and_run
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("loses", [False, True])
def test_a_panel_says_that_nobody_answers_and_works_again_by_itself(opened_there, line, loses):
    page = opened_there("controls")
    panel = panels(page).first
    handle = panel.locator(".noUi-handle").first
    sentence, note = panel.get_by_role("status").first, panel.get_by_text(SILENT)
    line.cut(loses)
    handle.press("End")  # too far away to be foreseen
    expect(note).to_be_visible(timeout=1000 * OUTAGE)
    page.wait_for_timeout(1000 * OUTAGE)
    line.mend()
    expect(sentence).to_contain_text("9 line", timeout=60_000)
    expect(note).to_be_hidden()
    handle.press("Home")
    expect(sentence).to_contain_text("1 line")
    panel.get_by_role("checkbox").press("Space")
    expect(sentence).to_contain_text("thick")


@pytest.mark.slow
@pytest.mark.parametrize("loses", [False, True])
def test_a_film_goes_on_by_itself_after_an_outage(opened_there, line, loses):
    page = opened_there("film_python3")
    film = panels(page).first
    film.get_by_role("button", name="start").click()
    see_it_run(film)
    line.cut(loses)
    page.wait_for_timeout(1000 * OUTAGE)
    line.mend()
    see_it_run(film)


@pytest.mark.slow
def test_a_film_goes_on_by_itself_when_the_lid_is_opened_again(opened_there, line):
    page = opened_there("film_python3")
    film = panels(page).first
    film.get_by_role("button", name="start").click()
    see_it_run(film)
    sleep(page, True)
    time.sleep(OUTAGE)
    sleep(page, False)
    see_it_run(film)


def see_it_run(film):
    """The film shows frames again and again, each later than the last."""
    for _ in range(5):
        here, end = frame(film), time.monotonic() + 60
        while frame(film) <= here:
            assert time.monotonic() < end, f"the film stays at frame {here}"
            time.sleep(0.1)


def sleep(page, asleep):
    state = {"state": "frozen" if asleep else "active"}
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", state)
