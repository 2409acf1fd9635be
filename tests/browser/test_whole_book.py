"""The whole book as it is handed out, built once: every page in a browser, and the PDF of all."""

import re

import pytest
from axe import broken_rules
from test_print import CUT, PAPER

from helpers.press import book, handout

pytestmark = pytest.mark.slow
SOURCES = [path for end in ("ipynb", "md") for path in (book.ROOT / "notebooks").glob(f"*.{end}")]
NAMES = ["index", *sorted(path.stem for path in SOURCES)]
# What leads sideways on a narrow page, or is cut off and cannot take the focus; and small pictures.
PHONE = """
[...document.querySelectorAll("html, main *")].filter((part) => part.clientWidth
    && part.scrollWidth > part.clientWidth + 1 && part.tabIndex < 0
    && (part.matches("html") || getComputedStyle(part).overflowX !== "visible"))
  .concat([...document.images].filter((image) => image.getBoundingClientRect().right > 391))
  .map((part) => part.outerHTML.slice(0, 90))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of the whole book."""
    folder = tmp_path_factory.mktemp("whole")
    paths = book.build(folder)
    assert {path.stem for path in paths} == set(NAMES)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_on_a_phone_on_paper_and_aloud(offline, whole, name):
    offline.set_viewport_size({"width": 390, "height": 844})
    offline.goto((whole / f"{name}.html").as_uri())
    assert offline.evaluate(PHONE) == []
    offline.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    assert broken_rules(offline) == []
    offline.set_viewport_size(PAPER)
    offline.emulate_media(media="print")
    assert offline.evaluate(CUT) == []


def test_the_handout_has_all_pages(whole, browser, tmp_path):
    path = handout.build(whole, tmp_path / "handout.pdf")
    assert path.stat().st_size < 40_000_000  # a mail takes less, a share takes this
    html = path.with_suffix(".html").read_text(encoding="utf-8")
    assert re.findall(r'<article id="([^"]+)"', html) == NAMES
