"""Cells as HTML: mathematics, links, headings, pictures, outputs."""

import base64
import io
import re
from html import unescape

import nbformat
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from helpers.press import cells
from helpers.setup.machine import ROOT

COURSE = sorted((ROOT / "notebooks").glob("*.ipynb"))


def markdown_of(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def rendered(text, links=None):
    prose = cells.Prose(links or {})
    return prose.convert(text), prose


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_all_mathematics_of_the_course_becomes_mathml_in_the_font_of_the_book(path):
    letters = set(TTFont(cells.PAGES / "math.woff").getBestCmap())
    for source in markdown_of(path):
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
    assert expected in unescape(cells.convert_math(latex, "inline"))


def test_mathematics_that_would_be_shown_with_its_backslash_is_named():
    with pytest.raises(ValueError, match="no MathML for"):
        cells.convert_math(r"\unheardof{x}", "inline")


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
    links = {
        "02_next.ipynb": "02_next.html",
        "guide.md": "guide.html",
        "My plan.md": "My plan.html",
    }
    html, _ = rendered(
        "[a](02_next.ipynb) [b](notebooks/02_next.ipynb#One-place) [c](../data/README.md) "
        "[d](https://arxiv.org) [e](#here) [f](guide.md) [g](My%20plan.md)",
        links,
    )
    assert re.findall(r'href="(.*?)"', html) == [
        "02_next.html",
        "02_next.html#One-place",
        "https://arxiv.org",
        "#here",
        "guide.html",
        "My%20plan.html",
    ]
    assert " c " in html


def test_pictures_that_are_attached_or_there_become_part_of_the_page(tmp_path):
    (tmp_path / "my ü.png").write_bytes(b"\x00")
    (tmp_path / "unknown").write_bytes(b"\x00")
    (tmp_path / "folder.png").mkdir()
    prose = cells.Prose({}, tmp_path)
    attachments = {"one 1.jpg": {"image/jpeg": "abc="}}
    for source, kind, picture in (
        ("![x](my%20ü.png)", "png", "AA=="),
        ("<img alt='x' src='my ü.png'>", "png", "AA=="),
        ("![x](attachment:one%201.jpg)", "jpeg", "abc="),
        ('Look: <img src="attachment:one 1.jpg">', "jpeg", "abc="),
    ):
        assert f"data:image/{kind};base64,{picture}" in prose.convert(source, attachments)
    for left in (
        "unknown",
        "folder.png",
        "there.png",
        "attachment:there.png",
        "https://example.org/a%20b.png",
    ):
        assert f'src="{left}"' in prose.convert(f"![x]({left})")


def test_headings_have_ids_of_their_own_and_make_the_contents():
    html, prose = rendered(
        "# Title\n\n## One more\n\n## One more\n\n## Shrink $W$ [now](https://x.org)\n\n### Small"
    )
    ids = re.findall(r'id="(.*?)"', html)
    assert ids == ["Title", "One-more", "One-more-1", "Shrink-W-now", "Small"]
    assert [name for name, _ in prose.headings] == ids[1:4]
    assert "<math" in prose.headings[2][1]
    assert prose.headings[2][1].endswith("</math> now")  # the contents are links already


def test_an_empty_head_of_a_table_is_none_and_what_scrolls_takes_the_focus():
    html, _ = rendered("| | b |\n|---|:-:|\n| 1 | 2 |\n\n```python\nx = 1\n```\n\n$$x$$")
    assert re.findall(r"<th[^>]*>(.*?)</th>", html) == ["b"]
    assert 'style="text-align:center">2</td>' in html
    for box in ('<div class="table"', "<pre", '<math tabindex="0"'):
        assert re.search(rf'{box}[^>]*tabindex="0"|tabindex="0"', html[html.index(box) :])


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_the_heads_of_tables_have_words(path):
    """What reads a page aloud does not take a formula for one."""
    for source in markdown_of(path):
        for head in re.findall(r"<th[^>]*>(.*?)</th>", rendered(source)[0], re.DOTALL):
            assert re.sub(r"<math.*?</math>", "", head, flags=re.DOTALL).strip(), head


def test_pictures_are_small_and_look_the_same():
    noise = np.random.default_rng(0).integers(0, 4, (40, 60, 3)) * 60
    buffer = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(buffer, "png")
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    output = nbformat.v4.new_output("display_data", {"image/png": encoded})
    small = cells.convert_output(output)
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
    "colours": (
        {"output_type": "error", "traceback": ["\x1b[0;31mValueError\x1b[0m: 1"]},
        {"text": "ValueError: 1"},
    ),
    "markdown": (
        {"output_type": "display_data", "data": {"text/markdown": "**1**", "text/plain": "<x>"}},
        {"html": "<p><strong>1</strong></p>\n"},
    ),
    "photograph": (
        {"data": {"image/jpeg": "abc=", "text/plain": "<x>"}},
        {"html": '<img src="data:image/jpeg;base64,abc=" alt="picture">'},
    ),
    "vector graphics": (
        {"data": {"image/svg+xml": "<svg/>"}, "metadata": {"image/svg+xml": {"alt": '"'}}},
        {"html": '<img src="data:image/svg+xml;base64,PHN2Zy8+" alt="&quot;">'},
    ),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_outputs(kind):
    output, expected = OUTPUTS[kind]
    assert cells.convert_output(nbformat.from_dict(output)) == expected


def test_a_text_that_repeats_the_words_of_a_picture_is_left_out():
    picture = {"output_type": "display_data", "data": {"image/png": "x"}}
    picture["metadata"] = {"image/png": {"alt": "a < b"}}
    words, more = ({"data": {"text/plain": text}} for text in ("a < b", "a < b. Run this cell."))
    for outputs, kept in (
        ([picture, words, words], [picture, words]),
        ([words, picture, more], [words, picture, more]),
        ([words, words], [words, words]),
        ([], []),
    ):
        cell = nbformat.from_dict({"outputs": outputs})
        assert cells.list_outputs(cell) == nbformat.from_dict(kept)


def test_mathematics_in_outputs():
    output = nbformat.from_dict({"output_type": "display_data", "data": {"text/latex": "$$x^2$$"}})
    html = cells.convert_output(output)["html"]
    assert html.startswith('<math tabindex="0"')
    assert 'display="block"' in html
