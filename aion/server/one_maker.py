"""One process at a time makes a GGUF file, and the file it makes on the way vanishes with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from aion.convert.lock import locked

# (what is being done, done, total)
GgufProgress = Callable[[str, int, int], None]


@contextlib.contextmanager
def one_maker(out: Path, progress: GgufProgress | None = None) -> Iterator[Path]:
    """Hold the right to make `out`, and yield the name of an intermediate file beside it, which is deleted
    at the end, as is at once what a killed process left. OSError when the folder cannot be written."""

    def waiting() -> None:
        if progress is not None:
            progress("another process makes it", 0, 1)

    with locked(out.with_name(f".{out.name}.lock"), waiting):
        between = out.with_name(f".{out.name}.unquantized")
        between.unlink(missing_ok=True)
        try:
            yield between
        finally:
            between.unlink(missing_ok=True)
