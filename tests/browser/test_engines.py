"""The book in three engines: nothing but the file is asked for, and nothing goes wrong.

An engine that is not installed is skipped: CI has Chromium, `make test-all` takes what is there.
"""

import shutil
from html import escape

import pytest
from engines import ENGINES, wait_for
from test_pages import CONTRAST

pytestmark = pytest.mark.slow

# A page that may ask for nothing, and remembers what goes wrong.
WATCHED = """<head>
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
  img-src data:; font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<script>
  window.wrong = [];
  const kinds = ["error", "unhandledrejection", "securitypolicyviolation"];
  for (const kind of kinds) addEventListener(kind, (event) => wrong.push(
    `${kind}: ${event.message || event.reason || event.blockedURI}`), true);
  for (const kind of ["error", "warn"]) console[kind] = (...said) => wrong.push(said.join(" "));
</script>
"""
LINES = """
[...document.querySelectorAll("main p:has(math[display=inline])")].map(
  (line) => line.getBoundingClientRect().height / parseFloat(getComputedStyle(line).lineHeight))
"""
# Of the page in the frame. What leads sideways: wider than the frame, or cut off and out of reach.
FRAMED = "document.querySelector('iframe').contentDocument"
SIDEWAYS = f"""
[...{FRAMED}.querySelectorAll("html, main *")].filter((part) => part.clientWidth
    && part.scrollWidth > part.clientWidth + 1 && part.tabIndex < 0
    && (part.matches("html") || getComputedStyle(part).overflowX !== "visible"))
  .map((part) => part.outerHTML.slice(0, 90))
"""
STILL = f"""
(() => {{
  const page = {FRAMED}, shown = (part) => part.getClientRects().length > 0;
  const find = (selector) => [...page.querySelectorAll(selector)];
  return {{
    hint: find(".screen").map(shown), sliders: find("input[type=range]").filter(shown).length,
    sentences: find(".panel .said").map((said) => shown(said) && said.textContent.trim()),
    pictures: find(".panel img").map((image) => shown(image) && image.naturalWidth > 0),
    choices: find(".question summary").filter(shown).map((choice) => choice.textContent),
    answers: find(".question details[open]").length,
  }};
}})()
"""


def start(name, request, home, dark=False):
    """Start an engine, or skip the test where it is not installed."""
    kind = ENGINES[name]
    if lacking := [program for program in kind.needs if shutil.which(program) is None]:
        pytest.skip(f"{name} needs {' and '.join(lacking)}")
    return kind(request.getfixturevalue("browser") if name == "Chromium" else home, dark)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, tmp_path_factory):
    """Each engine that is installed, started once."""
    engine = start(request.param, request, tmp_path_factory.mktemp("home"))
    yield engine
    engine.close()


@pytest.fixture
def opened(engine, pages, tmp_path):
    """Open a page of the book that is watched; at the end nothing must have gone wrong."""

    def open_page(name):
        html = (pages / name).read_text(encoding="utf-8")
        assert html.count("<head>\n") == 1
        (tmp_path / name).write_text(html.replace("<head>\n", WATCHED), encoding="utf-8")
        engine.open((tmp_path / name).as_uri())
        return engine

    yield open_page
    assert engine.evaluate("wrong") == []


def framed(engine, pages, folder, **attributes):
    """Open a page of the book in a frame of another page."""
    inner = escape((pages / "first.html").read_text(encoding="utf-8"))
    given = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    outer = f'<!DOCTYPE html><meta charset="utf-8"><iframe {given} srcdoc="{inner}"></iframe>'
    (folder / "outer.html").write_text(outer, encoding="utf-8")
    engine.open((folder / "outer.html").as_uri())


