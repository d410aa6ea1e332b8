"""One person's data out of the log: found, shown, deleted so that its bytes are gone from the file too.

Documents are no events and exported files are copies: neither is touched here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from aion.errors import InvalidRequest, StoreError
from aion.events.kinds import ERASURE, RETENTION, RETRIEVAL
from aion.events.late import LateFile
from aion.events.person import Wanted
from aion.store.connection import Store
from aion.store.event_removal import EventRemoval
from aion.store.event_rows import Entry
from aion.store.events import EventRow, Events
from aion.store.judgments import Judgments
from aion.store.listing import Listing

_PAGE = 500
_FIRST = 20  # events that are shown


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is to go: events with one of the `texts`, of a `conversation`, from before a time (ISO 8601, UTC).
    All that is given must hold."""

    texts: tuple[str, ...] = ()
    conversation: str | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if not self.texts and self.conversation is None and self.before is None:
            raise InvalidRequest("Nothing says what to forget; give --text, --conversation or --before.")

    def told(self) -> dict[str, object]:
        """What the log says of the rule, which is nothing of the person."""
        by = [name for name in ("texts", "conversation", "before") if getattr(self, name)]
        return {"by": by} | ({"before": self.before} if self.before else {})


@dataclass(frozen=True, slots=True)
class Found:
    """What would go: events and judgments by their ids, and entries that wait to be written. `first` are the
    oldest of the events, `kinds` how many there are of each kind; `documents` have the texts too and stay."""

    events: tuple[int, ...]
    first: tuple[EventRow, ...]
    kinds: Mapping[str, int]
    judgments: tuple[int, ...]
    n_late: int
    documents: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.events or self.judgments or self.n_late)

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        counts = dict(sorted(self.kinds.items()))
        if self.judgments:
            counts["judgment"] = len(self.judgments)
        return counts | ({"late": self.n_late} if self.n_late else {})


@dataclass(frozen=True, slots=True)
class Erased:
    """How many went of each kind. `trouble` says why bytes of them may still be in the file, "" when they are
    gone."""

    counts: dict[str, int]
    trouble: str = ""


class Erasure:
    """Forgets in one store. Blocks for seconds on a large one; from any thread."""

    def __init__(self, store: Store, late: LateFile) -> None:
        self._store = store
        self._late = late
        self._events = Events(store)
        self._removal = EventRemoval(store)

    def find(self, tenant: str, criteria: Criteria) -> Found:
        """What would go by these criteria. Raises InvalidRequest, StoreError."""
        wanted = Wanted(criteria.texts)
        direct = {row.id for row in self._events.all(tenant) if self._is_meant(tenant, row, criteria, wanted)}
        ids = tuple(sorted(self._removal.with_dependants(tenant, direct)))
        first, kinds, asked = list[EventRow](), Counter[str](), set[object]()
        for row in filter(None, (self._events.find(tenant, event_id) for event_id in ids)):
            kinds[row.kind] += 1
            if row.kind == RETRIEVAL:
                asked.add(row.meta.get("query"))
            if len(first) < _FIRST:
                first.append(row)
        judgments = self._judgments(tenant, criteria, wanted, asked)
        with self._late.held() as held:
            n_late = sum(_is_meant_late(entry, tenant, criteria, wanted) for entry in held.entries)
        documents = tuple(self._documents(tenant, wanted)) if wanted else ()
        return Found(ids, tuple(first), kinds, judgments, n_late, documents)

    def erase(self, tenant: str, criteria: Criteria, found: Found) -> Erased:
        """Delete what was found, with what hangs on it by now. Raises StoreError."""
        wanted = Wanted(criteria.texts)
        with self._late.held() as held:
            stays = [not _is_meant_late(entry, tenant, criteria, wanted) for entry in held.entries]
            told = criteria.told() | ({"late": stays.count(False)} if not all(stays) else {})
            counts = self._removal.erase(tenant, found.events, found.judgments, told)
            held.keep(stays)
        if not all(stays):
            counts["late"] = stays.count(False)
        return Erased(counts, self._scrub())

    def _scrub(self) -> str:
        """Write the file anew: zeros are where rows were, but pages that were split once may hold copies."""
        try:
            is_gone = self._store.vacuum()
        except StoreError as error:
            return f"The file could not be written anew: {error.message} Run `aion index rebuild` then."
        if is_gone:
            return ""
        return (
            f"Another process reads {self._store.path}; bytes may stay there and in the -wal file beside it "
            "until that has ended and AION is started again."
        )

    def _is_meant(self, tenant: str, row: EventRow, criteria: Criteria, wanted: Wanted) -> bool:
        if row.kind in (ERASURE, RETENTION):
            return False
        if criteria.before is not None and row.at >= criteria.before:
            return False
        if criteria.conversation is not None and row.conversation != criteria.conversation:
            return False
        if not wanted:
            return True
        if wanted.is_in_any(row.meta) or wanted.is_in(row.conversation or ""):
            return True
        passages = self._events.retrieved(tenant, row.id) if row.kind == RETRIEVAL else ()
        return any(wanted.is_in_any([p.source, p.title, p.text]) for p in passages)

    def _judgments(
        self, tenant: str, criteria: Criteria, wanted: Wanted, asked: set[object]
    ) -> tuple[int, ...]:
        """Those whose question has the text, and what feedback made of questions that go, `asked`."""
        return tuple(
            judgment.id
            for judgment in Judgments(self._store).list(tenant)
            if (judgment.origin == "feedback" and judgment.question in asked)
            or (criteria.conversation is None and wanted.is_in(judgment.question)
                and (criteria.before is None or judgment.at < criteria.before))
        )  # fmt: skip

    def _documents(self, tenant: str, wanted: Wanted) -> Iterator[str]:
        listing, after = Listing(self._store), ""
        while page := listing.page(tenant, _PAGE, after):
            for listed in page:
                own = [listed.source, listed.title, *listed.tags]
                if wanted.is_in_any(own) or any(
                    wanted.is_in(chunk.text) for chunk in listing.chunks(tenant, listed.id)
                ):
                    yield listed.source
            after = page[-1].source


def _is_meant_late(entry: Entry, tenant: str, criteria: Criteria, wanted: Wanted) -> bool:
    if entry.tenant != tenant:
        return False
    if criteria.before is not None and entry.at >= criteria.before:
        return False
    if criteria.conversation is not None and entry.conversation != criteria.conversation:
        return False
    return not wanted or wanted.is_in_any(_plain(entry))


def _plain(entry: Entry) -> object:
    whole = asdict(entry)
    return [whole["conversation"] or "", whole["lines"]]
