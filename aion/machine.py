"""What this machine lets the process have: memory and processors, as far as its cgroups (containers) allow.

Reads /proc and /sys of Linux; both may be other folders, for tests. Knows nothing of models.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC, SYS = Path("/proc"), Path("/sys")
_RECLAIMABLE = ("active_file", "inactive_file")


@dataclass(frozen=True, slots=True)
class Memory:
    """`total_bytes` is the most this process and those beside it can ever have, `available_bytes` what is to
    be had now without swapping; `whose` names what sets the limit, for a sentence."""

    total_bytes: int
    available_bytes: int
    whose: str = "this machine"


def memory(proc: Path = PROC, sys: Path = SYS) -> Memory:
    """The tightest of /proc/meminfo and the limits of the process's cgroups (version 1 and 2)."""
    lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    kib = {words[0].rstrip(":"): int(words[1]) for words in lines}
    found = Memory(kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024)
    for folder in _cgroups("memory", proc, sys):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit is None:
            continue
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        free = max(0, limit - used + _reclaimable(folder))
        if limit < found.total_bytes:
            found = Memory(limit, min(found.available_bytes, free), "the container")
        else:
            found = Memory(found.total_bytes, min(found.available_bytes, free), found.whose)
    return found


def n_physical_cores(proc: Path = PROC, sys: Path = SYS) -> int:
    """Cores this process may use, hyper-threads counted once where the system tells, no more than the whole
    CPUs of its quota: a thread that the quota stops lets all others spin at the next barrier."""
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        path = sys / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        siblings.add(path.read_text().strip() if path.exists() else str(cpu))
    quota = cpu_quota(proc, sys)
    return max(1, len(siblings) if quota is None else min(len(siblings), int(quota)))


def cpu_quota(proc: Path = PROC, sys: Path = SYS) -> float | None:
    """CPUs' worth of time the cgroups of this process allow, None without a limit."""
    found = []
    for folder in _cgroups("cpu", proc, sys):
        words = _text(folder / "cpu.max").split() or [
            _text(folder / "cpu.cfs_quota_us"),
            _text(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdigit() and int(word) > 0 for word in words):
            found.append(int(words[0]) / int(words[1]))
    return min(found, default=None)


def _cgroups(controller: str, proc: Path, sys: Path) -> Iterator[Path]:
    """The folders of the process's cgroup for `controller` and of those around it, the innermost first.

    In a container its own path may name a folder of the host; then the mounted root is the container's.
    """
    mounted = sys / "fs" / "cgroup"
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = mounted / controller if controllers else mounted
        inner = root / path.strip("/")
        for folder in (inner, *inner.parents):
            if not folder.is_relative_to(root):
                break
            if folder.is_dir():
                yield folder


def _reclaimable(folder: Path) -> int:
    """Bytes of the page cache charged to the cgroup: the kernel takes them back when memory is asked for."""
    pairs = [line.split() for line in _text(folder / "memory.stat").splitlines()]
    stat = {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    return sum(stat.get(f"total_{name}", stat.get(name, 0)) for name in _RECLAIMABLE)


def _number(path: Path) -> int | None:
    """The number in `path`; None when there is none, or "max"."""
    text = _text(path)
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