def place(engine, selector):
    """Scroll a part of the page into view; return its left, middle and right, and its height."""
    box = engine.evaluate(
        f"(() => {{ const part = document.querySelector({selector!r});"
        "part.scrollIntoView({block: 'center'}); return part.getBoundingClientRect().toJSON(); })()"
    )
    middle = [(box[one] + box[other]) / 2 for one, other in (("left", "right"), ("top", "bottom"))]
    return box["left"], middle[0], box["right"], middle[1]


def says(engine, selector, words):
    """Wait until a part of the page begins with these words."""
    wait_for(
        lambda: engine.evaluate(
            f"document.querySelector({selector!r}).textContent.startsWith({words!r})"
        ),
        seconds=10,
    )


def test_a_slider_moves_by_keyboard_mouse_and_touch(opened):
    engine = opened("first.html")
    slider, said = ".panel input", ".panel [role=status]"
    left, middle, right, y = place(engine, slider)
    says(engine, said, "Height 0.50")
    engine.evaluate(f"document.querySelector({slider!r}).focus()")
    for key, height in {"ArrowRight": "0.55", "Home": "0.00", "End": "1.00"}.items():
        engine.press(key)
        says(engine, said, f"Height {height}")
    engine.drag(right - 8, y, left + 8)
    says(engine, said, "Height 0.00")
    engine.tap(middle, y)
    says(engine, said, "Height 0.5")
    seen = "[...document.querySelectorAll('.panel .picture img')].every((i) => i.naturalWidth > 0)"
    assert engine.evaluate(seen)


def test_a_question_is_answered_by_keyboard_and_touch(opened):
    engine = opened("first.html")
    said = ".quiz [role=status]"
    engine.evaluate("document.querySelector('.quiz input').focus()")
    engine.press("ArrowDown")
    says(engine, said, "✓ Right. It is the sum.")
    engine.press("ArrowDown")
    says(engine, said, "✗ No. That joins them.")
    _, x, _, y = place(engine, ".quiz label")
    engine.tap(x, y)
    says(engine, said, "✗ No. One is lost.")


def test_a_line_with_a_formula_is_hardly_higher_than_others(opened):
    engine = opened("first.html")
    assert engine.evaluate("document.fonts.check('16px \"Course Math\"')")
    lines = engine.evaluate(LINES)
    assert lines
    assert max(lines) < 1.3
    box = "document.querySelector('math[display=block]').getBoundingClientRect().height"
    fraction = "document.querySelector('mfrac').getBoundingClientRect().height"
    assert engine.evaluate(box) >= engine.evaluate(fraction) > 30  # nothing of it is cut off


def test_a_page_is_as_wide_as_a_phone(engine, pages, tmp_path):
    framed(engine, pages, tmp_path, width=390, height=844)
    wait_for(lambda: engine.evaluate(f"{FRAMED}.querySelector('.quiz') !== null"))
    assert engine.evaluate(f"{FRAMED}.documentElement.clientWidth") <= 390
    assert engine.evaluate(SIDEWAYS) == []


def test_without_scripts_questions_pictures_and_sentences_are_there(engine, pages, tmp_path):
    framed(engine, pages, tmp_path, width=900, height=844, sandbox="allow-same-origin")
    seen = engine.evaluate(STILL)
    assert seen["hint"] == [True]
    assert seen["sliders"] == seen["answers"] == 0
    assert seen["choices"] == ["3", "4", "<22>"]
    assert len(seen["sentences"]) == 4
    assert all(seen["sentences"])
    assert len(seen["pictures"]) == 4 * (1 + 3)
    assert all(seen["pictures"])


@pytest.mark.parametrize("name", ENGINES)
def test_a_dark_page_can_be_read(name, request, pages, tmp_path):
    engine = start(name, request, tmp_path, dark=True)
    try:
        engine.open((pages / "first.html").as_uri())
        assert engine.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        found = engine.evaluate(f"({CONTRAST})('body *')")
    finally:
        engine.close()
    assert len(found) > 50
    assert [(ratio, text) for ratio, text in found if ratio < 4.5] == []
