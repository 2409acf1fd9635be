"""Where, when and by which code a result was made."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from helpers.setup.machine import ROOT, cores


def circumstances(device="cpu"):
    """Return where, when and by which code a result was made, and on which GPU if on one.

    device: where it was made, "cpu" or a GPU that PyTorch knows, such as "cuda".
    The commit ends in "and changes" if files of helpers differ from it; it is None outside of a
    repository.
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":")[1].strip() for line in lines if "model name" in line]
    try:
        commit = _git("rev-parse", "HEAD")
        commit += " and changes" * bool(_git("status", "--porcelain", "--", "helpers"))
    except (OSError, subprocess.CalledProcessError):
        commit = None
    models += [platform.processor(), platform.machine()]  # Linux on ARM names no model
    gpu = {"gpu": torch.cuda.get_device_name(device)} if device != "cpu" else {}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": next(filter(None, models)),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "commit": commit,
    } | gpu


def _git(*words):
    command = ["git", *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
