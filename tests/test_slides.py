"""Where slides begin, and what is on them. tests/browser/test_decks.py tries how decks look."""

import re

import nbformat
import numpy as np
import pytest

from helpers.press import slides
from helpers.press.pictures import encode
from helpers.quizzes.quiz import Question

PNG = encode(np.zeros((2, 4, 3), dtype=np.uint8))


def prose(source, kind=None):
    return marked(nbformat.v4.new_markdown_cell(source), kind)


def code(source, *outputs, kind=None):
    return marked(
        nbformat.v4.new_code_cell(
            source, outputs=[nbformat.from_dict(output) for output in outputs]
        ),
        kind,
    )


def marked(cell, kind):
    if kind:
        cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def data(**bundle):
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {k.replace("_", "/"): v for k, v in bundle.items()},
    }


def deck(tmp_path, *cells):
    """The columns of slides of a notebook: the text of each slide, its steps joined by a bar."""
    nbformat.write(
        nbformat.v4.new_notebook(cells=[prose("# Title"), *cells]), tmp_path / "one.ipynb"
    )
    (path,) = slides.build(tmp_path / "slides", [tmp_path / "one.ipynb"])
    body = (
        path.read_text(encoding="utf-8")
        .split('<div class="slides">')[1]
        .split("</div></div>\n<script>")[0]
    )
    columns = re.findall(
        r"<section>\n((?:\s*<section>.*?</section>\n?)+)</section>", body, re.DOTALL
    )
    return [
        [words(slide) for slide in re.findall(r"<section>(.*?)</section>", column, re.DOTALL)]
        for column in columns
    ]


def words(html):
    return re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", "", html.replace('<div class="fragment">', " | "))
    ).strip()


def test_slides_begin_where_the_metadata_and_the_headings_say(tmp_path):
    cells = [
        prose("one"),
        prose("two", "subslide"),
        prose("three", "slide"),
        prose("hidden", "skip"),
        prose("four", "fragment"),
        code("5"),
        prose("six\n\n## Seven\n\neight", "subslide"),
    ]
    assert deck(tmp_path, *cells) == [
        ["Title one", "two"],
        ["three | four 5", "six"],
        ["Seven eight"],
    ]


def test_notes_are_kept_with_their_slide(tmp_path):
    assert deck(tmp_path, prose("say this", "notes"), prose("on")) == [["Title on say this"]]
    assert '<aside class="notes"><p>say this</p>' in (tmp_path / "slides" / "one.html").read_text(
        encoding="utf-8"
    )


def test_of_a_panel_come_its_picture_and_its_sentence(tmp_path):
    view = {
        "application_vnd.jupyter.widget-view+json": {
            "model_id": "x",
            "version_major": 2,
            "version_minor": 0,
        }
    }
    live = data(text_plain="Interactive panel (x = 1).", **view)
    kept = data(image_png=PNG, text_plain="The picture of this panel.")
    kept["metadata"] = {"image/png": {"alt": "x is 1."}}
    said = data(
        text_plain="x is 1. To move the controls, run this cell.",
        text_html="<p>x is 1. To move</p>",
    )
    assert deck(tmp_path, code("explore.explore(x)", live, kept, said)) == [["Title x is 1."]]


def question_cell(monkeypatch, kind=None):
    """The cell of a question, with the outputs that a run stores."""
    shown = []
    monkeypatch.setattr(
        "helpers.quizzes.quiz.display", lambda bundle, raw: shown.append(data() | {"data": bundle})
    )
    choices = [
        ("3 < 4", "One is lost."),
        ("4", "It is the sum."),
        ("22 & more", "That joins them."),
    ]
    Question("What is 2 & 2?", choices, right=1)._ipython_display_()
    cell = code("quiz.sum", *shown, kind=kind)
    cell.metadata["tags"] = ["quiz"]
    return cell


