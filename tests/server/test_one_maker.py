from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aion.server.model_files.one_maker import alone_with, one_maker

HOLDER = """
import sys, time
from pathlib import Path
from aion.server.model_files.one_maker import alone_with
with alone_with(Path(sys.argv[1]), sys.argv[2]) as between:
    between.mkdir()
    (between / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def holder(out: Path, kind: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, out, kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_made_on_the_way_vanishes(tmp_path: Path) -> None:
    with one_maker(tmp_path / "a.gguf") as between:
        between.write_text("half")
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_vanishes_when_the_making_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def make() -> None:
        with alone_with(tmp_path / "a.gguf", "merged") as between:
            between.mkdir()
            (between / "half").write_text("half")
            raise error

    with pytest.raises(error):
        make()
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["unquantized", "merged"])
def test_what_a_killed_maker_left_goes_with_the_next_and_a_living_one_keeps_its_own(
    tmp_path: Path, kind: str
) -> None:
    with holder(tmp_path / "a.gguf", kind) as killed, holder(tmp_path / "b.gguf", kind) as living:
        killed.kill()
        killed.wait()
        (tmp_path / f".mine.{kind}").write_text("not AION's")
        with alone_with(tmp_path / "c.gguf", kind):
            kept = [f".b.gguf.{kind}", f".b.gguf.{kind}.lock", f".c.gguf.{kind}.lock", f".mine.{kind}"]
            assert names(tmp_path) == kept
        living.kill()
