"""What was named and what is still to be asked for: named pages, then sitemaps, then links by their depth, a
queue a host."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from aion.rag.web.urls import host_of, likely_same, origin_of

MAX_QUEUED = 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A canonical URL to ask for. `hops` redirects or canonical links led here; `n_tries` were in vain.

    `origin` says which page led here, "" for one that was named.
    """

    url: str
    depth: int = 0
    kind: Literal["page", "sitemap"] = "page"
    hops: int = 0
    n_tries: int = 0
    origin: str = ""

    @property
    def host(self) -> str:
        return host_of(self.url)

    @property
    def counts(self) -> bool:
        """Whether it is one of the pages that are limited: a page that redirects and its target are one."""
        return self.kind == "page" and self.hops == 0


class Frontier:
    """Each URL once a run. Owned by one thread."""

    def __init__(self, n_pages: int) -> None:
        """At most `n_pages` pages are given out; sitemaps do not count."""
        self._left = n_pages
        self._queues: dict[str, list[tuple[float, int, Entry]]] = {}
        self._numbers = itertools.count()
        self._seen: set[str] = set()
        self.n_refused = 0

    def has_seen(self, url: str) -> bool:
        """Whether the URL, or one that differs in the order of its parameters, was ever queued."""
        return likely_same(url) in self._seen

    def see(self, url: str) -> bool:
        """Remember a URL; False when it was seen before."""
        key = likely_same(url)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    def add(self, entry: Entry) -> bool:
        """Queue an entry whose URL was not seen yet; False otherwise."""
        if len(self) >= MAX_QUEUED:
            self.n_refused += 1
            return False
        if not self.see(entry.url):
            return False
        self._push(entry)
        return True

    def put_back(self, entry: Entry) -> None:
        """Queue an entry again that was taken; it counts once."""
        self._left += entry.counts
        self._push(entry)

    def take(self, busy: Container[str]) -> Entry | None:
        """The next entry whose host is not busy; None when there is none now."""
        heads = [(queue[0][:2], host) for host, queue in self._queues.items() if queue and host not in busy]
        for _, host in sorted(heads):
            if self._left > 0 or not self._queues[host][0][2].counts:
                entry = heapq.heappop(self._queues[host])[2]
                self._left -= entry.counts
                return entry
        return None

    def drop(self, host: str) -> list[Entry]:
        """Take all entries of a host out, in order."""
        return [entry for *_, entry in sorted(self._queues.pop(host, []), key=lambda item: item[:2])]

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    @property
    def n_open(self) -> int:
        """How many of the queued entries may still be given out."""
        return min(len(self), max(self._left, 0))

    def _push(self, entry: Entry) -> None:
        place = entry.depth + 0.5 * (entry.kind == "sitemap")
        queue = self._queues.setdefault(entry.host, [])
        heapq.heappush(queue, (place, next(self._numbers), entry))


class Scope:
    """Which part of a site was named, so what its sitemaps may add and which known pages are looked after:
    the named pages and what is below them, for `https://a.pt/tours` also `https://a.pt/tours/...`, for
    `https://a.pt/pt/index.html` all of `https://a.pt/pt/`."""

    def __init__(self) -> None:
        self._named: dict[str, str] = {}

    def add(self, url: str) -> None:
        """Name a canonical URL."""
        self._named[url] = _below(url)

    def has(self, url: str) -> bool:
        """Whether a canonical URL is a named one or below one."""
        return url in self._named or url.startswith(tuple(self._named.values()))

    def is_at(self, origin: str) -> bool:
        """Whether something of that origin was named."""
        return any(origin_of(url) == origin for url in self._named)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How URLs below begin."""
        return tuple(dict.fromkeys(self._named.values()))


def _below(url: str) -> str:
    place = url.partition("?")[0]
    folder, _, last = place.rpartition("/")
    return f"{folder}/" if "." in last or not last else f"{place}/"
