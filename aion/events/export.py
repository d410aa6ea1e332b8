"""Writes events as JSON lines into a file that follows the log.

The file is always whole: a new one, of what stays of the old one and of what is new, takes its place. Each
line begins with the id of its event, which makes an export safe to repeat: lines of events behind the cursor
are made again and those before it are copied, unless their event is gone or has changed. A kill at any moment
costs nothing but the time, and no row is ever in the file twice.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aion.errors import InvalidRequest, StoreError
from aion.events.export_form import Form, Row
from aion.partial import too_little_room, whole_file
from aion.store.exports import ExportRow, Exports

_ID = re.compile(rb'\{"id": ([0-9]{1,18})[,}]')
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: rows in the file now, of them new ones and those made anew, rows taken out of it,
    new events left out by reason, and personal data masked in the new rows by kind."""

    path: Path
    n_rows: int
    n_new: int
    n_changed: int
    n_removed: int
    left_out: Mapping[str, int]
    masked: Mapping[str, int]


class Export:
    """Writes files for one store. One export of a file at a time; blocks on the disk."""

    def __init__(self, exports: Exports, pause: Callable[[], None] = lambda: None) -> None:
        """`pause` is called after each row, and may raise to end the export without a trace."""
        self._exports = exports
        self._pause = pause

    def write(self, path: Path, tenant: str, form: Form, *, fresh: bool = False) -> Exported:
        """Bring the file up to date, or write it anew (`fresh`).

        Raises InvalidRequest when the file is of another store, tenant, form or choice of rows, StoreError
        when it cannot be written.
        """
        name = str(path.absolute())
        state = self._exports.find(name)
        upto = self._exports.newest()
        if not fresh:
            _refuse_other(path, tenant, form, state)
        after = 0 if fresh or state is None else state.last_event
        if state is not None and not fresh and after == upto and path.exists():
            return Exported(path, state.n_rows, 0, 0, 0, {}, {})
        if fresh or state is None:  # before the file is: whatever comes between, it is begun again
            self._exports.save(name, tenant, form.name, form.options, 0, 0)
        writing = _Writing(self._exports, tenant, form, after, upto, self._pause)
        try:
            exported = writing.run(path, fresh=fresh)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror or error}); check its folder and the disk, or "
                "name another file (AION_EVENTS_JSONL, --out)."
            ) from error
        self._exports.save(name, tenant, form.name, form.options, upto, exported.n_rows)
        return exported


class _Writing:
    """One export on its way. Not shared."""

    def __init__(
        self, exports: Exports, tenant: str, form: Form, after: int, upto: int, pause: Callable[[], None]
    ) -> None:
        self._exports = exports
        self._tenant = tenant
        self._form = form
        self._after = after
        self._upto = upto
        self._pause = pause
        self._left_out: Counter[str] = Counter()
        self._masked: Counter[str] = Counter()

    def run(self, path: Path, *, fresh: bool) -> Exported:
        changed = {row.id: row for row in self._form.changed(self._tenant, self._after, self._upto)}
        path.parent.mkdir(parents=True, exist_ok=True)
        n_bytes = 0 if fresh or not path.exists() else path.stat().st_size
        if n_bytes and (problem := too_little_room(path, n_bytes)):
            raise StoreError(problem)
        with whole_file(path) as partial, partial.open("wb") as file:
            n_kept, rewritten, n_removed = 0, set[int](), 0
            if n_bytes:
                n_kept, rewritten, n_removed = self._copy(path, file, changed)
            n_changed = self._append(file, (row for row in changed.values() if row.id in rewritten))
            late = (row for row in changed.values() if row.id not in rewritten)
            n_new = self._append(file, late)
            n_new += self._append(file, self._form.new(self._tenant, self._after, self._upto))
            n_removed += len(rewritten) - n_changed
        return Exported(
            path, n_kept + n_changed + n_new, n_new, n_changed, n_removed, dict(self._left_out),
            dict(self._masked),
        )  # fmt: skip

    def _copy(self, path: Path, file: IO[bytes], changed: Mapping[int, Row]) -> tuple[int, set[int], int]:
        """Copy what stays. Returns the lines kept, the ids whose lines are made anew, and the lines that go
        because their events are no longer in the log."""
        n_kept, n_removed, rewritten = 0, 0, set[int]()
        for batch in _batches(path):
            known = [event_id for event_id, _ in batch if event_id is not None and event_id <= self._after]
            stays = self._exports.existing(self._tenant, known) - changed.keys()
            for event_id, line in batch:
                if event_id is None or event_id in stays:
                    file.write(line)
                    n_kept += 1
                elif event_id in changed:
                    rewritten.add(event_id)
                elif event_id <= self._after:
                    n_removed += 1
            self._pause()
        return n_kept, rewritten, n_removed

    def _append(self, file: IO[bytes], rows: Iterable[Row]) -> int:
        n_rows = 0
        for row in rows:
            if row.content is None:
                self._left_out[row.left_out] += 1
            else:
                line = json.dumps({"id": row.id, **row.content}, ensure_ascii=False)
                file.write(line.encode("utf-8", "replace") + b"\n")
                self._masked.update(row.masked)
                n_rows += 1
            self._pause()
        return n_rows


def _batches(path: Path) -> Iterator[list[tuple[int | None, bytes]]]:
    """The lines of a file, each ended, with the ids they begin with; None: not written here, to be kept."""
    batch: list[tuple[int | None, bytes]] = []
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            found = _ID.match(line)
            batch.append(
                (int(found.group(1)) if found else None, line if line.endswith(b"\n") else line + b"\n")
            )
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _refuse_other(path: Path, tenant: str, form: Form, state: ExportRow | None) -> None:
    """A file that this export would mix with what is something else."""
    anew = "name another file, or write it anew with --fresh"
    if state is None:
        size = 0
        with suppress(OSError):
            size = path.stat().st_size if path.is_file() else 0
        if size:
            raise InvalidRequest(
                f"{path} was not written from this database; move it away, {anew}.", param="out"
            )
        return
    if (state.tenant, state.form) != (tenant, form.name):
        raise InvalidRequest(
            f"{path} holds events of tenant {state.tenant!r} in form {state.form!r}, not of {tenant!r} in "
            f"{form.name!r}; {anew}.",
            param="out",
        )
    for option, value in form.options.items():
        if state.options.get(option) != value:
            raise InvalidRequest(
                f"{path} was written with {option}={json.dumps(state.options.get(option))}, not "
                f"{json.dumps(value)}; {anew}.",
                param=option,
            )
