"""What the benchmarks share: facts about the machine, the peak of a process's memory, and a file of results."""

import datetime
import json
import os
import platform
import resource
import sys
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


def facts():
    """Processor, cores, versions and date."""
    import torch  # the processes whose memory is measured ask for the peak only

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def peak():
    """The most memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory too, from before the program was replaced
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def store(name, results, keep=False):
    """Write the results; ``keep`` leaves the other parts of the file as they are."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    if keep and path.exists():
        results = json.loads(path.read_text(encoding="utf-8")) | results
    path.write_text(json.dumps({"machine": facts()} | results, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
