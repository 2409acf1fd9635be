"""The self-check: every common mistake gets a line that says how to mend it, and nothing stops the
report.
"""

import importlib
import importlib.metadata
import os
import re
import sys
from pathlib import Path

import pytest

from helpers.setup import installation, origins

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = installation.COURSE  # before a test replaces it
OWN = ["Python", *installation.PACKAGES, "sliders", "helpers", "files", "cores"]


@pytest.fixture(autouse=True)
def in_the_notebooks(monkeypatch, tmp_path):
    """Where Jupyter starts the kernel of a notebook: the folder notebooks/ of a course, which is
    the one imported.
    """
    for name in ("helpers", "notebooks"):
        (tmp_path / "course" / name).mkdir(parents=True)
    (tmp_path / "course" / "why_resnets_work.py").touch()
    monkeypatch.setattr(installation, "COURSE", tmp_path / "course")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))  # no environment of the Makefile
    monkeypatch.chdir(tmp_path / "course" / "notebooks")


def lines(**checks):
    """The report as {what was checked: (mark, sentence)}."""
    parts = [
        re.fullmatch(r"(ok  |mend)  (\S+) +(\S.*)", line).groups()
        for line in installation.report(**checks)
    ]
    return {name: (mark.strip(), sentence) for mark, name, sentence in parts}


def without(monkeypatch, missing):
    """Hide one installed package from importlib.metadata."""
    real = importlib.metadata.version

    def version(name):
        if name == missing:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def with_broken(monkeypatch, module, error):
    real = importlib.import_module

    def import_module(name):
        if name == module:
            raise error
        return real(name)

    monkeypatch.setattr(importlib, "import_module", import_module)


def test_all_is_fine_here():
    report = lines()
    assert list(report) == OWN
    assert {mark for mark, _ in report.values()} == {"ok"}
    assert sys.version.startswith(report["Python"][1])
    assert report["torch"][1] == importlib.metadata.version("torch")
    assert (
        report["sliders"][1]
        == f"drawn by jupyterlab_widgets {importlib.metadata.version('jupyterlab_widgets')}"
    )


def test_the_imported_course_is_this_one():
    assert IMPORTED == ROOT


def test_the_sentences_stand_below_each_other():
    report = installation.report(a_check_with_a_long_name=lambda: "start", broken=lambda: 1 / 0)
    assert {line.index(line.split(maxsplit=2)[2]) for line in report} == {
        4 + 2 + len("a_check_with_a_long_name") + 2
    }
    assert all("\n" not in line for line in report)


@pytest.mark.parametrize("name", installation.PACKAGES)
def test_a_missing_package_is_named(monkeypatch, tmp_path, name):
    without(monkeypatch, name)
    command = f'%pip install -e "{tmp_path / "course"}"'
    report = lines()
    assert report.pop(name) == (
        "mend",
        f"not installed: run  {command}  in a cell, then restart the kernel",
    )
    assert {mark for mark, _ in report.values()} == {"ok"}


@pytest.mark.parametrize(("name", "module"), [("torch", "torch"), ("Pillow", "PIL")])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("libtorch.so: cannot open\nand forty more lines"), "libtorch.so: cannot open"),
        (ImportError(), "ImportError()"),
        (KeyError("path"), "KeyError('path')"),
    ],
)
def test_a_package_that_cannot_be_imported_is_named(monkeypatch, name, module, error, said):
    with_broken(monkeypatch, module, error)
    version = importlib.metadata.version(name)
    mend = f"run  %pip install --force-reinstall {name}  in a cell, then restart the kernel"
    assert lines()[name] == (
        "mend",
        f"{version} is installed, but cannot be imported ({said}): {mend}",
    )


@pytest.mark.parametrize(
    ("outer", "inner", "name"),
    [
        ("/x/site-packages/outer/__init__.py", "/x/site-packages/inner.py", "inner"),
        ("/x/site-packages/outer/a.py", "C:\\x\\dist-packages\\inner\\b.py", "inner"),
        ("/x/site-packages/outer/a.py", "/x/mine.py", "outer"),
        ("/x/mine.py", "/x/packages/inner.py", None),
    ],
)
def test_of_all_packages_that_an_error_passed_the_last_is_named(outer, inner, name):
    call = {"call": lambda: exec(compile("1 / 0", inner, "exec"))}
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile("call()", outer, "exec"), call)
    assert origins.find_package(caught.value) == name


