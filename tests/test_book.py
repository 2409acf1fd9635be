"""Pieces of the book: mathematics, links, headings, pictures, sizes. Pages are tried in
tests/browser/test_pages.py.
"""

import base64
import contextlib
import io
import re
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from helpers.press import book

COURSE = sorted((book.ROOT / "notebooks").glob("*.ipynb"))


def prose(path):
    return [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    ]


def rendered(text, links=None):
    renderer = book.Prose(links or {})
    return book.part(nbformat.v4.new_markdown_cell(text), renderer, {})["prose"], renderer


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_all_mathematics_of_the_course_becomes_mathml_in_the_font_of_the_book(path):
    letters = set(TTFont(book.PAGES / "math.woff").getBestCmap())
    for source in prose(path):
        html, _ = rendered(source)
        outside = re.sub(r"<(code|pre)\b.*?</\1>", "", html, flags=re.DOTALL)
        assert "$" not in outside
        for formula in re.findall(r"<math.*?</math>", html, re.DOTALL):
            for letter in unescape(re.sub(r"<[^>]+>", "", formula)):
                assert ord(letter) in letters, f"{letter} of {formula} is not in math.woff"


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\lVert W \rVert", '<mo stretchy="false">‖</mo>'),
        (r"g\big(z\big)", '<mo stretchy="false">(</mo>'),
        (r"g'(z)", '<mrow><mi>g</mi><mo lspace="0" rspace="0">′</mo></mrow>'),
        (r"\ln 10", '<mi>ln</mi><mspace width="0.167em" /><mn>10</mn>'),
        (r"g(-2)", '<mo form="prefix">−</mo>'),
        (r"1 - 2", "<mo>−</mo>"),
        (r"a^{[l]}", '<msup><mi>a</mi><mrow><mo stretchy="false">[</mo>'),
    ],
)
def test_mathematics(latex, expected):
    assert expected in unescape(book.mathml(latex, "inline"))


def test_mathematics_that_would_be_shown_with_its_backslash_is_named():
    with pytest.raises(ValueError, match="no MathML for"):
        book.mathml(r"\unheardof{x}", "inline")


def test_blocks_and_environments():
    html, _ = rendered(
        "Before\n\n$$a = b$$\n\n\\begin{align}a &= b\\\\ c &= d\\end{align}\n\nand `$5`."
    )
    assert html.count('display="block"') == 2
    assert "<code>$5</code>" in html


def test_mathematics_in_html():
    html, _ = rendered(
        "<details><summary>Hint</summary>Is $a &lt; b$? Cost: <code>$5 and $6</code></details>"
    )
    assert html.count("<math") == 1
    assert "<mo>&#x0003C;</mo>" in html
    assert "<code>$5 and $6</code>" in html


def test_links_lead_to_pages_or_are_dropped():
    links = {"02_next.ipynb": "02_next.html", "guide.md": "guide.html"}
    html, _ = rendered(
        "[a](02_next.ipynb) [b](notebooks/02_next.ipynb#One-place) [c](../data/README.md) "
        "[d](https://arxiv.org) [e](#here) [f](guide.md)",
        links,
    )
    assert re.findall(r'href="(.*?)"', html) == [
        "02_next.html",
        "02_next.html#One-place",
        "https://arxiv.org",
        "#here",
        "guide.html",
    ]
    assert " c " in html


def test_headings_have_ids_of_their_own_and_make_the_contents():
    html, renderer = rendered(
        "# Title\n\n## One more\n\n## One more\n\n## Shrink $W$ [now](x.ipynb)\n\n### Small"
    )
    ids = re.findall(r'id="(.*?)"', html)
    assert ids == ["Title", "One-more", "One-more-1", "Shrink-W-now", "Small"]
    assert [name for name, _ in renderer.headings] == ids[1:4]
    assert "<math" in renderer.headings[2][1]


