from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aion.partial import scratch_file, whole_file

_KILLED = (
    "import os, signal, sys; from pathlib import Path; from aion.partial import scratch_file\n"
    "with scratch_file(Path(sys.argv[1])) as path:\n"
    "    path.write_bytes(b'half'); os.kill(os.getpid(), signal.SIGKILL)"
)


def test_it_is_gone_when_the_block_ends_however_it_ends(tmp_path: Path) -> None:
    with scratch_file(tmp_path / "a.db") as path:
        path.write_bytes(b"work")
        assert path.parent == tmp_path
    with pytest.raises(KeyError), scratch_file(tmp_path / "a.db"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "a.db")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with whole_file(tmp_path / "b.db"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["b.db"]
