"""What is made of each answer: documents, links to follow, pages that are gone. Owned by one thread.

Every page is remembered after its document was stored, so that a crawl stopped at any point asks again for
what it does not know to be in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aion.errors import AionError, DocumentError, StoreError
from aion.rag.readers.registry import WEBPAGE
from aion.rag.web.client import Response
from aion.rag.web.fetch import Fetched
from aion.rag.web.frontier import Entry, Frontier, Scope
from aion.rag.web.page import Page, directives, read_page
from aion.rag.web.reading import PageReader, kind_of, text_of_page
from aion.rag.web.rules import Rules
from aion.rag.web.summary import CrawlSummary
from aion.rag.web.traps import Traps, is_document
from aion.rag.web.urls import canonical, likely_same
from aion.store.pages import PageRow, Pages
from aion.types import LoadedDocument

MAX_NOTED = 1000
_MAX_VALIDATOR_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Sink:
    """Where documents go, for one tenant. `store` keeps one and `tag` gives the tags of this run to one that
    is there; `is_stored` says whether there is one at a location, `is_current` whether it would be stored as
    it is there; `forget` removes it."""

    store: Callable[[LoadedDocument], Literal["added", "changed", "unchanged"]]
    tag: Callable[[str], None]
    is_stored: Callable[[str], bool]
    is_current: Callable[[str], bool]
    forget: Callable[[str], bool]


class Harvest:
    """Takes in the answers of one run."""

    def __init__(
        self,
        tenant: str,
        rules: Rules,
        pages: Pages,
        reader: PageReader,
        sink: Sink,
        frontier: Frontier,
        scope: Scope,
        summary: CrawlSummary,
        is_pruning: bool,
    ) -> None:
        self._tenant = tenant
        self._rules = rules
        self._pages = pages
        self._reader = reader
        self._sink = sink
        self._frontier = frontier
        self._scope = scope
        self._summary = summary
        self._is_pruning = is_pruning
        self._traps = Traps()
        self._copies: set[str] = set()

    def conditions(self, entry: Entry) -> dict[str, str]:
        """What to ask with, so that a page which is in and did not change is not sent again."""
        row = self._pages.find(self._tenant, entry.url) if entry.kind == "page" else None
        if row is None or not self._is_current(row):
            return {}
        told = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
        return {name: value for name, value in told.items() if value}

    def _is_current(self, row: PageRow) -> bool:
        """Whether what was made of the page is still there."""
        if row.document in ("", row.url):
            return not row.document or self._sink.is_current(row.url)
        other = self._pages.find(self._tenant, row.document)
        same = other is not None and other.document == other.url and other.text_hash == row.text_hash
        return same and self._sink.is_current(row.document)

    def take_in(self, fetched: Fetched) -> None:
        """Judge one answer that is a page. Raises StoreError."""
        entry, answer = fetched.entry, fetched.response
        if fetched.refusal:
            self._left_out(entry, fetched.refusal)
        elif answer is None:
            assert fetched.error is not None
            self._note(self._summary.failed, entry.url, fetched.error.message)
        elif answer.status == 304:
            self._unchanged(entry)
        elif answer.status == 200:
            self._content(entry, answer)
        elif 300 <= answer.status < 400:
            self._redirect(entry, answer)
        else:
            self._refused(entry, answer.status)

    def fail(self, url: str, reason: str) -> None:
        """A page that could not be had."""
        self._note(self._summary.failed, url, reason)

    def skip(self, url: str, reason: str) -> None:
        """A page that is left out."""
        self._note(self._summary.skipped, url, reason)

    def _unchanged(self, entry: Entry) -> None:
        row = self._pages.find(self._tenant, entry.url)
        if row is None:
            self.fail(entry.url, "it answers that nothing changed, though it was never fetched (HTTP 304).")
            return
        self._pages.touch(self._tenant, entry.url)
        if row.document == row.url:
            self._sink.tag(row.url)
            self._summary.unchanged += 1
        else:
            self.skip(entry.url, "it has not changed since it was left out.")
        self._follow(entry, row.links)

    def _redirect(self, entry: Entry, answer: Response) -> None:
        try:
            target = canonical(answer.header("location") or "", entry.url)
            self._rules.domains.check(target)
        except DocumentError as error:
            self._left_out(entry, f"it redirects to where AION may not go: {error.message}")
            return
        if answer.status in (301, 308):
            self._gone(entry.url, f"it moved to {target}.")
        if not entry.origin:
            self._scope.add(target)
        self._lead(entry, target, f"it redirects to {target}")

    def _lead(self, entry: Entry, target: str, how: str) -> None:
        """Go on to the URL that stands for this one."""
        if target == entry.url:
            self._left_out(entry, f"{how}, which is itself.")
        elif entry.hops >= self._rules.max_hops:
            self._left_out(entry, f"{how}, after {entry.hops} redirects; AION goes no further.")
        elif not self._frontier.add(Entry(target, entry.depth, hops=entry.hops + 1, origin=entry.origin)):
            self.skip(entry.url, f"{how}, which is asked for already.")

    def _refused(self, entry: Entry, status: int) -> None:
        row = self._pages.find(self._tenant, entry.url)
        if status in (404, 410):
            if row is not None and row.document == row.url and self._sink.is_stored(row.url):
                self._gone(entry.url, f"it is not there any more (HTTP {status}).")
                return
            self._pages.delete(self._tenant, entry.url)
        reason = f"it answers HTTP {status}."
        if status >= 500:
            self.fail(entry.url, reason)
        else:
            self._left_out(entry, reason)

    def _content(self, entry: Entry, answer: Response) -> None:
        try:
            kind = kind_of(answer)
            if kind == WEBPAGE:
                self._web_page(entry, answer)
            else:
                self._file(entry, answer, kind)
        except StoreError:
            raise
        except AionError as error:
            self._left_out(entry, error.message)

    def _web_page(self, entry: Entry, answer: Response) -> None:
        if len(answer.data) > self._rules.max_page_bytes:
            raise DocumentError(
                f"it has {len(answer.data):,} bytes of HTML and the limit is {self._rules.max_page_bytes:,}."
            )
        text = text_of_page(answer)
        page = read_page(text, entry.url, self._rules.robot, answer.header("x-robots-tag"))
        links = page.links if page.is_follow_allowed else ()
        self._follow(entry, links)
        if not page.is_index_allowed:
            self._drop(entry, answer, links, "it asks not to be kept (noindex).")
            return
        target = self._canonical(entry, page)
        if target is not None:
            self._copies.add(entry.url)
            self._lead(entry, target, f"it is a copy of {target} (rel=canonical)")
            self._drop(entry, answer, (target, *links), None)
            return
        self._keep(entry, answer, self._reader.read_page(entry.url, text, len(answer.data)), links)

    def _canonical(self, entry: Entry, page: Page) -> str | None:
        """The page that this one calls itself a copy of, unless that one calls itself a copy too."""
        target = page.canonical
        if (
            target is None
            or likely_same(target) == likely_same(entry.url)
            or entry.hops >= self._rules.max_hops
        ):
            return None
        return target if self._rules.domains.allows(target) and target not in self._copies else None

    def _file(self, entry: Entry, answer: Response, kind: str) -> None:
        if directives(answer.header("x-robots-tag"), self._rules.robot) & {"noindex", "none"}:
            self._drop(entry, answer, (), "it asks not to be kept (X-Robots-Tag: noindex).")
            return
        self._keep(entry, answer, self._reader.read_file(answer, kind), ())

    def _keep(self, entry: Entry, answer: Response, document: LoadedDocument, links: tuple[str, ...]) -> None:
        """Store the document, unless another page that may be asked for has the same text."""
        text_hash = document.content_hash
        other = self._pages.find_text(self._tenant, text_hash, but=entry.url)
        if other is not None and not self._rules.domains.allows(other):
            other = None
        if other is not None and self._sink.is_current(other) and not self._sink.is_stored(entry.url):
            self.skip(entry.url, f"it has the same text as {other}.")
            self._remember(answer, PageRow(entry.url, other, text_hash, links=links))
            return
        outcome = self._sink.store(document)
        setattr(self._summary, outcome, getattr(self._summary, outcome) + 1)
        self._sink.tag(document.location)
        if document.note and outcome != "unchanged":
            self._note(self._summary.notes, entry.url, document.note)
        self._remember(answer, PageRow(entry.url, entry.url, text_hash, links=links))

    def _drop(self, entry: Entry, answer: Response, links: tuple[str, ...], reason: str | None) -> None:
        """Keep nothing of a page; what was kept of it before is gone."""
        if reason is not None:
            self.skip(entry.url, reason)
        self._gone(entry.url, reason or "it calls itself a copy of another page by now (rel=canonical).")
        if not self._sink.is_stored(entry.url):
            self._remember(answer, PageRow(entry.url, links=links))

    def _gone(self, url: str, reason: str) -> None:
        """Report that the page of a stored document is gone, and prune it where that was asked for."""
        if not self._sink.is_stored(url):
            return
        self._note(self._summary.gone, url, reason)
        if self._is_pruning and self._sink.forget(url):
            self._pages.delete(self._tenant, url)
            self._summary.removed += 1

    def _remember(self, answer: Response, row: PageRow) -> None:
        etag, modified = _validators(answer)
        whole = PageRow(row.url, row.document, row.text_hash, etag, modified, row.links)
        self._pages.put(self._tenant, whole)

    def _follow(self, entry: Entry, links: tuple[str, ...]) -> None:
        if entry.depth >= self._rules.depth:
            return
        for link in links:
            if self._frontier.has_seen(link) or not self._rules.domains.allows(link) or not is_document(link):
                continue
            trap = self._traps.why_not(link)
            if trap:
                self._frontier.see(link)
                self.skip(link, trap)
            else:
                self._frontier.add(Entry(link, entry.depth + 1, origin=entry.url))

    def _left_out(self, entry: Entry, reason: str) -> None:
        """Of a page that was named it is a failure, of one that was met on the way it is not."""
        self._note(self._summary.skipped if entry.origin else self._summary.failed, entry.url, reason)

    @staticmethod
    def _note(notes: list[tuple[str, str]], url: str, reason: str) -> None:
        if len(notes) < MAX_NOTED:
            notes.append((url, reason))


def _validators(answer: Response) -> tuple[str | None, str | None]:
    """ETag and Last-Modified, where they can be sent back."""
    found = []
    for name in ("etag", "last-modified"):
        value = answer.header(name)
        is_good = value and value.isascii() and value.isprintable() and len(value) <= _MAX_VALIDATOR_CHARS
        found.append(value if is_good else None)
    return found[0], found[1]
