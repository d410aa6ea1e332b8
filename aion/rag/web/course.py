"""The course of one crawl: what is asked for next, and which hosts are busy, shut or asked again later."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from aion.errors import AionError
from aion.rag.web.client import Unreachable
from aion.rag.web.fetch import Fetched
from aion.rag.web.frontier import Entry, Frontier, Scope
from aion.rag.web.harvest import Harvest
from aion.rag.web.pace import Pace, retry_after_s
from aion.rag.web.rules import Rules
from aion.rag.web.sitemaps import Sitemaps, is_sitemap
from aion.rag.web.summary import CrawlSummary
from aion.rag.web.urls import canonical
from aion.store.pages import Pages

_BUSY = frozenset({429, 502, 503, 504})
_MAX_UNREACHABLE = 3
_FIRST_RETRY_S = 5.0


class Course:
    """One crawl's course: which hosts are busy, shut or have told their sitemaps. Owned by one thread."""

    def __init__(
        self,
        rules: Rules,
        pages: Pages,
        tenant: str,
        frontier: Frontier,
        scope: Scope,
        harvest: Harvest,
        summary: CrawlSummary,
    ) -> None:
        self._rules = rules
        self._pages = pages
        self._tenant = tenant
        self._frontier = frontier
        self._scope = scope
        self._harvest = harvest
        self._summary = summary
        self._busy: set[str] = set()
        self._shut: set[str] = set()
        self._unreachable: Counter[str] = Counter()
        self._sitemaps = Sitemaps(rules, frontier, scope)
        self._has_looked_after = False
        self.n_dropped = 0

    @property
    def counts(self) -> tuple[int, int]:
        """Pages asked for, and those with all that may still be asked for."""
        n_done = self._summary.n_pages
        return n_done, n_done + self._frontier.n_open + len(self._busy)

    def name(self, url: str) -> None:
        """Begin with a URL the operator gave."""
        try:
            page = canonical(url if "://" in url else f"https://{url}")
            self._rules.domains.check(page)
        except AionError as error:
            self._harvest.fail(url, error.message)
            return
        self._scope.add(page)
        self._frontier.add(Entry(page, kind="sitemap" if is_sitemap(page) else "page"))

    def start(self, fetch: Callable[[Entry, dict[str, str]], None]) -> bool:
        """Send out what may go now; False when nothing is under way and nothing is left."""
        while len(self._busy) < self._rules.n_hosts:
            entry = self._frontier.take(self._busy)
            if entry is None:
                if self._busy or not self._look_after():
                    break
            elif entry.host in self._shut:
                self.n_dropped += entry.kind == "page"
            else:
                self._busy.add(entry.host)
                fetch(entry, self._harvest.conditions(entry))
        return bool(self._busy)

    def _look_after(self) -> bool:
        """Queue the stored pages of the named part of the site that nothing led to: they may be gone."""
        if self._has_looked_after or self._rules.depth == 0:
            return False
        self._has_looked_after = True
        known = [url for prefix in self._scope.prefixes for url in self._pages.under(self._tenant, prefix)]
        allowed = filter(self._rules.domains.allows, known)
        return sum(self._frontier.add(Entry(url, self._rules.depth, origin=url)) for url in allowed) > 0

    def take_in(self, fetched: Fetched, pace: Pace) -> None:
        """Go on with what came of an entry."""
        entry, answer = fetched.entry, fetched.response
        self._busy.discard(entry.host)
        self._summary.n_pages += entry.counts and entry.n_tries == 0
        if fetched.host is not None:
            self._sitemaps.offer(entry.url, fetched.host)
        if fetched.host is not None and fetched.host.refusal:
            self._shut_host(entry.host)
        if isinstance(fetched.error, Unreachable):
            self._unreachable[entry.host] += 1
            if self._unreachable[entry.host] >= _MAX_UNREACHABLE:
                self._shut_host(entry.host)
        elif answer is not None:
            self._unreachable[entry.host] = 0
        if answer is not None and answer.status in _BUSY:
            self._come_back(entry, answer.status, answer.header("retry-after"), pace)
        elif entry.kind == "sitemap":
            self._read_sitemap(fetched)
        else:
            self._harvest.take_in(fetched)

    def _come_back(self, entry: Entry, status: int, retry_after: str, pace: Pace) -> None:
        """The server is busy: later, if that is soon and was not asked for too often."""
        told = retry_after_s(retry_after, time.time())
        wait = _FIRST_RETRY_S * 2**entry.n_tries if told is None else told
        again = replace(entry, n_tries=entry.n_tries + 1)
        if wait > self._rules.max_wait_s:
            self._harvest.fail(
                entry.url, f"{entry.host} asks to come back in {wait:,.0f} s (HTTP {status}); run again then."
            )
            self._shut_host(entry.host)
        elif again.n_tries >= self._rules.max_attempts:
            self._harvest.fail(entry.url, f"it answered HTTP {status} {again.n_tries} times.")
        else:
            pace.postpone(entry.host, wait)
            self._frontier.put_back(again)

    def _shut_host(self, host: str) -> None:
        """Ask nothing more of a host in this run."""
        self._shut.add(host)
        self.n_dropped += sum(entry.kind == "page" for entry in self._frontier.drop(host))

    def _read_sitemap(self, fetched: Fetched) -> None:
        reason = self._sitemaps.take_in(fetched)
        if reason:
            note = self._harvest.skip if fetched.entry.origin else self._harvest.fail
            note(fetched.entry.url, reason)
