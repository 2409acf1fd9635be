"""The handout: all pages in one, with links that lead within it; what is missing is named."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from helpers.press import book, handout

ROOT = Path(__file__).resolve().parent.parent

PAGE = """<body><nav><a rel="next" href="{}">next</a></nav><main id="text">
<h2 id="A-part">A part</h2><a href="#A-part">here</a> <a href="second.html#A-part">there</a>
<a href="second.html">all</a> <a href="https://arxiv.org/a.html">away</a>
<label for="panel-1">height</label><input id="panel-1">
<script>var x = '<a href="#A-part">';</script>
</main></body>"""


@pytest.fixture
def pages(tmp_path):
    """A book of two pages; the first has a name that begins with digits."""
    (tmp_path / "index.html").write_text(PAGE.format("01_first.html"), encoding="utf-8")
    (tmp_path / "01_first.html").write_text(PAGE.format("second.html"), encoding="utf-8")
    last = PAGE.replace('<a rel="next" href="{}">next</a>', "")
    (tmp_path / "second.html").write_text(last, encoding="utf-8")
    return tmp_path


def test_pages_are_joined_in_their_order_and_links_lead_within(pages):
    html = handout.join(pages)
    articles = [part.split('"')[0] for part in html.split('<article id="')[1:]]
    assert articles == ["index", "01_first", "second"]
    for name in articles:
        assert html.count(f'id="{name}--A-part"') == html.count(f'for="{name}--panel-1"') == 1
        assert f'<a href="#{name}--A-part">here</a>' in html
    assert html.count('<a href="#second--A-part">there</a>') == 3
    assert html.count('<a href="#second">all</a>') == 3
    assert html.count('href="https://arxiv.org/a.html"') == 3
    assert "<script" not in html
    assert "A4" in html


def test_names_of_pages_may_have_any_signs(tmp_path):
    """From the notebooks of a teacher to the book, and on to the handout."""
    names = ["Übung 1 (neu)", "Woche #2", "50% fertig?"]
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        link = f"{quote(other)}.md"
        text = f"# {name}\n\n[a]({link}) [b]({link}#A-part)\n\n## A part\n"
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    paths = book.build(tmp_path / "book", [tmp_path / f"{name}.md" for name in names])
    assert [path.stem for path in paths] == ["index", *names]
    first = paths[1].read_text(encoding="utf-8")
    assert first.count('<a rel="next" href="Woche%20%232.html">') == 2
    html = handout.join(tmp_path / "book")
    ids = {unescape(one) for one in re.findall(r'\sid="([^"]*)"', html)}
    places = [unquote(unescape(one)) for one in re.findall(r'href="#([^"]*)"', html)]
    assert {place for name in names for place in (name, f"{name}--A-part")} <= set(places) <= ids


def test_a_book_that_was_not_built_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"index\.html is missing: make book writes it"):
        handout.build(tmp_path, tmp_path / "handout.pdf")


def test_without_a_browser_the_page_is_there_to_be_printed(pages, monkeypatch):
    monkeypatch.setattr(handout.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match=r"install it .*, or open .*handout\.html in any browser"):
        handout.build(pages, pages / "new" / "handout.pdf")
    assert (pages / "new" / "handout.html").exists()


def test_a_browser_that_prints_nothing_is_named_with_what_it_said(pages, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stderr="no space left")
    monkeypatch.setattr(handout.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(handout.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match=r"/bin/chromium has printed no PDF .* no space left"):
        handout.build(pages, pages / "handout.pdf")


def test_a_second_handout_takes_the_place_of_the_first(pages, monkeypatch):
    printed = iter([b"%PDF once", b"%PDF again"])

    def run(command, **_):
        (target,) = (word for word in command if word.startswith("--print-to-pdf="))
        Path(target.removeprefix("--print-to-pdf=")).write_bytes(next(printed))
        return subprocess.CompletedProcess(command, 0, stderr="")

    monkeypatch.setattr(handout.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(handout.subprocess, "run", run)
    handout.build(pages, pages / "handout.pdf")
    changed = (pages / "second.html").read_text(encoding="utf-8").replace("A part", "A new part")
    (pages / "second.html").write_text(changed, encoding="utf-8")
    handout.build(pages, pages / "handout.pdf")
    assert (pages / "handout.pdf").read_bytes() == b"%PDF again"
    assert "A new part" in (pages / "handout.html").read_text(encoding="utf-8")


def test_a_handout_that_cannot_be_written_is_one_sentence(pages):
    (pages / "handout.pdf").write_bytes(b"%PDF of a thesis")
    command = [sys.executable, "-m", "helpers.press.handout", pages, pages / "handout.pdf"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "handout.pdf holds something that this course did not write" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_pdf_of_somebody_else_stays_as_it_is(pages):
    (pages / "handout.pdf").write_bytes(b"%PDF of a thesis")
    with pytest.raises(FileExistsError, match=r"handout\.pdf holds something that this course did"):
        handout.build(pages, pages / "handout.pdf")
    assert (pages / "handout.pdf").read_bytes() == b"%PDF of a thesis"
