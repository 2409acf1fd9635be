"""What a deck takes from its text and its notebook, and what the texts of the course may say.

tests/browser/test_decks.py tries how decks look and move.
"""

import json
import re
import shutil
from html import unescape

import nbformat
import numpy as np
import pytest

from helpers.press import slides
from helpers.press.albums import find_albums, keep_albums, narrow, thin
from helpers.press.cells import VIEW
from helpers.press.pictures import encode
from helpers.press.reading import read_notebook
from helpers.press.teacher import explain
from helpers.quizzes.texts import read_beside
from helpers.setup.machine import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PNG = encode(np.zeros((2, 4, 3), dtype=np.uint8))
TITLE = "# Title\n\n**A claim.**\n"


def code(source, *outputs, name):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs))
    cell.id = name
    return cell


def picture(alt, **more):
    data = {"image/png": PNG, "text/plain": "A picture."} | more
    return nbformat.v4.new_output("display_data", data, metadata={"image/png": {"alt": alt}})


def panel(alt):
    """The outputs of a panel, as they are stored."""
    return nbformat.v4.new_output("display_data", {VIEW: {"model_id": "x"}}), picture(alt)


def deck(folder, text, *cells):
    """The HTML of a deck, and how many of its panels stand still."""
    (folder / "slides").mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), folder / "02_one.ipynb")
    (folder / "slides" / "02_one.md").write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "notebooks" / "questions", folder / "questions", dirs_exist_ok=True)
    ((path, still),) = slides.build(folder / "build" / "slides", [folder / "02_one.ipynb"]).items()
    return path.read_text(encoding="utf-8"), still


def shown(html):
    """The words on each slide and those of its notes: [(wall, notes)]."""
    body = html.split('<div class="slides">')[1].split("<script>")[0]
    found = re.findall(r"<section>(.*?)<aside[^>]*>(.*?)</aside>", body, re.DOTALL)
    return [tuple(map(words, pair)) for pair in found]


def words(html):
    text = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def test_headings_begin_slides_and_quoted_lines_are_for_the_speaker(tmp_path):
    text = TITLE + "\n> **0–1** Say\n> this.\n\n## A *second* claim\n\nWords. `code: x`\n"
    html, _ = deck(tmp_path, text)
    assert shown(html) == [
        ("Title A claim.", "0–1 Say this."),
        ("A second claim Words. code: x", ""),
    ]
    assert "<title>Title</title>" in html


def test_pictures_stand_where_the_text_names_them(tmp_path):
    text = TITLE + "\n## Look\n\nBefore.\n\n`picture: drawn`\n\nAfter.\n\n`numbers: counted`\n"
    cells = code("x", picture("Alt."), name="drawn"), code("2 + 2", name="counted")
    html, still = deck(tmp_path, text, *cells)
    assert shown(html)[1] == ("Look Before. After.", "In the notebook: drawn , counted")
    assert html.count(f'src="data:image/png;base64,{PNG}" alt="Alt."') == 1
    assert html.index("Before.") < html.index("Alt.") < html.index("After.")
    assert still == 0


def test_a_panel_without_a_book_is_its_picture_and_its_sentence(tmp_path):
    cell = code("x", *panel("x is 1."), name="moved")
    html, still = deck(tmp_path, TITLE + "\n`picture: moved`\n", cell)
    assert shown(html)[0][0] == "Title A claim. x is 1."
    assert still == 1


def test_a_question_waits_with_its_answer(tmp_path):
    asked = code("quiz.bias_that_stays", name="ask")
    html, _ = deck(tmp_path, TITLE + "\n## Vote\n\n`question: ask`\n", asked)
    wall, notes = shown(html)[1]
    assert wall.startswith("Vote Only W decays, and b stays as it was.")
    assert '<li class="right">Near the identity, a little off</li>' in html
    assert '<p class="answer fragment"><b>✓ A.</b> With W[l+2] = 0' in html
    assert notes.startswith("A, right. With W[l+2] = 0")
    assert "C. Most of the block is W" in notes


@pytest.mark.parametrize("line", ["picture: none", "numbers: none", "question: none"])
def test_a_text_that_names_what_is_not_there_is_refused(tmp_path, line):
    said = r"one\.md names 'none', which 02_one\.ipynb does not have"
    with pytest.raises(ValueError, match=said):
        deck(tmp_path, TITLE + f"\n`{line}`\n", code("x", name="other"))
    with pytest.raises(ValueError, match="names 'a picture of none'"):
        deck(tmp_path, TITLE + "\n`picture: none`\n", code("x", name="none"))


def test_a_notebook_without_a_text_has_no_deck(tmp_path):
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "02_one.ipynb")
    with pytest.raises(OSError, match=r"one\.md"):
        slides.build(tmp_path / "build", [tmp_path / "02_one.ipynb"])


