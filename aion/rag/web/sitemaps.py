"""The sitemaps of a run: where they are looked for, how many are read, which of their pages are queued."""

from __future__ import annotations

from aion.errors import AionError, DocumentError
from aion.rag.web.fetch import Fetched
from aion.rag.web.frontier import Entry, Frontier, Scope
from aion.rag.web.robots import HostRules
from aion.rag.web.rules import Rules
from aion.rag.web.sitemap import read_sitemap
from aion.rag.web.urls import canonical, origin_of

_MAX_NESTED = 2  # an index of indexes is none by the protocol, and is met all the same
_ENDS = (".xml", ".xml.gz", "sitemap.txt")


def is_sitemap(url: str) -> bool:
    """Whether a URL that was named is that of a sitemap, by its end."""
    return url.partition("?")[0].endswith(_ENDS)


class Sitemaps:
    """Owned by one thread."""

    def __init__(self, rules: Rules, frontier: Frontier, scope: Scope) -> None:
        self._rules = rules
        self._frontier = frontier
        self._scope = scope
        self._known_origins: set[str] = set()
        self._n_queued = 0

    def offer(self, url: str, host: HostRules) -> None:
        """Queue the sitemaps of the origin of `url` if it was named: those of its robots.txt, or else
        /sitemap.xml."""
        origin = origin_of(url)
        if host.refusal or origin in self._known_origins or self._rules.depth == 0:
            return
        if not self._scope.is_at(origin):
            return
        self._known_origins.add(origin)
        for link in host.sitemaps or (f"{origin}/sitemap.xml",):
            self._queue(link, Entry(f"{origin}/robots.txt", hops=-1))

    def take_in(self, fetched: Fetched) -> str:
        """Queue what a sitemap lists. Returns why it could not be read; "" when it was, or when there is
        none where nobody said there would be one."""
        entry, answer = fetched.entry, fetched.response
        if answer is not None and 300 <= answer.status < 400:
            self._queue(answer.header("location"), entry)
            return ""
        try:
            found = read_sitemap(_body(fetched), entry.url, self._rules.max_sitemap_bytes)
        except AionError as error:
            is_missing = answer is not None and answer.status in (404, 410)
            return "" if is_missing and entry.origin else error.message
        for link in found.sitemaps:
            self._queue(link, entry)
        for link in found.pages:
            self._queue_page(link, entry)
        return ""

    def _queue(self, link: str, found_in: Entry) -> None:
        url = self._allowed(link, found_in)
        if url and self._n_queued < self._rules.max_sitemaps and found_in.hops < _MAX_NESTED:
            entry = Entry(url, found_in.depth, "sitemap", found_in.hops + 1, origin=found_in.url)
            self._n_queued += self._frontier.add(entry)

    def _queue_page(self, link: str, sitemap: Entry) -> None:
        """A page, if it is of the part that was named, or if the sitemap itself was named."""
        url = self._allowed(link, sitemap)
        if url and (self._scope.has(url) or not sitemap.origin):
            self._frontier.add(Entry(url, 1, origin=sitemap.url))

    def _allowed(self, link: str, found_in: Entry) -> str:
        """The canonical URL of a link; "" when it may not be asked for."""
        try:
            url = canonical(link, found_in.url)
        except DocumentError:
            return ""
        return url if self._rules.domains.allows(url) else ""


def _body(fetched: Fetched) -> bytes:
    """Raises AionError when there is none."""
    if fetched.error is not None:
        raise fetched.error
    if fetched.response is None or fetched.response.status != 200:
        status = fetched.response.status if fetched.response else 0
        raise DocumentError(fetched.refusal or f"it answers HTTP {status}.")
    return fetched.response.data
