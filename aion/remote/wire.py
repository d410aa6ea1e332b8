"""The connections to one server: requests out, bodies in as they come, failures as `TryFailed`.

The official client builds and sends chat completions; what is not OpenAI's goes over the same connections
beside it. Nothing is tried again here, no redirect is followed, and no header leaves that is not listed:
neither the client's telemetry nor what the environment would add.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx2

from aion.remote.address import Address
from aion.remote.failure import Failures

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")

CONNECT_S = 5.0
_MAX_BODY_BYTES = 8 * 2**20
_MAX_FAILURE_BYTES = 64 * 2**10
_NEVER_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL, httpx2.ProxyError)
_SENT = {"accept", "connection", "content-length", "content-type", "host", "user-agent"}


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a whole answer must be there: `at` in the time of the event loop, `seconds` after it was asked
    for, as `limit`, a setting or a field, has it."""

    at: float
    seconds: float
    limit: str

    @classmethod
    def in_(cls, seconds: float, limit: str) -> Deadline:
        return cls(asyncio.get_running_loop().time() + seconds, seconds, limit)

    @property
    def left_s(self) -> float:
        return self.at - asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Received:
    """A response whose status is 2xx; `chunks` are the bytes of its body as they come, decompressed."""

    content_type: str
    chunks: AsyncGenerator[bytes, None]


class Wire:
    """Requests to one address with one key, on one event loop.

    Connections are not kept: a kept one may be dead, and then nobody knows whether the request on it was
    taken. Beside an answer's seconds the milliseconds of a new one are nothing.
    """

    def __init__(self, address: Address, api_key: str, failures: Failures) -> None:
        self._address = address
        self._key = api_key
        self._failures = failures
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            verify=address.api.startswith("https:"),
            follow_redirects=False,
            trust_env=not address.is_loopback,
            event_hooks={"request": [self._only_ours], "response": [_short_failure]},
        )
        self._openai: AsyncOpenAI | None = None

    @contextlib.asynccontextmanager
    async def chat(self, payload: Mapping[str, Any], deadline: Deadline) -> AsyncIterator[Received]:
        """`POST /v1/chat/completions`, its answer streamed. Leaving closes the connection.

        Raises TryFailed, also while the chunks are read.
        """
        client = await self._client()
        rest = {k: v for k, v in payload.items() if k not in ("model", "messages", "stream")}
        call = client.chat.completions.create(
            model=payload["model"], messages=payload["messages"], stream=True, extra_body=rest
        )
        response = (await self._in_time(_answered(call, self._failures), deadline)).response
        try:
            content_type = response.headers.get("content-type", "")
            yield Received(content_type, self._chunks(response.aiter_bytes(), deadline))
        finally:
            await response.aclose()

    async def get(self, url: str, deadline: Deadline) -> bytes:
        """The whole body at `url`. Raises TryFailed."""
        return await self._whole(self._http.build_request("GET", url), deadline)

    async def post(self, url: str, payload: Mapping[str, Any], deadline: Deadline) -> bytes:
        """The whole body that answers `payload`. Raises TryFailed."""
        return await self._whole(self._http.build_request("POST", url, json=payload), deadline)

    async def whole(self, chunks: AsyncGenerator[bytes, None]) -> bytes:
        """A body at once. Raises TryFailed for one too large."""
        body = bytearray()
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    raise self._failures.broken(f"more than {_MAX_BODY_BYTES >> 20} MiB in one body")
        return bytes(body)

    async def _whole(self, request: httpx2.Request, deadline: Deadline) -> bytes:
        response = await self._in_time(self._http.send(request, stream=True), deadline)
        try:
            if not response.is_success:
                body = await self._in_time(response.aread(), deadline)
                raise self._failures.status(response.status_code, response.headers, body)
            return await self.whole(self._chunks(response.aiter_bytes(), deadline))
        finally:
            await response.aclose()

    async def _chunks(self, chunks: AsyncIterator[bytes], deadline: Deadline) -> AsyncGenerator[bytes, None]:
        while True:
            try:
                async with asyncio.timeout_at(deadline.at):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise self._failures.out_of_time(deadline.seconds, deadline.limit) from None
            except httpx2.DecodingError:
                raise self._failures.broken("a body that is not compressed as it says") from None
            except (httpx2.HTTPError, httpx2.StreamError):
                raise self._failures.cut() from None
            yield chunk

    async def _in_time(self, work: Awaitable[T], deadline: Deadline) -> T:
        """What `work` brings, its failures translated."""
        try:
            async with asyncio.timeout_at(deadline.at):
                return await work
        except TimeoutError:
            raise self._failures.out_of_time(deadline.seconds, deadline.limit) from None
        except _NEVER_CONNECTED as error:
            raise self._failures.unreachable(str(error) or f"no answer in {CONNECT_S:g} s") from None
        except httpx2.HTTPError:
            raise self._failures.dropped() from None

    async def _client(self) -> AsyncOpenAI:
        if self._openai is None:
            openai = await asyncio.to_thread(importlib.import_module, "openai")  # it takes half a second
            self._openai = openai.AsyncOpenAI(
                api_key=self._key or "none",
                base_url=self._address.api,
                max_retries=0,
                timeout=self._http.timeout,
                http_client=self._http,
            )
        return cast("AsyncOpenAI", self._openai)

    async def _only_ours(self, request: httpx2.Request) -> None:
        for name in set(request.headers) - _SENT:
            del request.headers[name]
        request.headers["accept-encoding"] = "identity"
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"


async def _answered(call: Awaitable[T], failures: Failures) -> T:
    """What a call of the official client brings; its errors are httpx2's again, or a status."""
    import openai  # noqa: PLC0415 - the client is made of it, so it is loaded

    try:
        return await call
    except openai.APIStatusError as error:
        response = error.response
        raise failures.status(error.status_code, response.headers, response.content) from None
    except openai.APIConnectionError as error:
        raise (error.__cause__ or httpx2.TransportError("no answer")) from None


async def _short_failure(response: httpx2.Response) -> None:
    """Of a body that only says what went wrong, the beginning is enough."""
    if not response.is_success:
        response.stream = _Beginning(cast("httpx2.AsyncByteStream", response.stream))


class _Beginning(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        n_left = _MAX_FAILURE_BYTES
        async for chunk in self._stream:
            yield chunk[:n_left]
            n_left -= len(chunk)
            if n_left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()
