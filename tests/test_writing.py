"""Every file that the course writes: whole or not at all, and never over somebody else's."""

import errno
import os
import re
import stat
from pathlib import Path

import nbformat
import pytest
import small_paper
from small_paper import SMALL, small_net

from helpers.files import writing
from helpers.press import book, cells, slides, teacher
from helpers.studies import depths, paper, recipe

data = small_paper.data
ROOT = Path(__file__).resolve().parent.parent


def is_ours(path):
    return path.read_bytes().startswith(b"ours")


def write(path, text="ours, new"):
    writing.write(path, text, is_ours)


def test_a_file_is_written_and_replaced_with_its_folders(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    write(path, "ours: ä")
    assert path.read_bytes() == "ours: ä".encode()
    write(path, b"ours again")
    assert path.read_bytes() == b"ours again"
    assert [*path.parent.iterdir()] == [path]


FOREIGN = {
    "text": b"my notes",
    "a table": b"a,b\n1,2\n",
    "a picture": b"\x89PNG\r\n\x1a\n",
    "JSON": b'{"mine": 1}',
    "another list": b"[1, 2]",
    "nothing": b"",
    "a notebook": nbformat.writes(nbformat.v4.new_notebook()).encode(),
    "a page": b"<!DOCTYPE html><html><head></head></html>",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize(
    "is_own", [is_ours, writing.has_keys("made", "rows"), cells.is_page, lambda path: 1 / 0]
)
def test_what_is_not_ours_stays(tmp_path, content, is_own):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileExistsError, match="file holds something that this course"):
        writing.write(path, "ours", is_own)
    assert path.read_bytes() == content
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    for name, kind, sentence in (
        ("folder", IsADirectoryError, "folder is a folder; choose another name for the file"),
        ("file/within", NotADirectoryError, "file is a file, not a folder"),
        ("pipe", FileExistsError, "did not write, and stays"),
        ("loop", FileExistsError, "is a link that leads nowhere|did not write"),
    ):
        with pytest.raises(kind, match=sentence):
            writing.check(tmp_path / name, is_ours)
        with pytest.raises(kind, match=sentence):
            write(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "loop", "pipe"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "link", tmp_path / "there" / "file"
    link.symlink_to(file)
    write(link)  # there is nothing yet
    write(link, "ours, too")
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == "ours, too"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="link holds something that this course did not"):
        write(link)


@pytest.mark.parametrize("what", ["the folder", "the file"])
def test_what_may_not_be_written_is_said_at_once(tmp_path, monkeypatch, what):
    """Root may write everywhere, so the answer of the system is set here."""
    path = tmp_path / "file"
    path.write_text("ours", encoding="utf-8")
    closed = {"the folder": tmp_path, "the file": path}[what]
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != closed)
    with pytest.raises(PermissionError, match="file may not be written by you; choose another"):
        writing.check(path, is_ours)
    assert path.read_text(encoding="utf-8") == "ours"


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    write(path, "ours, old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match=r"file cannot be written \(No space left on device\); noth"):
        write(path)
    assert path.read_text(encoding="utf-8") == "ours, old"
    assert [*tmp_path.iterdir()] == [path]


def test_the_whole_file_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    write(tmp_path / "file", "ours, new")
    assert sizes == [9]


def test_a_real_full_disk_leaves_what_was_there(tmp_path):
    """/dev/full has no room, ever."""
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a full disk at hand")
    path, part = tmp_path / "file", tmp_path / f".file.{os.getpid()}.part"
    write(path, "ours, old")
    part.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        write(path)
    assert path.read_text(encoding="utf-8") == "ours, old"


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    path = tmp_path / "file"
    write(path, "ours, old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(path)
    assert path.read_text(encoding="utf-8") == "ours, old"
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_has_the_rights_that_any_new_file_has(tmp_path):
    write(tmp_path / "file")
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "other")]
    assert modes[0] == modes[1]


