"""Disks that are full: a small one that is mounted, or files that may not grow."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, n_bytes: int) -> Iterator[Path]:
    """A file system of so many bytes mounted at `folder`."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(folder)]
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not mount or not umount or subprocess.call([mount, *options], stderr=subprocess.DEVNULL):
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run([umount, str(folder)], check=True)


@contextmanager
def files_up_to(n_bytes: int) -> Iterator[None]:
    """Files of this process may not grow over so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