def test_by_default_each_text_becomes_a_deck_whatever_else_is_there(tmp_path, monkeypatch):
    deck(tmp_path / "notebooks", TITLE)
    for name in ("03_two", "Untitled"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / "notebooks" / f"{name}.ipynb")
    (tmp_path / "notebooks" / "slides" / "03_two.md").write_text(TITLE, encoding="utf-8")
    monkeypatch.setattr(slides, "ROOT", tmp_path)
    assert [path.stem for path in slides.build(tmp_path / "slides")] == ["02_one", "03_two"]


def test_a_deck_carries_everything_with_it_and_is_small(tmp_path, monkeypatch):
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "a.png").write_bytes(b"\x00")
    html, _ = deck(tmp_path, TITLE + "\n$a^{[l]}$ ![x](a.png)\n")
    assert "<math" in html
    assert 'src="data:image/png;base64,AA=="' in html
    assert not re.search(r"<script[^>]+src=|<link\b(?![^>]*data:)|@import|MathJax|requirejs", html)
    monkeypatch.setattr(slides, "DECK_BYTES", 1_000)
    with pytest.raises(ValueError, match=r"one\.html has 0\.2 MB, more than 0"):
        deck(tmp_path, TITLE)


# What a deck takes from a book.


def album():
    """The album of a panel with a switch and two sliders, in which all combinations are there."""
    controls = [
        {"type": "switch", "label": "thick", "texts": ["off", "on"], "initial": 1},
        {"type": "slider", "label": "x", "texts": ["1", "2", "3"], "initial": 2},
        {"type": "slider", "label": "y", "texts": ["7", "8"], "initial": 0},
    ]
    places = [f"{i},{j},{k}" for i in range(2) for j in range(3) for k in range(2)]
    frames = {place: [number, place] for number, place in enumerate(places)}
    frames["1,1,0"][0] = frames["1,0,0"][0]  # the same picture, number 6
    pictures = {"width": 4, "height": 2, "base": PNG, "covers": [f"cover {n}" for n in range(12)]}
    more = {"fixed": [], "one_at_a_time": True, "positions": ["three"], "sentence": "1,2,0"}
    return {"controls": controls, "frames": frames} | pictures | more


def test_a_book_keeps_the_places_at_which_one_control_has_moved():
    kept = thin(album())
    assert sorted(kept["frames"]) == ["0,2,0", "1,0,0", "1,1,0", "1,2,0", "1,2,1"]
    shown = {place: kept["covers"][number] for place, (number, _) in kept["frames"].items()}
    assert shown["1,0,0"] == shown["1,1,0"] == "cover 6"
    assert sorted(kept["covers"]) == ["cover 10", "cover 11", "cover 4", "cover 6"]
    assert kept["positions"] == []


def test_in_a_deck_one_control_moves():
    first, named = narrow(thin(album())), narrow(thin(album()), "x")
    assert [control["label"] for control in first["controls"]] == ["thick"]
    assert first["fixed"] == [["x", "3"], ["y", "7"]]
    assert not first["one_at_a_time"]  # nothing is said about controls that are not there
    sentences = {at: sentence for at, (_, sentence) in first["frames"].items()}
    assert sentences == {"0": "0,2,0", "1": "1,2,0"}
    assert named["fixed"] == [["thick", "on"], ["y", "7"]]
    assert named["frames"] == {"0": [0, "1,0,0"], "1": [0, "1,1,0"], "2": [1, "1,2,0"]}
    assert named["covers"] == ["cover 6", "cover 10"]
    with pytest.raises(KeyError, match="z"):
        narrow(album(), "z")
    still = album()
    still["controls"][0] |= {"texts": ["off"], "initial": 0}  # it has one place
    assert narrow(still)["controls"] == [still["controls"][1]]


def test_panels_move_if_a_book_of_the_same_code_is_next_to_the_decks(tmp_path):
    cells = code("x", *panel("x is 1."), name="moved"), code("1", name="other")
    page, text = tmp_path / "build" / "book" / "02_one.json", TITLE + "\n`picture: moved; x`\n"
    keep_albums(page, cells, {"x": album()})
    html, still = deck(tmp_path, text, *cells)
    assert still == 0
    kept = re.search(r'<script type="application/json">(.*?)</script>', html)[1]
    assert json.loads(kept)["frames"] == narrow(album(), "x")["frames"]
    assert shown(html)[0][0].startswith("Title A claim. x 3 Recorded with thick = on, y = 7;")
    with pytest.raises(ValueError, match="names 'z', which"):
        deck(tmp_path, text.replace("; x", "; z"), *cells)
    cells[1].source = "2"
    assert find_albums(page, cells) == {}
    assert deck(tmp_path, text, *cells)[1] == 1


def test_questions_and_cells_without_panels_leave_no_file(tmp_path):
    keep_albums(tmp_path / "02_one.json", [code("x", *panel(""), name="a")], {"x": {"quiz": {}}})
    assert [*tmp_path.iterdir()] == []


# The texts of the course.


