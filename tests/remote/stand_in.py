"""The other side for tests: a real HTTP server that speaks OpenAI's chat completions, or misbehaves as told.

By hand over asyncio, because what is tested are answers that no framework would send.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MODELS = {"object": "list", "data": [{"id": "stand-in", "object": "model", "owned_by": "tests"}]}
USAGE = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    data: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.data)


class Line:
    """The connection a behaviour answers on; `gone` is set when the client has closed it."""

    def __init__(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked = asked
        self.gone = asyncio.Event()
        self._reader = reader
        self._writer = writer

    async def watch(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._reader.read()
        self.gone.set()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        await self.send("\r\n".join(lines).encode())

    async def whole(
        self, status: int, body: bytes, content_type: str = "application/json", **headers: str
    ) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"content-type": content_type, "content-length": str(len(body)), "connection": "close"}
        await self.head(status, own | named)
        await self.send(body)

    async def begin_events(self) -> None:
        await self.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})

    async def event(self, data: object) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        await self.part(f"data: {text}\n\n".encode())

    async def part(self, data: bytes) -> None:
        """A chunk of a body whose length was not told; an empty one ends it."""
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def drop(self) -> None:
        """Close without another word."""
        self._writer.transport.abort()


Behaviour = Callable[[Line], Awaitable[None]]


@dataclass
class StandIn:
    """A running server. `then` says how the next chat completions are answered, the last of them for good;
    `routes` has the bodies of other paths. `asked` is what arrived."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    routes: dict[str, Behaviour] = field(default_factory=dict)
    n_open: int = 0
    n_left: int = 0
    _script: list[Behaviour] = field(default_factory=list)

    def then(self, *behaviours: Behaviour) -> None:
        self._script = list(behaviours)

    @property
    def completions(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.endswith("/chat/completions")]

    def behaviour(self, asked: Asked) -> Behaviour:
        path = asked.path.removeprefix("/v1")
        if path == "/chat/completions" and path not in self.routes:
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return self.routes.get(path, status(404, {"error": {"message": "nothing here"}}))


def chunk(content: object, **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "model": "stand-in", "choices": [choice | more]}


def end(reason: str = "stop") -> dict[str, object]:
    return chunk(None, finish_reason=reason)


def told(usage: object) -> dict[str, object]:
    return {"id": "1", "object": "chat.completion.chunk", "model": "stand-in", "choices": [], "usage": usage}


def events(*data: object, end_body: bool = True) -> Behaviour:
    """These events, then the end of the body or, without it, a dropped connection."""

    async def behave(line: Line) -> None:
        await line.begin_events()
        for each in data:
            await line.event(each)
        if end_body:
            await line.part(b"")
        else:
            line.drop()

    return behave


def says(*pieces: str, usage: object = USAGE) -> Behaviour:
    """A whole answer in order."""
    return events(*map(chunk, pieces), end(), told(usage), "[DONE]")


def status(code: int, body: object = None, **headers: str) -> Behaviour:
    data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    kind = "text/html" if isinstance(body, str) else "application/json"

    async def behave(line: Line) -> None:
        await line.whole(code, data, kind, **headers)

    return behave


def json_body(body: object) -> Behaviour:
    return status(200, body)


async def drop(line: Line) -> None:
    line.drop()


def stalls(*data: object) -> Behaviour:
    """These events, and then nothing until the client leaves; with none, not even a head."""

    async def behave(line: Line) -> None:
        if data:
            await line.begin_events()
        for each in data:
            await line.event(each)
        await line.gone.wait()

    return behave


@contextlib.contextmanager
def standing_in() -> Iterator[StandIn]:
    """A server on a free port until the block ends, in a thread with a loop of its own."""
    server = StandIn()
    server.then(says("Olá", " mundo"))
    server.routes["/models"] = json_body(MODELS)
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        async with _serving(server):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="stand-in")
    thread.start()
    try:
        assert ready.wait(10)
        yield server
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()


@contextlib.asynccontextmanager
async def _serving(server: StandIn) -> AsyncIterator[None]:
    live: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        live.add(task)
        server.n_open += 1
        try:
            await _answer(server, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            server.n_open -= 1
            live.discard(task)
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield
    finally:
        listening.close()
        for task in live:
            task.cancel()
        await asyncio.gather(*live, return_exceptions=True)


async def _answer(server: StandIn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
    data = await reader.readexactly(int(headers.get("content-length", "0")))
    asked = Asked(method, path, headers, data)
    server.asked.append(asked)
    line = Line(asked, reader, writer)
    watch = asyncio.ensure_future(line.watch())
    try:
        await server.behaviour(asked)(line)
    finally:
        server.n_left += line.gone.is_set()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


def closed_port() -> str:
    """An address at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
