"""Memory and processors from files such as Linux, Docker and Kubernetes show them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aion.machine import Memory, cpu_quota, memory, n_physical_cores

GIB = 1 << 30
NO_LIMIT_V1 = "9223372036854771712"
Files = Callable[..., tuple[Path, Path]]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """/proc and /sys of a machine of 16 GiB with 12 available, in the cgroup of that line, with these files
    under /sys/fs/cgroup."""

    def write(cgroup: str = "", **contents: str) -> tuple[Path, Path]:
        proc, sys = tmp_path / "proc", tmp_path / "sys"
        meminfo = f"MemTotal: {16 * GIB // 1024} kB\nMemFree: 5 kB\nMemAvailable: {12 * GIB // 1024} kB\n"
        for path, text in (
            (proc / "meminfo", meminfo),
            (proc / "self" / "cgroup", cgroup),
            *((sys / "fs" / "cgroup" / name, text) for name, text in contents.items()),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return proc, sys

    return write


def test_a_machine_without_limits(files: Files) -> None:
    assert memory(*files("0::/\n")) == Memory(16 * GIB, 12 * GIB)
    assert cpu_quota(*files("0::/\n")) is None


def test_a_container_of_cgroup_2(files: Files) -> None:
    """Its own files lie at the root of what is mounted; page cache can be taken back."""
    limits = {"memory.max": f"{4 * GIB}\n", "memory.current": f"{3 * GIB}\n", "cpu.max": "250000 100000\n"}
    stat = f"anon {GIB}\nfile {2 * GIB}\nactive_file {GIB}\ninactive_file {GIB // 2}\nshmem {GIB // 2}\n"
    where = files("0::/\n", **limits, **{"memory.stat": stat})
    assert memory(*where) == Memory(4 * GIB, 5 * GIB // 2, "the container")
    assert cpu_quota(*where) == 2.5


def test_a_container_of_cgroup_1_whose_path_is_the_hosts(files: Files) -> None:
    lines = "7:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n"
    limits = {
        "memory/memory.limit_in_bytes": f"{2 * GIB}\n",
        "memory/memory.usage_in_bytes": f"{GIB}\n",
        "memory/memory.stat": f"active_file 0\ntotal_active_file {GIB // 4}\ntotal_inactive_file 0\n",
        "cpu/cpu.cfs_quota_us": "50000\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    where = files(lines, **limits)
    assert memory(*where) == Memory(2 * GIB, 5 * GIB // 4, "the container")
    assert cpu_quota(*where) == 0.5
    assert n_physical_cores(*where) == 1


def test_a_group_around_the_own_one_limits_too(files: Files) -> None:
    limits = {
        "app.slice/aion.service/memory.max": "max\n", "app.slice/memory.max": f"{8 * GIB}\n",
        "app.slice/memory.current": f"{7 * GIB}\n", "app.slice/cpu.max": "max 100000\n",
    }  # fmt: skip
    where = files("0::/app.slice/aion.service\n", **limits)
    assert memory(*where) == Memory(8 * GIB, GIB, "the container")
    assert cpu_quota(*where) is None


def test_a_limit_above_the_machine_is_none(files: Files) -> None:
    limits = {"memory/memory.limit_in_bytes": NO_LIMIT_V1, "cpu/cpu.cfs_quota_us": "-1"}
    where = files("4:memory:/\n3:cpu:/\n", **limits, **{"cpu/cpu.cfs_period_us": "100000"})
    assert memory(*where) == Memory(16 * GIB, 12 * GIB)
    assert cpu_quota(*where) is None


def test_what_is_used_beyond_the_limit_is_nothing_available(files: Files) -> None:
    limits = {"memory.max": f"{GIB}", "memory.current": f"{2 * GIB}"}
    assert memory(*files("0::/\n", **limits)).available_bytes == 0


def test_hyper_threads_count_once(tmp_path: Path) -> None:
    usable = sorted(os.sched_getaffinity(0))
    for cpu in usable:
        topology = tmp_path / f"devices/system/cpu/cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text("0-1\n")
    assert n_physical_cores(tmp_path, tmp_path) == 1


def test_this_machine() -> None:
    found = memory()
    assert 0 < found.available_bytes <= found.total_bytes
    assert 1 <= n_physical_cores() <= (os.cpu_count() or 1)
