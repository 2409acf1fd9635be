"""The folder of the course, and the machine that it runs on; every other file asks here."""

import os
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the course folder that the helpers were imported from


def _find(name):
    """A folder of the course: where pip has copied it to, or in a checkout."""
    return next(filter(Path.is_dir, (ROOT / "helpers" / name, ROOT / name)), ROOT / name)


DATA, TEXTS = _find("data"), _find("notebooks")
QUOTAS = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))  # cgroup v2, v1: microseconds


def cores(root=Path("/")):
    """Return how many cores this process may use: by its affinity and by the limits of containers.

    root: the folder of /proc and /sys. A quota of a core and a half counts as two cores.
    """
    number = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        number = len(os.sched_getaffinity(0))
    return max(1, min([number, *_limits(root)]))


def _limits(root):
    """Yield the quota, in cores, of each control group of Linux that this process is in."""
    groups = ["0::/", "0:cpu:/"]  # number, controllers (none in version 2), path
    with suppress(OSError):
        groups += (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    for group in groups:
        _, controllers, path = group.split(":", 2)
        for mount in {controllers, "cpu"} if "cpu" in controllers.split(",") else {controllers}:
            folder = root / "sys/fs/cgroup" / mount / path.lstrip("/")
            for place in (folder, *folder.parents):
                yield from _limit(place)


def _limit(folder):
    for names in QUOTAS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            numbers = " ".join((folder / name).read_text(encoding="utf-8") for name in names)
            quota, period = map(int, numbers.split())
            if quota > 0:  # -1: no limit
                yield -(-quota // period)
