from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aion.partial import whole_file

WRITER = """
import sys, time
from pathlib import Path
from aion.partial import whole_file
with whole_file(Path(sys.argv[1])) as path:
    path.write_bytes(b"half")
    print(path, flush=True)
    time.sleep(60)
"""


def start_writer(out: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that has written half of `out`, and the temporary name it writes to."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(out)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_name_appears_when_the_block_ends(tmp_path: Path) -> None:
    out = tmp_path / "a.gguf"
    with whole_file(out) as path:
        path.write_bytes(b"whole")
        assert not out.exists()
        assert path.parent == tmp_path
    assert (names(tmp_path), out.read_bytes()) == (["a.gguf"], b"whole")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "a.gguf"
    out.write_bytes(b"old")

    def write() -> None:
        with whole_file(out) as path:
            path.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write()
    assert (names(tmp_path), out.read_bytes()) == (["a.gguf"], b"old")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_removed_and_a_living_one_keeps_its_own(
    tmp_path: Path, number: signal.Signals
) -> None:
    living, kept = start_writer(tmp_path / "a.gguf")
    killed, left = start_writer(tmp_path / "b.gguf")
    with living, killed:
        os.kill(killed.pid, number)
        killed.wait()
        assert left.exists()
        (tmp_path / ".mine.partial").write_text("not AION's")
        with whole_file(tmp_path / "b.gguf") as path:
            assert names(tmp_path) == sorted([".mine.partial", kept.name, path.name])
        living.kill()
    assert names(tmp_path) == sorted([".mine.partial", "b.gguf", kept.name])


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "absent" / "a.gguf"):
        pass


def test_writers_of_one_folder_do_not_take_each_others_files(tmp_path: Path) -> None:
    def write(n: int) -> None:
        for _ in range(30):
            with whole_file(tmp_path / f"{n}.txt") as path:
                path.write_text(str(n))

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(8)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        f"{n}.txt": str(n) for n in range(8)
    }