def test_pictures_are_small_and_look_the_same():
    noise = np.random.default_rng(0).integers(0, 4, (40, 60, 3)) * 60
    buffer = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(buffer, "png")
    small = book.picture(buffer.getvalue())
    assert (small["width"], small["height"]) == (30, 20)
    again = Image.open(io.BytesIO(base64.b64decode(small["png"]))).convert("RGB")
    assert np.abs(np.asarray(again, dtype=int) - noise).max() < 20


OUTPUTS = {
    "stream": ({"output_type": "stream", "name": "stdout", "text": "one\n"}, {"text": "one"}),
    "value": ({"output_type": "execute_result", "data": {"text/plain": "1.0"}}, {"text": "1.0"}),
    "html": (
        {"output_type": "execute_result", "data": {"text/html": "<b>1</b>"}},
        {"html": "<b>1</b>"},
    ),
    "error": (
        {"output_type": "error", "traceback": ["line", "ValueError"]},
        {"text": "line\nValueError"},
    ),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_outputs(kind):
    output, expected = OUTPUTS[kind]
    assert book.shown(nbformat.from_dict(output), {}) == expected


def test_mathematics_in_outputs():
    output = nbformat.from_dict({"output_type": "display_data", "data": {"text/latex": "$$x^2$$"}})
    assert book.shown(output, {})["html"].startswith("<math")


def shares(monkeypatch, path, *marks):
    """What each widget of a notebook gets: one cell for each mark, a "panel" or a "quiz". Nothing
    is run.
    """
    cells = [nbformat.v4.new_markdown_cell("# Title")]
    for number, mark in enumerate(marks):
        output = {
            "output_type": "display_data",
            "data": {book.VIEW: {"model_id": f"{mark}{number}"}},
            "metadata": {},
        }
        metadata = {"tags": ["quiz"]} if mark == "quiz" else {}
        cells.append(
            nbformat.v4.new_code_cell(metadata=metadata, outputs=[nbformat.from_dict(output)])
        )
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    found = {}

    def save(_, code):
        if call := re.search(r"save\('(.*?)', '(.*?)', (\d+)\)", code):
            found[call[1]] = int(call[3])
            Path(call[2]).write_text("null", encoding="utf-8")

    monkeypatch.setattr(book, "ask", save)
    monkeypatch.setattr(book.NotebookClient, "execute_cell", lambda *_: None)
    monkeypatch.setattr(book.NotebookClient, "setup_kernel", lambda _: contextlib.nullcontext())
    book.run(path)
    return {name: share for name, share in found.items() if name.startswith("panel")}


def test_questions_take_no_room_from_the_panels(monkeypatch, tmp_path):
    panels = shares(monkeypatch, tmp_path / "one.ipynb", "panel", "panel", "panel")
    asked = shares(
        monkeypatch,
        tmp_path / "one.ipynb",
        "quiz",
        "panel",
        *["quiz"] * 9,
        "panel",
        "quiz",
        "panel",
    )
    assert list(asked.values()) == list(panels.values()) == [book.ENOUGH] * 3
    crowded = shares(monkeypatch, tmp_path / "one.ipynb", "quiz", *["panel"] * 8)
    assert next(iter(crowded.values())) == pytest.approx(
        book.ROOM - 7 * book.LEAST, abs=9
    )  # the files have some bytes


def test_the_front_page_has_the_map_of_the_readme(tmp_path):
    readme = "# x\n\n## Start\n\nno\n\n## The course\n\n| map |\n\n## In class\n\nno\n"
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    text = book.front(tmp_path / "README.md")
    assert text.startswith(f"# {book.BOOK}")
    assert "| map |" in text
    assert "no\n" not in text


def test_a_page_that_is_too_large_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "LIMIT", 1000)
    with pytest.raises(ValueError, match=r"front.html has 0.1 MB; a page has at most"):
        book.write(
            tmp_path,
            {"file": "front.html", "title": "x"},
            [nbformat.v4.new_markdown_cell("# x")],
            {},
            {},
        )


def test_the_front_page_names_every_page_of_the_course():
    text = book.front(book.ROOT / "README.md")
    for path in [*COURSE, book.ROOT / "notebooks" / "teachers_guide.md"]:
        assert f"](notebooks/{path.name})" in text
