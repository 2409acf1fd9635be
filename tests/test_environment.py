"""The environment of the Makefile: which index PyTorch comes from, and what a failure says."""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from helpers.setup import environment

unix = pytest.mark.skipif(os.name == "nt", reason="needs links and a shell")
CPU = ["--extra-index-url", environment.CPU_BUILDS]


@pytest.fixture(autouse=True)
def linux_without_a_card(monkeypatch):
    """A computer that takes the build for the CPU, wherever the tests run."""
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(environment, "has_nvidia", lambda: False)
    monkeypatch.setattr(environment, "answers", lambda address: True)


def test_linux_without_a_card_takes_the_build_for_the_cpu_and_says_so(capsys):
    assert environment.index() == CPU
    assert "PyTorch's CPU build" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        (environment, "has_nvidia", lambda: True),
        (environment, "answers", lambda address: False),
        (sys, "platform", "darwin"),
        (sys, "platform", "win32"),
    ],
)
def test_everybody_else_takes_what_pip_finds_and_hears_nothing(
    monkeypatch, capsys, place, name, value
):
    monkeypatch.setattr(place, name, value)
    assert environment.index() == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("card", [True, False])
def test_an_index_that_was_asked_for_is_taken(monkeypatch, card):
    monkeypatch.setattr(environment, "has_nvidia", lambda: card)
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/whl")
    assert environment.index() == ["--extra-index-url", "https://example.org/whl"]
    monkeypatch.setenv("TORCH_INDEX", "")
    assert environment.index() == []


def test_a_driver_is_noticed(monkeypatch):
    monkeypatch.undo()
    for driver, program in [(True, None), (False, "/usr/bin/nvidia-smi"), (False, None)]:
        monkeypatch.setattr(Path, "exists", lambda path, driver=driver: driver)
        monkeypatch.setattr(shutil, "which", lambda name, program=program: program)
        assert environment.has_nvidia() == (driver or program is not None)


