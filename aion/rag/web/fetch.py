"""One page fetched by the rules: whitelist, robots.txt, its turn, then the request. Decides nothing about
what comes back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from aion.errors import AionError
from aion.rag.web.client import Client, Response
from aion.rag.web.frontier import Entry
from aion.rag.web.pace import Pace
from aion.rag.web.robots import HostRules, Robots
from aion.rag.web.rules import Rules


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of an entry: a response, a `refusal` (it was not asked for, and why), or an error."""

    entry: Entry
    response: Response | None = None
    host: HostRules | None = None
    refusal: str = ""
    error: AionError | None = None


class Fetcher:
    """Safe for threads, one a host."""

    def __init__(self, client: Client, pace: Pace, rules: Rules) -> None:
        self._client = client
        self._pace = pace
        self._rules = rules
        self._robots = Robots(client, pace, rules)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask for nothing more; a request that is under way ends by itself."""
        self._stopped.set()

    def fetch(self, entry: Entry, conditions: Mapping[str, str]) -> Fetched:
        """Ask for an entry once, `conditions` being more headers. Redirects are not followed."""
        host: HostRules | None = None
        try:
            self._rules.domains.check(entry.url)
            host = self._robots.of(entry.url)
            refusal = host.why_not(entry.url)
            if refusal:
                return Fetched(entry, host=host, refusal=refusal)
            with self._pace.turn(entry.host, host.delay_s):
                if self._stopped.is_set():
                    return Fetched(entry, host=host, refusal="AION was stopped.")
                response = self._client.get(entry.url, conditions, self._limit(entry))
        except AionError as error:
            return Fetched(entry, host=host, error=error)
        return Fetched(entry, response, host)

    def _limit(self, entry: Entry) -> int:
        rules = self._rules
        return rules.max_sitemap_bytes if entry.kind == "sitemap" else rules.max_file_bytes
