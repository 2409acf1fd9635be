"""Set up the environment of the Makefile: a script that runs before any package is installed.

The environment is at $VENV; its packages have the versions of constraints.txt, and a path file says
where the course is. What comes before the import of tomllib runs under an old Python, too.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:
    sys.exit("This course needs Python 3.11 or newer: make lab PYTHON=python3.11")

COURSE = Path(__file__).resolve().parents[2]
FILES = [COURSE / "pyproject.toml", COURSE / "constraints.txt"]
NEWEST = (3, 14)  # the newest Python that the PyTorch of constraints.txt has packages for
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"

INTEL_MAC = (
    "PyTorch is no longer built for Macs with an Intel processor, nor for their Python: use conda "
    "(README), or on a Mac with Apple's processor a Python for that: make lab PYTHON=..."
)

NOT_INSTALLED = (
    "Not all packages could be installed; pip's reasons are above. This step needs the internet, "
    "or an index of packages near you (PIP_INDEX_URL=...): without one, pip speaks of conflicts. "
    "Once it is done, the course needs neither."
)


def main():
    """Create the environment, or bring it up to date, and note which files it was made of."""
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        sys.exit(INTEL_MAC)
    if sys.version_info[:2] > NEWEST:
        sys.exit("This course needs Python 3.11 to 3.14: make lab PYTHON=python3.12")
    folder = Path(os.environ["VENV"])
    project = tomllib.loads(FILES[0].read_text(encoding="utf-8"))["project"]
    packages = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    print(f"Setting up {folder} (a few minutes the first time) ...", flush=True)
    for link in folder.glob("bin/python*"):
        if not link.exists():  # it led to a Python that is gone, and venv would keep it
            link.unlink()
    run(sys.executable, "-m", "venv", folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-compile", "--constraint", FILES[1]]
    run(*pip, *index(), *packages, advice=NOT_INSTALLED)
    compile_packages(python, folder)
    lead_to_course(folder)
    guard_kernel(folder)
    (folder / "ready").write_bytes(b"".join(file.read_bytes() for file in FILES))
    print("Ready.", flush=True)


def compile_packages(python, folder):
    """Compile the packages, on several cores, where pip would take one.

    What cannot be compiled, such as a package's test of syntax errors, is no failure.
    """
    subprocess.call([python, "-m", "compileall", "-qq", "-j", "4", folder])


def lead_to_course(folder):
    """Let the environment find the course, also where both were moved or copied together."""
    base = {"base": str(folder), "platbase": str(folder)}
    way = os.path.relpath(COURSE, folder.resolve())
    # Added, and not only named, since a kernel that starts in this folder forgets its first entry.
    found = f"import os, sys; sys.path.append(os.path.realpath(os.path.join(sys.prefix, {way!a})))"
    Path(sysconfig.get_path("purelib", "venv", base), "course.pth").write_text(found)


def guard_kernel(folder):
    """Let the kernel start even next to a file named like a module of Python's, such as types.py.

    Python would look for its own modules next to the notebook first; -P turns that off.
    """
    path = folder / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel = json.loads(path.read_text(encoding="utf-8"))
    if "-P" not in kernel["argv"]:
        kernel["argv"].insert(1, "-P")
    path.write_text(json.dumps(kernel, indent=1), encoding="utf-8")


def run(*command, advice=""):
    """Run a command; if it fails, print the advice, and exit with its code."""
    code = subprocess.call(command)
    if code:
        print(advice, file=sys.stderr)
        sys.exit(code)


def index():
    """Return pip's option for PyTorch's index, from $TORCH_INDEX, or none.

    Without $TORCH_INDEX, a Linux that has no NVIDIA driver takes the builds for the CPU: those for
    CUDA are several GB that it could not use.
    """
    address = os.environ.get("TORCH_INDEX")
    if address is None and sys.platform == "linux" and not has_nvidia() and answers(CPU_BUILDS):
        address = CPU_BUILDS
        print("No NVIDIA driver here: installing PyTorch's CPU build (TORCH_INDEX= would not).")
    return ["--extra-index-url", address] if address else []


def has_nvidia():
    """Return whether a driver for NVIDIA's cards is installed."""
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None


def answers(address, seconds=3):
    """Return whether an index of packages has PyTorch and answers in time."""
    answered = []

    def ask():
        with suppress(OSError, ValueError):  # no network, no such host, no address at all
            urllib.request.urlopen(f"{address}/torch/", timeout=seconds).close()
            answered.append(True)

    # a thread, as looking up the name of a host has no time limit of its own
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return bool(answered)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C needs no traceback
    main()