def test_a_broken_package_on_the_path_is_noticed(monkeypatch, tmp_path):
    """The same without a stand-in for the import: a file that raises, in front of everything else
    on the path.
    """
    (tmp_path / "jupyterlab.py").write_text("import a_module_that_is_not_there\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "jupyterlab", raising=False)
    mark, sentence = lines()["jupyterlab"]
    assert mark == "mend"
    assert f"{tmp_path / 'jupyterlab.py'} is in the way of the module jupyterlab" in sentence


def test_sliders_that_would_appear_as_text_are_noticed(monkeypatch):
    without(monkeypatch, "jupyterlab_widgets")
    report = lines()
    mark, sentence = report.pop("sliders")
    assert mark == "mend"
    assert (
        "%pip install jupyterlab_widgets  in a cell, then restart the kernel and reload the page"
        in sentence
    )
    assert {mark for mark, _ in report.values()} == {"ok"}


def test_helpers_of_another_copy_are_noticed(monkeypatch, tmp_path):
    other = tmp_path / "my other copy"
    for name in ("helpers", "notebooks/drafts"):
        (other / name).mkdir(parents=True)
    (other / "why_resnets_work.py").touch()
    monkeypatch.chdir(other / "notebooks" / "drafts")
    come = f"come from {tmp_path / 'course'}, but this notebook is in {other}: "
    install = f'run  %pip install -e "{other}"  in a cell, then restart the kernel'
    assert lines()["helpers"] == ("mend", come + install)
    (tmp_path / "ready").touch()  # an environment that finds its own course first
    assert lines()["helpers"] == ("mend", f"{come}run  make lab  there, or choose its kernel")


def test_another_course_with_helpers_and_notebooks_is_no_copy(monkeypatch, tmp_path):
    for name in ("helpers", "notebooks"):
        (tmp_path / "another course" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "another course" / "notebooks")
    assert lines()["helpers"] == ("ok", f"come from {tmp_path / 'course'}")


def test_where_pip_copied_the_course_only_a_package_is_installed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(installation, "COURSE", tmp_path / "site-packages")
    assert installation.install("torch").startswith("run  %pip install torch  in a cell")


@pytest.mark.parametrize("name", ["random.py", "types.py", "copy/__init__.py"])
def test_a_file_called_like_a_module_of_python_is_named(name):
    place = Path.cwd() / name
    place.parent.mkdir(exist_ok=True)
    place.touch()
    mark, sentence = lines()["files"]
    assert mark == "mend"
    assert sentence.startswith(str(Path.cwd() / name.split("/")[0]))
    assert sentence.endswith("rename it")


@pytest.mark.parametrize("folder", ["course", "course/notebooks", "course/helpers"])
def test_helpers_of_this_copy_are_fine(monkeypatch, tmp_path, folder):
    monkeypatch.chdir(tmp_path / folder)
    assert lines()["helpers"] == ("ok", "come from this course folder")


@pytest.mark.parametrize("folder", [".", "elsewhere"])
def test_helpers_of_no_copy_are_fine_and_say_where_they_are(monkeypatch, tmp_path, folder):
    (tmp_path / "elsewhere" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    assert lines()["helpers"] == ("ok", f"come from {tmp_path / 'course'}")


def test_one_copy_by_two_names_is_fine(monkeypatch, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "course", target_is_directory=True)
    monkeypatch.setattr(installation, "COURSE", tmp_path / "link")
    assert lines()["helpers"] == ("ok", "come from this course folder")


@pytest.mark.parametrize("where", ["sched_getaffinity", "cpu_count"])
@pytest.mark.parametrize("number", [1, 2, 64])
def test_a_single_core_is_said_to_be_slow(monkeypatch, where, number):
    if where == "sched_getaffinity":
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda process: set(range(number)), raising=False
        )
    else:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: number)
    mark, sentence = lines()["cores"]
    assert mark == "ok"  # there is nothing to mend
    assert sentence.split(":")[0] == str(number)
    assert ("take longer" in sentence) == (number == 1)


def fail(error):
    raise error


@pytest.mark.parametrize(
    ("check", "outcome"),
    [
        (lambda: None, ("ok", "works")),
        (lambda: [1, 2], ("ok", "works")),
        (lambda: "1,797 images\nof digits", ("ok", "1,797 images")),
        (
            lambda: fail(ValueError("digits.npz is damaged; fetch it again")),
            ("mend", "digits.npz is damaged; fetch it again"),
        ),
        (lambda: fail(ValueError("\nfirst line\nsecond")), ("mend", "first line")),
        (lambda: fail(ValueError()), ("mend", "ValueError()")),
        (lambda: fail(KeyError("labels")), ("mend", "KeyError('labels')")),
        (lambda: fail(SystemExit("no licence found")), ("mend", "no licence found")),
        (3, ("mend", "'int' object is not callable")),
    ],
)
def test_further_checks_get_their_line(check, outcome):
    report = lines(digits=check)
    assert list(report) == [*OWN, "digits"]
    assert report["digits"] == outcome
    assert {report[name][0] for name in OWN} == {"ok"}


def test_the_stop_button_stops_the_report():
    with pytest.raises(KeyboardInterrupt):
        installation.report(long=lambda: fail(KeyboardInterrupt()))


def test_everything_broken_at_once_is_still_a_report(monkeypatch, tmp_path):
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: fail(importlib.metadata.PackageNotFoundError(name)),
    )
    monkeypatch.setattr(
        Path, "cwd", lambda: fail(FileNotFoundError(2, "No such file or directory"))
    )
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    report = lines(digits=lambda: fail(OSError("no disk")))
    assert list(report) == [*OWN, "digits"]
    assert [name for name, (mark, _) in report.items() if mark == "ok"] == ["Python", "cores"]
