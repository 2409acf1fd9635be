"""The number of cores, as affinity and the limits of containers have it."""

import os

import pytest

from helpers.setup import machine


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


def files(root, contents):
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


TWO, ONE = "sys/fs/cgroup", "sys/fs/cgroup/cpu"
CASES = {
    "no limit": ({"proc/self/cgroup": "0::/\n", f"{TWO}/cpu.max": "max 100000\n"}, 8),
    "not Linux": ({}, 8),
    "one core": ({f"{TWO}/cpu.max": "100000 100000\n"}, 1),
    "half a core": ({f"{TWO}/cpu.max": "50000 100000\n"}, 1),
    "rounded up": ({f"{TWO}/cpu.max": "110000 100000\n"}, 2),
    "more than there are": ({f"{TWO}/cpu.max": "1600000 100000\n"}, 8),
    "a group inside a limited one": (
        {
            "proc/self/cgroup": "0::/user/job/step\n",
            f"{TWO}/cpu.max": "600000 100000",
            f"{TWO}/user/cpu.max": "300000 100000",
            f"{TWO}/user/job/step/cpu.max": "max 100000",
            f"{TWO}/user/other/cpu.max": "100000 100000",
        },
        3,
    ),
    "a path with a colon": (
        {"proc/self/cgroup": "0::/job:1\n", f"{TWO}/job:1/cpu.max": "300000 100000"},
        3,
    ),
    "a path that the container hides": (
        {"proc/self/cgroup": "0::/docker/abc\n", f"{TWO}/cpu.max": "200000 100000"},
        2,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:memory:/\n3:cpu,cpuacct:/\n0::/\n",
            f"{ONE}/cpu.cfs_quota_us": "250000\n",
            f"{ONE}/cpu.cfs_period_us": "100000\n",
        },
        3,
    ),
    "version 1, inside": (
        {
            "proc/self/cgroup": "5:memory:/other\n3:cpuacct,cpu:/job\n",
            f"{TWO}/cpuacct,cpu/job/cpu.cfs_quota_us": "100000\n",
            f"{TWO}/cpuacct,cpu/job/cpu.cfs_period_us": "50000\n",
            f"{ONE}/other/cpu.cfs_quota_us": "50000\n",
            f"{ONE}/other/cpu.cfs_period_us": "50000\n",
        },
        2,
    ),
    "version 1 without a limit": (
        {f"{ONE}/cpu.cfs_quota_us": "-1\n", f"{ONE}/cpu.cfs_period_us": "100000\n"},
        8,
    ),
    "not numbers": ({"proc/self/cgroup": "0::/\n", f"{TWO}/cpu.max": ""}, 8),
}


@pytest.mark.parametrize(("contents", "cores"), CASES.values(), ids=CASES)
def test_cores_are_counted_as_a_container_allows_them(eight, tmp_path, contents, cores):
    files(tmp_path, contents)
    assert machine.cores(tmp_path) == cores


def test_without_affinity_all_cores_count(eight, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine.cores(tmp_path) == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores(tmp_path) == 1


def test_here_there_is_a_core():
    assert 1 <= machine.cores() <= os.cpu_count()
