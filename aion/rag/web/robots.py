"""robots.txt: what a host asks of robots, fetched once a run (RFC 9309). Protego reads the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protego import Protego

from aion.errors import DocumentError
from aion.rag.web.client import Client, Response, Unreachable
from aion.rag.web.pace import Pace
from aion.rag.web.rules import Rules
from aion.rag.web.urls import canonical, host_of, origin_of

MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class HostRules:
    """What one origin allows. `delay_s` is between two requests; `refusal`, unless "", forbids everything."""

    robots: Protego
    robot: str
    delay_s: float
    refusal: str = ""

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """The sitemaps it names, as written."""
        return tuple(self.robots.sitemaps)

    def why_not(self, url: str) -> str:
        """Why a canonical URL is not asked for; "" when it may be."""
        if self.refusal:
            return self.refusal
        return "" if self.robots.can_fetch(url, self.robot) else f"robots.txt of {host_of(url)} disallows it."


class Robots:
    """The robots.txt of every origin of a run, each fetched when first needed. Safe for threads that each
    ask for other origins."""

    def __init__(self, client: Client, pace: Pace, rules: Rules) -> None:
        self._client = client
        self._pace = pace
        self._rules = rules
        self._known: dict[str, HostRules] = {}

    def of(self, url: str) -> HostRules:
        """The rules of a canonical URL's origin. Raises DocumentError when its address may not be asked."""
        origin = origin_of(url)
        if origin not in self._known:
            self._known[origin] = self._read(origin)
        return self._known[origin]

    def _read(self, origin: str) -> HostRules:
        host = host_of(origin)
        try:
            answer = self._fetch(f"{origin}/robots.txt")
        except Unreachable as error:
            return self._nothing(f"robots.txt of {host} cannot be had, so no page is asked: {error.message}")
        if answer.status == 429 or answer.status >= 500:
            return self._nothing(
                f"robots.txt of {host} cannot be had (HTTP {answer.status}), so no page is asked for now."
            )
        text = answer.data.decode("utf-8-sig", "replace") if answer.status == 200 else ""
        return self._rules_in(host, Protego.parse(text))

    def _rules_in(self, host: str, robots: Protego) -> HostRules:
        robot, rules = self._rules.robot, self._rules
        rate = robots.request_rate(robot)
        delay = max(
            rules.delay_s, robots.crawl_delay(robot) or 0.0, rate.seconds / rate.requests if rate else 0.0
        )
        if delay > rules.max_wait_s:
            return self._nothing(
                f"{host} asks for {delay:,.0f} s between two requests and AION waits "
                f"{rules.max_wait_s:,.0f} s at most; ask its owner for the files."
            )
        return HostRules(robots, robot, delay)

    def _nothing(self, refusal: str) -> HostRules:
        return HostRules(Protego.parse(""), self._rules.robot, self._rules.delay_s, refusal)

    def _fetch(self, url: str) -> Response:
        """The answer after redirects, each of which is checked like any other URL. Raises DocumentError."""
        return follow(url, self._ask, self._rules)

    def _ask(self, url: str) -> Response:
        with self._pace.turn(host_of(url), self._rules.delay_s):
            return self._client.get(url, max_bytes=self._rules.max_robots_bytes, cut=True)


def follow(url: str, ask: Callable[[str], Response], rules: Rules) -> Response:
    """The answer after a few redirects within the whitelist. Raises Unreachable when there is none."""
    for _ in range(MAX_REDIRECTS + 1):
        rules.domains.check(url)
        answer = ask(url)
        if not 300 <= answer.status < 400 or not answer.header("location"):
            return answer
        try:
            url = canonical(answer.header("location"), url)
            rules.domains.check(url)
        except DocumentError as error:
            raise Unreachable(f"it redirects to where AION may not go: {error.message}") from error
    raise Unreachable(f"it redirects more than {MAX_REDIRECTS} times.")
