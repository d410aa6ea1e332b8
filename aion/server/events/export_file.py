"""The export that the route, the command and the day share: which file, which rows. Knows no HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from aion.answer.dataset import ChatForm
from aion.convert.lock import locked
from aion.errors import StoreError
from aion.events.export import Export, Exported
from aion.events.export_form import Form
from aion.events.masking import mask_row
from aion.events.raw import RawForm
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.exports import Exports

FormName = Literal["chat", "raw"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export. `since` is a date; `teacher` and `unsupported` let more answers into the chat form,
    `personal` leaves personal data in the raw one."""

    form: FormName = "chat"
    out: Path | None = None
    since: str | None = None
    fresh: bool = False
    teacher: bool = False
    unsupported: bool = False
    personal: bool = False


class Rest:
    """Called between rows, rests `times` as long as was worked since it was called last: in between, answers
    have the interpreter and the disk to themselves. Of one export."""

    def __init__(self, times: float = 1.0, wait: Callable[[float], object] = time.sleep) -> None:
        self._times = times
        self._wait = wait
        self._since = time.monotonic()

    def __call__(self) -> None:
        self._wait(self._times * (time.monotonic() - self._since))
        self._since = time.monotonic()


def export_file(settings: Settings, form: FormName) -> Path:
    """AION_EVENTS_JSONL, and beside it `NAME.raw.jsonl` for the raw form."""
    path = settings.events_jsonl
    return path if form == "chat" else path.with_name(f"{path.stem}.raw{path.suffix}")


def settings_of_tenant(settings: Settings, tenant: str) -> Settings:
    """Those with which a tenant other than AION's own is exported, into a file beside that has its name."""
    if tenant == settings.tenant:
        return settings
    path = settings.events_jsonl
    named = path.with_name(f"{path.stem}.{quote(tenant, safe='')}{path.suffix}")
    return settings.model_copy(update={"tenant": tenant, "events_jsonl": named})


def export_dataset(
    settings: Settings, store: Store, wanted: Wanted, pause: Callable[[], None] = lambda: None
) -> Exported:
    """Bring a file up to date; another export of it is waited for. Raises as Export.write does."""
    exports = Exports(store)
    since = f"{wanted.since[:10]}T00:00:00.000Z" if wanted.since else ""
    form: Form
    if wanted.form == "raw":
        form = RawForm(exports, None if wanted.personal else mask_row, since)
    else:
        form = ChatForm(exports, settings.system_prompt, mask_row, wanted.teacher, wanted.unsupported, since)
    path = wanted.out or export_file(settings, wanted.form)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_name(f".{path.name}.lock")):
            return Export(exports, pause).write(path, settings.tenant, form, fresh=wanted.fresh)
    except OSError as error:
        raise StoreError(
            f"{path.parent} cannot be written in ({error.strerror or error}); check its rights, or name "
            "another file (AION_EVENTS_JSONL, --out)."
        ) from error


def exported_json(exported: Exported) -> dict[str, object]:
    """What an export did, as clients see it."""
    return {
        "path": str(exported.path),
        "n_rows": exported.n_rows,
        "n_new": exported.n_new,
        "n_changed": exported.n_changed,
        "n_removed": exported.n_removed,
        "left_out": dict(exported.left_out),
        "masked": dict(exported.masked),
    }
