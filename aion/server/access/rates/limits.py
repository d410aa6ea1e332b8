"""How much one key, or one address without a key, may ask: requests a minute, answers at once. Pure ASGI.

Both are counted in memory by this process; the settings are looked up with each request.
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aion.errors import InvalidRequest, TooManyRequests
from aion.server.access.browser.session_cookie import session_token
from aion.server.access.credentials import sent_token
from aion.server.access.identity import Identity, identity_of
from aion.server.access.rates.token_buckets import Allowance, Rate, TokenBuckets
from aion.server.failures import aion_error
from aion.settings import Settings

FAILED_SIGN_IN_COSTS = 10
_UNCOUNTED = ("/health", "/ready")  # a watchman behind the same proxy is never told to come back
_SIGN_IN = ("POST", "/api/session")
_ANSWERS_KEY = "aion.answers"


@dataclass(slots=True)
class Counts:
    """What is counted of all callers of one service. Belongs to the event loop."""

    buckets: TokenBuckets = field(default_factory=TokenBuckets)
    answers: Counter[str] = field(default_factory=Counter)


class Answers:
    """The answers that one request asks for, until its response has ended."""

    def __init__(self, counts: Counts, who: str, most: int) -> None:
        self._counts = counts
        self._who = who
        self._most = most  # 0: any number
        self._n = 0
        self._has_turn = False

    def take(self, n: int = 1) -> None:
        """Raises TooManyRequests where the caller has too many with these, InvalidRequest where it always
        would."""
        if self._most and n > self._most:
            raise InvalidRequest(
                f"This asks for {n} texts at once, and you may have {self._most}; ask for fewer at a time, "
                "or have AION_STREAMS raised.",
                param="n",
            )
        n_others = self._counts.answers[self._who]
        if self._most and n_others + n > self._most:
            raise TooManyRequests(
                f"You may have {self._most} answers at once; {n_others} of yours are under way and this "
                f"asks for {n}, so wait for one to end, or have AION_STREAMS raised.",
                retry_after_s=2,
            )
        self._counts.answers[self._who] += n
        self._n += n

    def take_turn(self) -> None:
        """Count the request itself, once, as one text: what it has computed keeps others waiting too."""
        if not self._has_turn:
            self.take()
            self._has_turn = True

    def release(self) -> None:
        self._counts.answers[self._who] -= self._n
        if self._counts.answers[self._who] <= 0:
            del self._counts.answers[self._who]
        self._n = 0


def take_answers(request: HTTPConnection, n: int = 1) -> None:
    """Count texts that this request has a model write. Raises TooManyRequests, InvalidRequest."""
    answers: Answers | None = request.scope.get(_ANSWERS_KEY)
    if answers is not None and n > 0:
        answers.take(n)


def take_turn(request: HTTPConnection) -> None:
    """Count a request that has something computed and no text written. Raises TooManyRequests."""
    answers: Answers | None = request.scope.get(_ANSWERS_KEY)
    if answers is not None:
        answers.take_turn()


class Limits:
    """Refuses with 429 who asks too often; answers that were counted end with their response. Behind
    authentication."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNCOUNTED:
            await self._app(scope, receive, send)
            return
        identity = identity_of(HTTPConnection(scope))
        if not identity.is_limited:
            await self._app(scope, receive, send)
            return
        settings: Settings = scope["app"].state.services.settings
        who, rate = caller(scope, identity), _rate(settings, identity)
        if rate is not None:
            allowance = self._counts.buckets.take(who, rate)
            send = _telling(send, rate, allowance)
            if not allowance.is_given:
                error = _too_often(allowance, rate, _setting(identity))
                await aion_error(Request(scope), error)(scope, receive, send)
                return
        scope[_ANSWERS_KEY] = answers = Answers(self._counts, who, settings.streams)
        try:
            await self._app(scope, receive, send)
        finally:
            answers.release()


class SignInLimits:
    """Makes guessing slow: a refused credential costs its address as much as ten requests, and of an address
    that has nothing left none is looked at. Around authentication."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_credential(scope):
            await self._app(scope, receive, send)
            return
        settings: Settings = scope["app"].state.services.settings
        if settings.rate_address == 0:
            await self._app(scope, receive, send)
            return
        rate, who = Rate(settings.rate_address), f"address {address_of(scope)}"
        if not (allowance := self._counts.buckets.look(who, rate)).is_given:
            error = _too_often(allowance, rate, "AION_RATE_ADDRESS")
            await aion_error(Request(scope), error)(scope, receive, _telling(send, rate, allowance))
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._counts.buckets.fine(who, rate, FAILED_SIGN_IN_COSTS)
            await send(message)

        await self._app(scope, receive, watched)


def caller(scope: Scope, identity: Identity) -> str:
    """Whose requests count together."""
    return f"key {identity.key_id}" if identity.key_id else f"address {address_of(scope)}"


def address_of(scope: Scope) -> str:
    """The client's address; of IPv6 its /64, for that is what one customer has."""
    client = scope.get("client")
    host = client[0] if client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _rate(settings: Settings, identity: Identity) -> Rate | None:
    per_minute = settings.rate_key if identity.key_id else settings.rate_address
    return Rate(per_minute) if per_minute else None


def _setting(identity: Identity) -> str:
    return "AION_RATE_KEY" if identity.key_id else "AION_RATE_ADDRESS"


def _has_credential(scope: Scope) -> bool:
    """Whether it brings something that could be guessed; a proxy's own `Authorization` and other programs'
    cookies are none."""
    is_sign_in = (scope["method"], scope["path"]) == _SIGN_IN
    return is_sign_in or sent_token(Headers(scope=scope)) is not None or bool(session_token(scope))


def _too_often(allowance: Allowance, rate: Rate, setting: str) -> TooManyRequests:
    seconds = max(1, math.ceil(allowance.wait_s))
    return TooManyRequests(
        f"You may ask {rate.per_minute} times a minute, {rate.burst} at once, and have; come back in "
        f"{seconds} s, or have {setting} raised.",
        retry_after_s=seconds,
    )


def _telling(send: Send, rate: Rate, allowance: Allowance) -> Send:
    """OpenAI's headers, which its clients and gateways read."""

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-ratelimit-limit-requests"] = str(rate.per_minute)
            headers["x-ratelimit-remaining-requests"] = str(allowance.n_left)
            headers["x-ratelimit-reset-requests"] = _duration(allowance.full_s)
        await send(message)

    return telling


def _duration(seconds: float) -> str:
    """As Go prints one, to the millisecond: 1m2.5s, 8.64s, 12ms."""
    ms = math.ceil(seconds * 1000)
    if ms < 1000:
        return f"{ms}ms"
    minutes, ms = divmod(ms, 60_000)
    rest = f"{ms / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
