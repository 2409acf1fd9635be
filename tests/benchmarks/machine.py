"""What the benchmarks share: facts about the machine, the peak of a process's memory, and a file of
results.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from helpers.files.writing import has_keys, write

RESULTS = Path(__file__).resolve().parent / "results"


def facts(*packages):
    """Date, processor, cores, versions and commit, as the study of depth notes them; and the
    versions of packages.
    """
    # not above: the processes whose memory is measured ask for the peak only, and load nothing for
    # it
    import torch

    from helpers.studies import depths

    versions = {name: version(name) for name in packages}
    return (
        depths.circumstances()
        | {"vector instructions": torch.backends.cpu.get_cpu_capability()}
        | versions
    )


def peak():
    """The most memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")
    if (
        status.exists()
    ):  # getrusage would count the parent's memory too, from before the program was replaced
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    import resource  # which Windows has not

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )


def store(name, results, keep=False):
    """Write the results; ``keep`` leaves the other parts of the file as they are."""
    path = RESULTS / f"{name}.json"
    if keep and path.exists():
        results = json.loads(path.read_text(encoding="utf-8")) | results
    text = json.dumps({"machine": facts()} | results, indent=2) + "\n"
    write(path, text, has_keys("machine"))
    print(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
