"""Judged answers as JSON lines on disk: written one by one, read again by a run that goes on.

The first line says of which run they are, so that answers of two models are not taken for those of one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from aion.answer.evaluate.judged import Judged
from aion.errors import InvalidRequest


class AnswerRecords:
    """Those of one run, in `path`. `judged` are there already; a last line that was cut off by a kill is
    taken away. Raises InvalidRequest where the file is of another run, or of none."""

    def __init__(self, path: Path, run: Mapping[str, object]) -> None:
        self._path = path
        self.judged: list[Judged] = []
        header = json.dumps({"run": dict(run)}, ensure_ascii=False)
        n_bytes = self._read(json.loads(header)["run"]) if path.exists() else 0
        self._file = path.open("r+b" if n_bytes else "wb")
        self._file.seek(n_bytes)
        self._file.truncate()
        if not n_bytes:
            self._write(header)

    def add(self, judged: Judged) -> None:
        self._write(judged.model_dump_json())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> AnswerRecords:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def _read(self, run: Mapping[str, object]) -> int:
        """Take in what is there; the number of bytes that are whole."""
        lines = self._path.read_bytes().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        if not whole:
            return 0
        try:
            found: dict[str, Any] = json.loads(whole[0])["run"]
            self.judged = [Judged.model_validate_json(line) for line in whole[1:]]
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise InvalidRequest(
                f"{self._path} does not hold the answers of a run; name another file.", param="out"
            ) from error
        for name, value in run.items():
            if found.get(name) != value:
                raise InvalidRequest(
                    f"{self._path} is of a run with {name} {found.get(name)!r}, and this one has {value!r}; "
                    "name another file.",
                    param="out",
                )
        return sum(map(len, whole))
