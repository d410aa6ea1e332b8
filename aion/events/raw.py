"""Every event a row, as it is in the log: the raw form of export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aion.events.export_form import Mask, Row
from aion.store.exports import Exports, LoggedEvent


@dataclass(frozen=True, slots=True)
class RawForm:
    """`mask` None leaves personal data where it is; `since` is a time, UTC, ISO 8601."""

    exports: Exports
    mask: Mask | None
    since: str = ""
    name: str = "raw"

    @property
    def options(self) -> Mapping[str, object]:
        return {"personal": self.mask is None, "since": self.since}

    def new(self, tenant: str, after: int, upto: int) -> Iterator[Row]:
        """All of them: the log leaves nothing out."""
        for event in self.exports.events(tenant, after, upto, self.since):
            yield self._row(event)

    def changed(self, _tenant: str, _after: int, _upto: int) -> Iterator[Row]:
        """None: what was written stays as it is."""
        return iter(())

    def _row(self, event: LoggedEvent) -> Row:
        words: dict[str, Any] = {"meta": event.meta}
        if event.kind == "retrieval":
            words["passages"] = [asdict(passage) for passage in event.passages]
        counts: Mapping[str, int] = {}
        if self.mask is not None:
            texts: list[str] = []
            _collect(words, texts)
            masked = self.mask(texts)
            words, counts = _replaced(words, iter(masked.texts)), masked.counts
        facts = {
            "at": event.at,
            "kind": event.kind,
            "value": event.value,
            "conversation": event.conversation,
            "subject": event.subject,
        }
        return Row(event.id, facts | words, masked=counts)


def _collect(value: object, texts: list[str]) -> None:
    """The texts in `value`, in the order `_replaced` takes them; the keys of objects are left."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for each in value.values():
            _collect(each, texts)
    elif isinstance(value, list):
        for each in value:
            _collect(each, texts)


def _replaced(value: Any, texts: Iterator[str]) -> Any:
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, dict):
        return {key: _replaced(each, texts) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, texts) for each in value]
    return value
