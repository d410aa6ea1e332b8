"""Sends one request again and again at a fixed mean rate, whatever comes back, and notes how long each took.

    python benchmarks/http_load.py < JOB.json > RESULT.json

A process of its own. Requests are due at random times (a Poisson process) that do not depend on answers, and
each is counted from when it was due: one that had to wait for a slow server counts with its wait. Connections
are kept and used again where the server lets them. Knows neither which server answers nor what is measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop

_STAMP = re.compile(rb'"content": ?"(\d{12,})')
_WAIT_S = 60.0


@dataclass
class Exchange:
    """One request. Times are monotonic seconds; `pieces` are what arrived when."""

    due: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    trouble: str = ""

    def result(self) -> dict[str, Any]:
        """Milliseconds since it was due, and since the first text existed where the server told when."""
        raw = b"".join(data for _, data in self.pieces)
        if not self.trouble and b" 200 " not in raw[:16]:
            self.trouble = raw[:300].decode("utf-8", "replace")
        if self.trouble:
            return {"trouble": self.trouble}
        told: dict[str, Any] = {
            "first_ms": (self.pieces[0][0] - self.due) * 1e3,
            "whole_ms": (self.pieces[-1][0] - self.due) * 1e3,
        }
        seen = b""
        for at, data in self.pieces:
            seen += data
            if stamp := _STAMP.search(seen):
                told["token_ms"] = at * 1e3 - int(stamp[1]) / 1e6
                break
        if timings := re.search(rb'"timings": ?(\{.*?\})', raw):
            parts = json.loads(timings[1])
            told["engine_ms"] = parts["prompt_ms"] + parts["predicted_ms"]
        return told


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self) -> None:
        self._exchange: Exchange | None = None
        self._ended: asyncio.Future[None] | None = None
        self._head: bytes | None = None
        self._tail = b""
        self._left: int | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop has its own
        self.is_open = True

    def close(self) -> None:
        self._transport.close()

    async def ask(self, request: bytes, exchange: Exchange) -> None:
        """Send, and return at the end of the answer."""
        self._exchange, self._head, self._tail, self._left = exchange, b"", b"", None
        self._ended = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._ended
        except TimeoutError:
            exchange.trouble = f"no end within {_WAIT_S:.0f} s"
            self._transport.abort()
            self.is_open = False

    def data_received(self, data: bytes) -> None:
        exchange, ended = self._exchange, self._ended
        if exchange is None or ended is None or ended.done():
            return
        exchange.pieces.append((time.monotonic(), data))
        if self._head is not None:
            data = self._body_of(data)
        if self._head is None and self._is_end(data):
            ended.set_result(None)

    def _body_of(self, data: bytes) -> bytes:
        assert self._head is not None
        head, found, body = (self._head + data).partition(b"\r\n\r\n")
        if not found:
            self._head = head
            return b""
        lower = head.lower()
        if b"connection: close" in lower:
            self.is_open = False
        if length := re.search(rb"content-length: *(\d+)", lower):
            self._left = int(length[1])
        self._head = None
        return body

    def _is_end(self, data: bytes) -> bool:
        if self._left is not None:
            self._left -= len(data)
            return self._left <= 0
        self._tail = (self._tail + data)[-5:]
        return self._tail == b"0\r\n\r\n"

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._exchange and self._ended and not self._ended.done():
            self._exchange.trouble = f"the connection was closed ({error})"
            self._ended.set_result(None)


def iter_open(idle: list[Connection]) -> Iterator[Connection]:
    """Those that can be used, each taken out."""
    while idle:
        if (connection := idle.pop()).is_open:
            yield connection


async def load(job: dict[str, Any]) -> list[dict[str, Any]]:
    """All exchanges of one job: port, path, body, key, rate (a second), seconds."""
    body = json.dumps(job["body"]).encode()
    request = (
        f"POST {job['path']} HTTP/1.1\r\nHost: 127.0.0.1:{job['port']}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {job['key']}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    loop = asyncio.get_running_loop()
    idle: list[Connection] = []
    exchanges: list[Exchange] = []

    async def one(exchange: Exchange) -> None:
        try:
            while connection := next(
                iter_open(idle), None
            ):  # one that the server closes meanwhile is no loss
                await connection.ask(request, exchange)
                if exchange.pieces or not exchange.trouble:
                    return keep(connection)
                exchange.trouble = ""
            _, connection = await loop.create_connection(Connection, "127.0.0.1", job["port"])
            await connection.ask(request, exchange)
            keep(connection)
        except OSError as error:
            exchange.trouble = repr(error)

    def keep(connection: Connection) -> None:
        if connection.is_open:
            idle.append(connection)
        else:
            connection.close()

    tasks = []
    due, end = time.monotonic(), time.monotonic() + job["seconds"]
    draw = random.Random(job.get("seed", 0))
    while (due := due + draw.expovariate(job["rate"])) < end:
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        exchanges.append(Exchange(due))
        tasks.append(asyncio.create_task(one(exchanges[-1])))
    await asyncio.gather(*tasks)
    return [exchange.result() for exchange in exchanges]


def main() -> None:
    print(json.dumps(uvloop.run(load(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