def notebook(folder):
    folder.mkdir()
    cells = [nbformat.v4.new_markdown_cell("# One")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "01_one.ipynb")
    (folder / "solutions").mkdir()
    (folder / "solutions" / "01.md").write_text("", encoding="utf-8")
    (folder / "slides").mkdir()
    (folder / "slides" / "01_one.md").write_text("# One\n", encoding="utf-8")
    return folder / "01_one.ipynb"


SHORT = {"iterations": 2, "batch": 8}
ROWS = f"8-inside-0{recipe._mark(SHORT)}.jsonl"


def make_table(path, _):
    runs = depths.grid((8,), (0,), (0.01,), width=1, epochs=1)
    depths.run(runs, target=path, workers=0)


def make_rows(path, pixels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "cifar10", lambda *_, **__: pixels)
        recipe.run(8, out=path.parent, **SHORT)


def make_checkpoint(path, pixels):
    list(paper.train(small_net(), pixels, checkpoint=path, **{"iterations": 2, **SMALL}))


def make_page(path, _):
    source = path.parent / "source" / "01_one.ipynb"
    readme = path.parent / "source" / "README.md"
    if not source.exists():
        notebook(path.parent / "source")
        readme.write_text("## The course\n\nOne.\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "run_cells", lambda source: (book.read_cells(source), {}))
        book.build(path.parent, [source], readme)


def make_deck(path, _):
    source = path.parent / "source" / "01_one.ipynb"
    slides.build(path.parent, [source if source.exists() else notebook(source.parent)])


MAKERS = {
    "the table of a study": (make_table, "table.json"),
    "the rows of the recipe": (make_rows, ROWS),
    "a checkpoint": (make_checkpoint, "net.pt"),
    "a page": (make_page, "01_one.html"),
    "the index": (make_page, "index.html"),
    "a deck": (make_deck, "01_one.html"),
}


@pytest.mark.parametrize(("make", "name"), MAKERS.values(), ids=MAKERS)
def test_each_of_our_files_is_replaced_and_no_other(tmp_path, data, make, name):
    path = tmp_path / name
    make(path, data)
    made = path.read_bytes()
    make(path, data)  # once more over what we wrote
    assert len(path.read_bytes()) == pytest.approx(len(made), rel=0.1)
    assert not [*tmp_path.glob(".*.part")]
    for content in FOREIGN.values():
        if make is make_rows and content == b"":
            continue  # a run that was stopped before its first row
        path.write_bytes(content)
        with pytest.raises((OSError, ValueError), match=f"{name} .*stays as it is"):
            make(path, data)
        assert path.read_bytes() == content
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=f"{name} is a folder"):
        make(path, data)


def test_a_teachers_notebook_never_replaces_its_source(tmp_path):
    source = notebook(tmp_path / "notebooks")
    before = source.read_bytes()
    for force in (False, True):
        with pytest.raises(ValueError, match="is the notebook itself: choose another folder"):
            list(teacher.build(source.parent, [source], force=force))
    (tmp_path / "build" / source.name).mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="is a folder; choose another name"):
        list(teacher.build(tmp_path / "build", [source]))
    assert source.read_bytes() == before


def test_all_stored_results_count_as_ours():
    results = [*(ROOT / "tests" / "benchmarks" / "results").glob("*.json")]
    assert len(results) >= 3
    for path in results:
        writing.check(path, writing.has_keys("machine"))
    writing.check(depths.RESULTS, depths.is_table)


WRITES = r"\.write_(text|bytes)\(|open\([^)]*[\"'][wax]b?\+?[\"']|os\.replace|nbformat\.write\("


def test_nothing_in_the_helpers_writes_by_itself():

    allowed = {"files/writing.py", "setup/environment.py", "studies/store.py"}
    allowed |= {"exercises/marks.py", "exercises/reset.py"}  # add lines; never over another file
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        name = path.relative_to(ROOT / "helpers").as_posix()
        if name not in allowed:
            assert not re.search(WRITES, path.read_text(encoding="utf-8")), name
