"""One HTTP request, within limits of time and size. Follows no redirect, keeps no cookie, asks no proxy.

httpcore2 is the client, the layer below httpx2: it takes a network backend, which httpx2 does not hand
through, so the address is checked on the very connection that is used; and it does nothing on its own: no
redirects, no proxies of the environment, no decoding without a limit.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import httpcore2
from httpcore2 import NetworkBackend

from aion.errors import DocumentError
from aion.rag.web.deadline import Deadline
from aion.rag.web.inflate import inflated
from aion.rag.web.urls import host_of

_ACCEPT = "text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.8,*/*;q=0.5"
_LANGUAGES = "pt-BR,pt;q=0.9,en;q=0.6,*;q=0.3"


class Unreachable(DocumentError):
    """The host gave no answer, or none that is HTTP; another page of it may fare no better."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes of one request. `whole_s` is from the first byte sent to the last received."""

    connect_s: float = 10.0
    read_s: float = 20.0
    whole_s: float = 120.0
    max_bytes: int = 50 * 2**20


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it came; header names are in lower case, `data` is decompressed."""

    url: str
    status: int
    headers: Mapping[str, str]
    data: bytes = b""

    def header(self, name: str) -> str:
        """The value of a header, "" when there is none."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Client:
    """Fetches from one network by one name. Immutable; safe for threads."""

    network: NetworkBackend
    user_agent: str
    limits: Limits = Limits()
    tls: ssl.SSLContext = field(default_factory=httpcore2.default_ssl_context)

    def get(
        self,
        url: str,
        conditions: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        cut: bool = False,
    ) -> Response:
        """Ask for a canonical URL once. `conditions` are more headers; a body beyond `max_bytes` (those of
        the limits if None) is an error, or with `cut` the rest of it is left.

        Raises Unreachable, and DocumentError for what may not be asked or is too much.
        """
        limit = self.limits.max_bytes if max_bytes is None else max_bytes
        deadline = Deadline(self.network, self.limits.whole_s)
        try:
            with (
                httpcore2.ConnectionPool(ssl_context=self.tls, network_backend=deadline) as pool,
                pool.stream(
                    "GET", url, headers=self._headers(url, conditions or {}), extensions=self._timeouts()
                ) as answer,
            ):
                return _read(url, answer, limit, cut)
        except (httpcore2.TimeoutException, TimeoutError) as error:
            raise Unreachable(f"{host_of(url)} did not answer in time ({self._said(error)}).") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
            raise Unreachable(
                f"{host_of(url)} could not be asked ({error or type(error).__name__})."
            ) from error

    def _said(self, error: Exception) -> str:
        limits = self.limits
        if isinstance(error, httpcore2.ConnectTimeout):
            return f"{limits.connect_s:g} s to connect"
        return f"{limits.read_s:g} s between two pieces, {limits.whole_s:g} s in all"

    def _headers(self, url: str, conditions: Mapping[str, str]) -> list[tuple[bytes | str, bytes | str]]:
        host = url.split("/")[2]
        return [
            ("Host", host),
            ("User-Agent", self.user_agent),
            ("Accept", _ACCEPT),
            ("Accept-Language", _LANGUAGES),
            ("Accept-Encoding", "gzip"),
            ("Connection", "close"),
            *conditions.items(),
        ]

    def _timeouts(self) -> dict[str, dict[str, float]]:
        connect, read = self.limits.connect_s, self.limits.read_s
        return {"timeout": {"connect": connect, "read": read, "write": read, "pool": connect}}


def _read(url: str, answer: httpcore2.Response, limit: int, cut: bool) -> Response:
    headers = _headers(answer.headers)
    announced = headers.get("content-length", "")
    if not cut and announced.isdecimal() and int(announced[:20]) > limit:
        raise _too_large(url, int(announced[:20]), limit)
    encoding = headers.get("content-encoding", "").strip().lower()
    parts: list[bytes] = []
    n_bytes = 0
    for part in inflated(_within(url, answer.iter_stream(), limit, cut), encoding, url):
        room = limit - n_bytes
        if len(part) > room:
            if not cut:
                raise _too_large(url, n_bytes + len(part), limit)
            return Response(url, answer.status, headers, b"".join([*parts, part[:room]]))
        parts.append(part)
        n_bytes += len(part)
    return Response(url, answer.status, headers, b"".join(parts))


def _within(url: str, parts: Iterable[bytes], limit: int, cut: bool) -> Iterator[bytes]:
    """The body as it is transferred, no more of it than may come out of it: what inflates to less than
    itself is no page."""
    n_bytes = 0
    for part in parts:
        n_bytes += len(part)
        if n_bytes > limit and not cut:
            raise _too_large(url, n_bytes, limit)
        yield part


def _too_large(url: str, n_bytes: int, limit: int) -> DocumentError:
    return DocumentError(
        f"{url} has {n_bytes:,} bytes or more and the limit is {limit:,}; "
        "fetch it by hand and ingest what you need of it."
    )


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Values of one name are joined by commas (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined
