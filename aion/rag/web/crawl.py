"""The crawl: named pages, then what they lead to, host by host in turn, a few hosts at once.

The thread that calls `crawl` decides and stores; a thread a request only fetches. Interrupted, it leaves
what is in where it is, and the next run asks only whether that has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import SimpleQueue

from httpcore2 import NetworkBackend

from aion.errors import AionError, SettingsError
from aion.rag.web.addresses import GuardedNetwork
from aion.rag.web.client import Client, Limits
from aion.rag.web.course import Course
from aion.rag.web.domains import SETTING
from aion.rag.web.fetch import Fetched, Fetcher
from aion.rag.web.frontier import Entry, Frontier, Scope
from aion.rag.web.harvest import Harvest, Sink
from aion.rag.web.pace import Clock, Pace, SystemClock
from aion.rag.web.reading import PageReader
from aion.rag.web.rules import Rules
from aion.rag.web.summary import CrawlSummary, Progress
from aion.rag.web.urls import canonical, host_of
from aion.store.pages import Pages


class Crawler:
    """Ingests pages for one tenant. One crawl at a time."""

    def __init__(
        self,
        tenant: str,
        rules: Rules,
        pages: Pages,
        reader: PageReader,
        sink: Sink,
        *,
        network: NetworkBackend | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`network` is guarded unless a test gives one that may reach its local server."""
        self._tenant = tenant
        self._rules = rules
        self._pages = pages
        self._reader = reader
        self._sink = sink
        self._clock = clock or SystemClock()
        usual = Limits(max_bytes=rules.max_file_bytes)
        self._client = Client(network or GuardedNetwork(), rules.user_agent, limits or usual)

    def crawl(
        self,
        urls: Sequence[str],
        progress: Progress | None = None,
        *,
        prune: bool = False,
        summary: CrawlSummary | None = None,
    ) -> CrawlSummary:
        """Ingest the pages at `urls` and what they lead to, by the rules.

        What fails is in the summary and the rest goes on; `summary` is counted up meanwhile, for who
        interrupts. `prune` removes the documents of pages that are gone.
        Raises SettingsError where the whitelist is empty, and StoreError.
        """
        refuse_empty(self._rules, urls)
        summary = CrawlSummary() if summary is None else summary
        frontier, scope = Frontier(self._rules.n_pages), Scope()
        harvest = Harvest(
            self._tenant, self._rules, self._pages, self._reader, self._sink, frontier, scope, summary, prune
        )
        run = Course(self._rules, self._pages, self._tenant, frontier, scope, harvest, summary)
        notes: SimpleQueue[Fetched | BaseException | str] = SimpleQueue()
        pace = Pace(self._clock, lambda host, s: notes.put(f"waiting {s:.1f} s for {host}"))
        fetcher = Fetcher(self._client, pace, self._rules)
        for url in urls:
            run.name(url)
        try:
            _work(run, fetcher, pace, notes, progress or (lambda *_: None))
        finally:
            fetcher.stop()
        summary.n_left += run.n_dropped + len(frontier) + frontier.n_refused
        return summary


def _work(
    run: Course,
    fetcher: Fetcher,
    pace: Pace,
    notes: SimpleQueue[Fetched | BaseException | str],
    progress: Progress,
) -> None:
    """Keep a few hosts busy until there is nothing left to ask for."""
    while run.start(lambda entry, conditions: _in_thread(fetcher, entry, conditions, notes)):
        note = notes.get()
        if isinstance(note, BaseException):
            raise note
        if isinstance(note, str):
            progress(*run.counts, note)
            continue
        progress(*run.counts, note.entry.url)
        run.take_in(note, pace)
    progress(*run.counts, "")


def _in_thread(
    fetcher: Fetcher,
    entry: Entry,
    conditions: dict[str, str],
    notes: SimpleQueue[Fetched | BaseException | str],
) -> None:
    def fetch() -> None:
        try:
            notes.put(fetcher.fetch(entry, conditions))
        except BaseException as error:  # the thread that decides raises it
            notes.put(error)

    # A daemon: a process that is told to end does not wait for a server that does not answer.
    threading.Thread(target=fetch, name=f"crawl {entry.host}", daemon=True).start()


def refuse_empty(rules: Rules, urls: Sequence[str]) -> None:
    """Raise SettingsError, which says how to allow the first of `urls`, where the whitelist is empty."""
    if rules.domains:
        return
    try:
        host = host_of(canonical(urls[0] if "://" in urls[0] else f"https://{urls[0]}"))
    except (AionError, IndexError):
        host = "sintra.pt"
    raise SettingsError(
        f"{SETTING} is empty, so nothing is fetched from the web; set {SETTING}={host} to allow {host}, "
        "more domains by commas.",
        param=SETTING,
    )
