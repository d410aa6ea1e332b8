from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Done:
    """A command that has ended. Its error output is for people: no traceback, ever."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


def environment(**more: str) -> dict[str, str]:
    """The test's environment without AION's settings, one compute thread, room for whole lines."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AION_", "PRIMARY_"))}
    return kept | {"AION_THREADS": "1", "COLUMNS": "200", "NO_COLOR": "1"} | more


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "aion", *map(str, arguments)]


@pytest.fixture
def aion(tmp_path: Path) -> Run:
    """Run `python -m aion ...` in an empty folder."""

    def run(*arguments: str | Path, **more: str) -> Done:
        ended = subprocess.run(
            command(*arguments), cwd=tmp_path, env=environment(**more), capture_output=True, text=True,
            timeout=120, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback" not in ended.stderr
        return Done(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "full-day.md").write_text("# Tour full-day\n\nO tour full-day dura oito horas e custa 95 €.\n")
    (folder / "half-day.txt").write_text("Tour half-day\n\nO tour half-day dura quatro horas.\n")
    return folder
