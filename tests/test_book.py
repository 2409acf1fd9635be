"""The book: what is run, what each panel may take, what is on the first page.

Pages are tried in tests/browser/test_pages.py.
"""

import contextlib

import nbformat
import pytest

from helpers.press import book
from helpers.press.cells import VIEW

README = book.ROOT / "README.md"
COURSE = sorted((book.ROOT / "notebooks").glob("*.ipynb"))


def share_out(monkeypatch, path, *marks):
    """Return what each panel of a notebook may take, one cell for each mark: "panel" or "quiz".

    Nothing is run; each album is as large as it may be.
    """
    cells = [nbformat.v4.new_markdown_cell("# Title")]
    for number, mark in enumerate(marks):
        output = nbformat.v4.new_output("display_data", {VIEW: {"model_id": f"{mark}{number}"}})
        metadata = {"tags": ["quiz"]} if mark == "quiz" else {}
        cells.append(nbformat.v4.new_code_cell(metadata=metadata, outputs=[output]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    shares = []

    def answer(_, line):
        if line.startswith("%album panel"):
            shares.append(int(line.split()[2]))
            return {"base": "x" * (shares[-1] * 4 // 3)}

    monkeypatch.setattr(book, "ask_kernel", answer)
    monkeypatch.setattr(book.NotebookClient, "execute_cell", lambda *_: None)
    monkeypatch.setattr(book.NotebookClient, "setup_kernel", lambda _: contextlib.nullcontext())
    book.run_cells(path)
    return shares


def test_panels_share_the_room_of_a_page_and_questions_take_none(monkeypatch, tmp_path):
    path = tmp_path / "one.ipynb"
    alone = share_out(monkeypatch, path, "panel", "panel")
    assert alone == [book.MAX_PANEL_BYTES] * 2
    asked = share_out(monkeypatch, path, "quiz", "panel", *["quiz"] * 9, "panel", "quiz")
    assert asked == alone
    first, *others = share_out(monkeypatch, path, "quiz", *["panel"] * 8)
    assert first == book.PICTURE_BYTES - 7 * book.MIN_PANEL_BYTES
    assert others == [book.MIN_PANEL_BYTES] * 7


def test_albums_come_from_the_kernel_and_leave_no_trace_in_the_notebook(tmp_path):
    """In a folder with a space, an umlaut and a dollar."""
    panel = """
from helpers import explore, plots

def lift(height=0.5):
    print("moved")
    return f"Height {height:.1f}."

explore.explore(plots.figure(size=(3, 2))[0], lift, height=(0.0, 1.0, 0.5))
"""
    quiz = """
from helpers.quizzes.quiz import Question
Question("2 + 2?", [("3", "One less."), ("4", "The sum."), ("22", "Joined.")], right=1)
"""
    names = "print(*sorted(name for name in globals() if name[0] != '_'))"
    sources = [panel, quiz, "import ipywidgets\nipywidgets.Text()", names]
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
    folder = tmp_path / "ein Büro für $HOME"
    folder.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "one.ipynb")
    ran, albums = book.run_cells(folder / "one.ipynb")
    assert [cell.execution_count for cell in ran] == [1, 2, 3, 4]
    of_panel, of_quiz = albums.values()
    sentences = [sentence for _, sentence in of_panel["frames"].values()]
    assert sentences == ["Height 0.0.", "Height 0.5.", "Height 1.0."]
    assert of_quiz["quiz"]["ask"] == "2 + 2?"
    known = "In Out Question exit explore get_ipython ipywidgets lift open plots quit"
    assert ran[-1].outputs[0].text == known + "\n"


def test_what_a_panel_or_a_question_stores_for_where_no_kernel_runs_is_left_out():
    def output(**data):
        return nbformat.v4.new_output("display_data", data)

    text = output(**{"text/plain": "x"})
    outputs = [text, output(**{VIEW: {"model_id": "panel"}}), text, text, text]
    outputs += [output(**{VIEW: {"model_id": "quiz"}}), text, text]
    albums = {"panel": {"frames": {}}, "quiz": {"quiz": {}}}
    shown = book.convert_cell(nbformat.v4.new_code_cell("1", outputs=outputs), None, albums)
    kept = {"text": "x"}
    assert shown["outputs"] == [kept, albums["panel"], kept, albums["quiz"], kept]


def test_a_picture_that_is_there_as_a_whole_is_no_cover_as_well():
    positions = [{"cover": 0}, {"cover": 2}]  # the picture of cover 0 is the base itself
    album = {"covers": ["", "one", "two"], "positions": positions, "frames": {}}
    assert book.spare_covers(album) == album | {"covers": ["", "one", None]}


def test_the_front_page_has_the_map_of_the_readme(tmp_path):
    readme = "# x\n\n## Start\n\nno\n\n## The course\n\n| map & <b> |\n\n## In class\n\nno\n"
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    text = book.compose_front(tmp_path / "README.md")
    assert text.startswith(f"# {book.BOOK}")
    assert "| map & <b> |" in text
    assert "no\n" not in text


def test_hidden_files_are_no_pages_of_the_course(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    for name in ("._01_a.ipynb", "._guide.md"):
        (tmp_path / "notebooks" / name).write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / "notebooks" / "guide.md").write_text("# The guide", encoding="utf-8")
    monkeypatch.setattr(book, "ROOT", tmp_path)
    pages = book.build(tmp_path / "book", readme=README)
    assert [page.name for page in pages] == ["index.html", "guide.html"]


def test_next_to_a_page_is_what_decks_need_of_it(tmp_path, monkeypatch):
    source, ran, kept = tmp_path / "one.md", (["a cell"], {"a panel": "its album"}), []
    source.write_text("# One", encoding="utf-8")
    monkeypatch.setattr(book, "run_cells", lambda source: ran)
    monkeypatch.setattr(book, "write_page", lambda target, page, *_: target / page["file"])
    monkeypatch.setattr(book, "keep_albums", lambda *words: kept.append(words))
    book.build(tmp_path, [source], readme=README)
    assert kept == [(tmp_path / "one.json", *ran)]


def test_a_page_that_is_too_large_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "PAGE_BYTES", 1000)
    page = {"file": "front.html", "title": "x", "folder": tmp_path}
    with pytest.raises(ValueError, match=r"front.html has 0.1 MB; a page has at most"):
        book.write_page(tmp_path, page, [nbformat.v4.new_markdown_cell("# x")], {}, {})


def test_the_front_page_names_every_page_of_the_course():
    text = book.compose_front(README)
    for path in [*COURSE, book.ROOT / "notebooks" / "teachers_guide.md"]:
        assert f"](notebooks/{path.name})" in text