def lecture(path):
    """The notebook, and its slides; to each of them, the names of its cells."""
    read = slides.read_slides(path.parent / "slides" / f"{path.stem}.md")
    for slide in read:
        named = (names for kind, names in slide["parts"] if kind != "text")
        slide["cells"] = [name for names in named for name in names]
        slide["text"] = "\n".join(what for kind, what in slide["parts"] if kind == "text")
    return read_notebook(path), read


def evidence(path, notebook, names):
    """What these cells contain and show, and why the choices of their questions are right."""
    questions, told = read_beside(path), []
    for cell in (cell for cell in notebook.cells if cell.id in names):
        told.append(cell.source)
        if question := questions.get(cell.source.removeprefix("quiz.")):
            told += [question.ask, explain(question)]
        for output in cell.get("outputs", []):
            told.append(output.get("text", ""))
            told.append(output.get("data", {}).get("text/plain", ""))
            told.append(output.get("metadata", {}).get("image/png", {}).get("alt", ""))
    return "\n".join(told)


NUMBER = r"\d[\d,]*(?:\.\d+)?(?:(?:e|\^)-?\d+)?"


def numbers(text):
    """The numbers of a text, but for code, formulas, layers of names, years of papers."""
    text = re.sub(r"^```.*?^```|`[^`]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\$10\^\{(-?\d+)\}\$", r"10^\1", text)
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|et al\. \d{4}|ercise \d\.\d|^\d\. ", "", text, flags=re.M)
    return {number.rstrip(",") for number in re.findall(NUMBER, text)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_number_stands_in_a_cell_that_its_slide_names(path):
    notebook, read = lecture(path)
    for slide in read:
        told = evidence(path, notebook, slide["cells"])
        there = {number.rstrip(",") for number in re.findall(NUMBER, told)} if told else {"0", "1"}
        assert numbers(slide["text"]) <= there, slide["title"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_code_on_a_slide_is_code_of_the_course(path):
    """It may be broken into lines in another way."""
    notebook, read = lecture(path)
    for slide in read:
        told = evidence(path, notebook, slide["cells"])
        front = (ROOT / "helpers" / "block.py").read_text(encoding="utf-8")
        for block in re.findall(r"^```\w*\n(.*?)^```", slide["text"], re.MULTILINE | re.DOTALL):
            assert squeeze(block) in squeeze(told) + squeeze(front), slide["title"]


def squeeze(text):
    """Code without its comments, its spaces, and the commas that a formatter adds."""
    return re.sub(r"#.*|\s|,(?=\s*\))", "", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_control_that_a_text_names_is_there(path):
    notebook, read = lecture(path)
    moves = {name: label for slide in read for name, label in slide["moves"].items() if label}
    for name, label in moves.items():
        assert f"{label} = " in evidence(path, notebook, [name])


GUIDE = (ROOT / "notebooks" / "teachers_guide.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_deck_keeps_step_with_the_plan_of_the_guide(path):
    """Its minutes add up to the plan's, and what the plan shows is on a slide."""
    part = re.search(rf"^### \[.*?\]\({path.name}\)\n(.*?)\n\*\*Pan", GUIDE, re.M | re.DOTALL)
    assert part, "the guide has no section with its plan and its panels"
    plan = re.findall(r"^\| (\d+)–(\d+) \| (.*) \|$", part[1], re.MULTILINE)
    notebook, read = lecture(path)
    minutes = [re.match(r"\*\*(\d+)–(\d+)\*\* \S", slide["notes"]) for slide in read]
    assert all(minutes), "each slide has notes, and they begin with its minutes"
    begins, ends = ([int(found[which]) for found in minutes] for which in (1, 2))
    assert begins == [0, *ends[:-1]]
    assert {int(end) for _, end, _ in plan} <= set(ends)
    assert ends[-1] == int(plan[-1][1])
    assert len(read) <= max(10, 20 * ends[-1] / 45)
    named = {name for slide in read for name in slide["cells"]}
    for name in re.findall(r"`([\w-]+)`", " ".join(text for *_, text in plan)):
        (cell,) = (cell for cell in notebook.cells if cell.id == name)
        pictured = any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        assert name in named or not (pictured or name.startswith("quiz-")), name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_vote_comes_before_what_answers_it_and_each_slide_says_one_thing(path):
    notebook, read = lecture(path)
    order = [cell.id for cell in notebook.cells]
    for slide in read:
        kinds = [kind for kind, _ in slide["parts"]]
        assert kinds.count("picture") + kinds.count("question") <= 1, slide["title"]
        assert ("question" in kinds) == slide["title"].startswith("Vote: "), slide["title"]
        assert len(re.findall(r"[^\W_]{2,}", slide["text"])) <= 90, slide["title"]
    shows = [(kind, names[0]) for slide in read for kind, names in slide["parts"] if kind != "text"]
    for place, (kind, name) in enumerate(shows):
        if kind == "question":
            later = [other for also, other in shows[place + 1 :] if also != "question"]
            assert order.index(later[0]) > order.index(name), name