@pytest.mark.parametrize("outputs", ["both", "only what is stored for where no kernel runs"])
def test_a_question_has_a_slide_with_its_choices_and_no_answer(tmp_path, monkeypatch, outputs):
    cell = question_cell(monkeypatch)
    assert "application/vnd.jupyter.widget-view+json" in cell.outputs[0].data
    cell.outputs = cell.outputs[outputs != "both" :]
    (column,) = deck(tmp_path, cell, code("4", kind="fragment"))
    assert column == ["Title", "What is 2 &amp; 2?3 &lt; 4422 &amp; more | 4"]
    html = (tmp_path / "slides" / "one.html").read_text(encoding="utf-8")
    assert '<ol type="A"><li>3 &lt; 4</li><li>4</li>' in html
    assert not re.search(r"quiz\.sum|It is the sum|To answer", html)


def test_a_question_stands_where_its_metadata_says(tmp_path, monkeypatch):
    assert deck(tmp_path, question_cell(monkeypatch, "skip")) == [["Title"]]
    assert deck(tmp_path, question_cell(monkeypatch, "fragment"))[0][0].startswith(
        "Title | What is 2"
    )


def test_a_question_that_was_not_run_is_left_out(tmp_path, monkeypatch):
    cell = question_cell(monkeypatch)
    cell.outputs = []
    assert deck(tmp_path, cell) == [["Title"]]


def test_a_tall_picture_is_cut_between_its_boxes_into_two_halves_that_are_much_larger():
    pixels = np.full((742, 440), 255, dtype=np.uint8)
    for top in range(9, 742, 40):
        pixels[top : top + 38, 100:300] = 120
    pixels[:, 200] = 0  # a line through all of them
    png = encode(pixels[..., np.newaxis].repeat(3, axis=-1))
    assert slides.find_emptiest_row(png) * 742 in (367, 368)  # the gap nearest to 371
    found = slides.fit_picture({"width": 440, "height": 742, "alt": "x", "png": png}, False)
    assert found["width"] == 560
    assert sum(found["halves"]) == pytest.approx(742 * 560 / 440, abs=1)
    for width, height in [(440, 341), (440, 440), (900, 450)]:
        assert "halves" not in slides.fit_picture(
            {"width": width, "height": height, "alt": "x", "png": png}, False
        )


def test_long_code_is_left_out_and_long_text_comes_in_parts(tmp_path):
    text = {"output_type": "stream", "name": "stdout", "text": "\n".join(map(str, range(20)))}
    (column,) = deck(tmp_path, code("a = 1\n" * 30, text), code("b = 1\n" * 30))
    assert "a = 1" not in column[0]
    html = (tmp_path / "slides" / "one.html").read_text(encoding="utf-8")
    assert [
        part.count("\n") + 1
        for part in re.findall(r'<pre class="output">(.*?)</pre>', html, re.DOTALL)
    ] == [16, 4]


@pytest.mark.parametrize(
    ("size", "sentence", "expected"), [((100, 50), "", (1120, 560)), ((400, 20), "", (1160, 58))]
)
def test_pictures_are_as_large_as_a_slide_allows(size, sentence, expected):
    found = slides.fit_picture(
        {"width": size[0], "height": size[1], "alt": "x", "png": ""}, bool(sentence)
    )
    assert (found["width"], found["height"]) == expected


def test_the_links_to_the_neighbours_are_left_out(tmp_path):
    title = "What.\n\nBefore: [0](a.ipynb) ·\nNext: [2](b.ipynb)"
    assert deck(tmp_path, prose(title), prose("Next: [2](b.ipynb)")) == [["Title What."]]


def test_a_deck_carries_everything_with_it(tmp_path):
    deck(tmp_path, prose("$a^{[l]}$"))
    html = (tmp_path / "slides" / "one.html").read_text(encoding="utf-8")
    assert "<math" in html
    assert not re.search(r"<script[^>]+src=|<link\b(?![^>]*data:)|@import|MathJax|requirejs", html)