class Index(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/whl/torch/" else 404)
        self.end_headers()

    def log_message(self, *words):
        pass


def test_an_index_answers_or_not_in_good_time(monkeypatch):
    monkeypatch.undo()
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server, socket.socket() as silent:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        assert environment.answers(f"{place}/whl")
        assert not environment.answers(f"{place}/other")  # it has no PyTorch
        server.shutdown()
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        assert not environment.answers(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=0.2)
        assert time.monotonic() - start < 2
    for address in ("http://127.0.0.1:1", "https://nowhere.invalid", "no address"):
        assert not environment.answers(address)


def test_a_mac_with_an_intel_processor_is_told_to_use_conda(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(SystemExit, match="no longer built for Macs with an Intel processor"):
        environment.main()


def test_a_python_that_is_too_new_for_pytorch_is_told_which_one_to_take(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (*environment.NEWEST[:1], environment.NEWEST[1] + 1))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 to 3\.14: make lab PYTHON="):
        environment.main()
    monkeypatch.setattr(sys, "version_info", (*environment.NEWEST, 0))
    monkeypatch.delenv("VENV", raising=False)
    with pytest.raises(KeyError, match="VENV"):  # asked for after that
        environment.main()


def test_an_environment_has_what_the_course_and_its_tests_need(monkeypatch, tmp_path):
    ran, python = [], tmp_path / ("Scripts" if os.name == "nt" else "bin") / "python"
    monkeypatch.setenv("VENV", str(tmp_path))
    for step in ("run", "compile_packages", "lead_to_course", "guard_kernel"):
        monkeypatch.setattr(environment, step, lambda *words, **_: ran.append(words))
    environment.main()
    make, install, compile_, *rest = ran
    assert make == (sys.executable, "-m", "venv", tmp_path)
    assert install[:4] == (python, "-m", "pip", "install")
    options = {"--quiet", "--no-compile", "--constraint", environment.FILES[1], *CPU}
    assert options | {"torch", "pytest"} <= set(install)
    assert compile_ == (python, tmp_path)
    assert rest == [(tmp_path,)] * 2
    ready = b"".join(file.read_bytes() for file in environment.FILES)
    assert (tmp_path / "ready").read_bytes() == ready


def test_packages_are_compiled_and_one_file_with_an_error_stops_nobody(tmp_path, capfd):
    for folder, text in {"bad": "def", "good": "1"}.items():
        (tmp_path / "lib" / folder).mkdir(parents=True)
        (tmp_path / "lib" / folder / "module.py").write_text(text)
    environment.compile_packages(sys.executable, tmp_path)
    assert [path.parents[1].name for path in tmp_path.rglob("*.pyc")] == ["good"]
    assert capfd.readouterr() == ("", "")


def test_a_file_called_like_a_module_of_python_stops_no_kernel_of_the_environment(tmp_path):
    kernel = tmp_path / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": [sys.executable, "-m", "ipykernel_launcher"]}))
    for _ in range(2):
        environment.guard_kernel(tmp_path)
        argv = json.loads(kernel.read_text())["argv"]
        assert argv == [sys.executable, "-P", "-m", "ipykernel_launcher"]
    (tmp_path / "types.py").write_text("raise RuntimeError")
    for command, works in {
        (*argv, "--help"): True,
        (*argv[:1], *argv[2:], "--help"): False,
    }.items():
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) == works


def test_an_old_python_is_told_which_one_to_take():
    code = "import runpy, sys; sys.modules['tomllib'] = None; runpy.run_path(sys.argv[1])"
    command = [sys.executable, "-c", code, environment.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "This course needs Python 3.11 or newer: make lab PYTHON=python3.11\n"


@unix
def test_a_python_that_is_gone_is_replaced(monkeypatch, tmp_path):
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "python3").symlink_to(tmp_path / "gone")
    (bin_ / "python").symlink_to("python3")
    (bin_ / "python-of-mine").symlink_to(sys.executable)

    def make_environment(*command):
        sys.exit(subprocess.call([*command, "--without-pip"]))

    monkeypatch.setenv("VENV", str(tmp_path))
    monkeypatch.setattr(environment, "run", make_environment)
    with pytest.raises(SystemExit, match=r"^0$"):
        environment.main()
    assert subprocess.check_output([bin_ / "python", "-c", "print(42)"]) == b"42\n"
    assert (bin_ / "python-of-mine").exists()


@unix
@pytest.mark.parametrize("code", [0, 1, None])
def test_an_environment_without_a_python_that_runs_is_not_ready(make, tmp_path, code):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    if code is not None:  # one that finds its packages, or not
        python.write_text(f"#!/bin/sh\nexit {code}\n")
        python.chmod(0o755)
    (tmp_path / "ready").write_bytes(b"".join(file.read_bytes() for file in environment.FILES))
    done = make("ready", f"VENV={tmp_path}", "PYTHON=echo")
    assert done.stdout == ("" if code == 0 else "-B helpers/setup/environment.py\n")
    assert done.stderr == ""


@unix
def test_a_set_up_is_stopped_without_a_traceback(tmp_path):
    code = (
        "import os, runpy, signal, subprocess, sys, time\n"
        "subprocess.call = lambda _: (os.kill(os.getpid(), signal.SIGINT), time.sleep(9))\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')\n"
    )
    command = [sys.executable, "-c", code, environment.__file__]
    environ = os.environ | {"VENV": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@unix
def test_an_environment_finds_the_course_around_it_also_after_a_move(monkeypatch, tmp_path):
    old, new = tmp_path / "Kürs 'a'", tmp_path / "moved"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", old / "$venv"], check=True)
    monkeypatch.setattr(environment, "COURSE", old)
    environment.lead_to_course(old / "$venv")
    (tmp_path / "a").mkdir()
    link = tmp_path / "a" / "link"
    for course in (old, new):
        if course == new:
            old.rename(new)
            link.unlink()
        link.symlink_to(course / "$venv")
        for venv in (course / "$venv", link):
            command = [venv / "bin" / "python", "-I", "-c", "import sys; print(ascii(sys.path))"]
            assert subprocess.check_output(command, text=True).endswith(f", {str(course)!a}]\n")


def test_a_command_that_fails_ends_the_set_up_with_its_code():
    environment.run(sys.executable, "-c", "pass")
    with pytest.raises(SystemExit, match=r"^3$"):
        environment.run(sys.executable, "-c", "raise SystemExit(3)")


@unix
def test_a_set_up_without_a_network_says_that_it_needs_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VENV", str(tmp_path))
    monkeypatch.setattr(environment, "index", list)
    monkeypatch.setattr(subprocess, "call", lambda command: 2 if "pip" in command else 0)
    with pytest.raises(SystemExit, match=r"^2$"):
        environment.main()
    assert "needs the internet, or an index of packages" in capsys.readouterr().err
    assert not (tmp_path / "ready").exists()


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Call make without a shell before it: a tilde comes through as it does in zsh and dash."""
    if shutil.which("make") is None:
        pytest.skip("no make here")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("VENV", "SIZE", "LAB", "MAKEFLAGS", "MAKELEVEL"):  # what `make test` hands on
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: subprocess.run(
        ["make", *arguments], cwd=environment.COURSE, capture_output=True, text=True, check=False
    )


NOBODYS = "VENV=/dev/null/venv"  # nobody, not even root, can write there


@unix
def test_the_tests_and_the_linter_write_nothing_to_the_environment(make):
    one = "TEST=$(PYTEST) -p no:xdist tests/test_block.py::test_decay_follows_its_closed_form"
    for target in ("test", "lint"):
        done = make("-o", "ready", target, NOBODYS, f"PY='{sys.executable}'", one)
        assert done.returncode == 0, done.stdout + done.stderr


@unix
def test_settings_go_home_from_the_environment_of_somebody_else(make, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    names = ["-o", "ready", "lab", "PY=printenv HOME MPLCONFIGDIR;:"]
    assert make(*names, NOBODYS).stdout == f"{tmp_path}\n"
    monkeypatch.setenv("HOME", "/dev/null/home")  # as in a container, for any user
    (home,) = make(*names, NOBODYS).stdout.splitlines()
    assert Path(home).parent == tmp_path
    assert Path(home).is_dir()
    theirs = make(*names, f"VENV={tmp_path}").stdout
    assert theirs == f"/dev/null/home\n{tmp_path}/state\n"


def test_what_was_typed_reaches_the_shell_as_it_is(make, tmp_path):
    (tmp_path / "show.mk").write_text('show:;@printf "%s\\n" "$$VENV" "$$SIZE" "$$LAB"\n')

    def shown(*arguments):
        done = make("-f", "Makefile", "-f", tmp_path / "show.mk", "show", *arguments)
        return done.stdout.splitlines()

    assert shown() == [f"{environment.COURSE}/.venv", "1", ""]
    assert shown("VENV=~/it's $HOME")[0] == f"{tmp_path}/it's $HOME"
    assert shown("VENV=/a b/$(x)")[0] == "/a b/$(x)"
    assert shown("VENV=elsewhere")[0] == f"{environment.COURSE}/elsewhere"
    assert shown("SIZE=1;$x", "LAB='a b' `c` $(d) \"e\"")[1:] == ["1;$x", "'a b' `c` $(d) \"e\""]


def test_the_folder_of_a_study_is_the_one_that_was_typed(make, tmp_path, monkeypatch):
    (tmp_path / "show.mk").write_text('show:;@printf "%s\\n" depths $(STUDY_DATA)\n')

    def shown(*arguments):
        done = make("-f", "Makefile", "-f", tmp_path / "show.mk", "show", *arguments)
        return done.stdout.splitlines()

    monkeypatch.setenv("DATA", "/data/of/somebody/else")
    assert shown() == ["depths"]
    assert shown("DATA=my 'photos' of $$ü") == ["depths", "--data", "my 'photos' of $$ü"]


def test_clean_removes_an_environment_and_nothing_else(make, tmp_path):
    venv = tmp_path / "my $environment"
    assert make("clean", f"VENV={venv}").returncode == 0  # there is none
    venv.mkdir()
    assert make("clean", f"VENV={venv}").returncode == 0
    assert venv.exists()  # a folder, but no environment
    (venv / "pyvenv.cfg").touch()
    assert make("clean", f"VENV={venv}").returncode == 0
    assert not venv.exists()
