"""Server-sent events from a real uvicorn: pings, clients that leave or read nothing, a server that stops."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator
from functools import partial

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aion.server.event_stream import EventStream, frame
from aion.server.wire.limits import ConnectionLimits
from tests.server.live import DEADLINE_S, serving_app, wait_until

LAST = frame("stopped", "error")


class Frames:
    """What a test's route sends: `n` frames of `size` bytes, then, if `endless`, nothing for ever. Their end
    takes `end_s`."""

    def __init__(self, n: int = 2, size: int = 10, *, endless: bool = False, end_s: float = 0.0) -> None:
        self.n, self.size, self.endless, self.end_s = n, size, endless, end_s
        self.sent, self.closed = 0, False

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        try:
            for _ in range(self.n):
                yield frame("x" * self.size)
                self.sent += 1
            if self.endless:
                await asyncio.Event().wait()
        finally:
            self.closed = True
            await asyncio.sleep(self.end_s)


def app(frames: Frames, ping_s: float = 15, send_timeout_s: float = 30) -> Starlette:
    async def route(_request: Request) -> Response:
        return EventStream(frames(), last_words=LAST, ping_s=ping_s, send_timeout_s=send_timeout_s)

    return Starlette(routes=[Route("/", route)])


def connected(url: str) -> socket.socket:
    port = httpx.URL(url).port
    assert port is not None
    sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return sock


def test_a_frame_is_one_line_of_json() -> None:
    assert frame({"text": "é\n"}) == 'data: {"text": "é\\n"}\n\n'.encode()
    assert frame("[DONE]", "end") == b"event: end\ndata: [DONE]\n\n"


def test_all_frames_arrive_in_order() -> None:
    frames = Frames(3)
    with serving_app(app(frames)) as url:
        response = httpx.get(url)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    assert response.text == "data: xxxxxxxxxx\n\n" * 3
    assert frames.closed


def test_a_quiet_stream_is_pinged() -> None:
    with (
        serving_app(app(Frames(1, endless=True), ping_s=0.02), 0) as url,
        httpx.stream("GET", url) as response,
    ):
        lines = response.iter_lines()
        assert [next(lines) for _ in range(6)] == ["data: xxxxxxxxxx", "", ": ping", "", ": ping", ""]


def test_a_client_that_leaves_closes_the_frames() -> None:
    frames = Frames(1, endless=True)
    with serving_app(app(frames)) as url:
        with connected(url) as sock:
            assert sock.recv(100)
        wait_until(lambda: frames.closed, "the frames to be closed")


def test_a_client_that_sends_no_more_is_served_while_it_is_there() -> None:
    frames = Frames(1, endless=True)
    with serving_app(app(frames)) as url:
        with connected(url) as sock:
            sock.shutdown(socket.SHUT_WR)
            told = b""
            while told.count(b": ping\n\n") < 3:  # the stream itself has one in 15 s
                told += sock.recv(10_000)
            assert b"xxx" in told
            assert not frames.closed
        wait_until(lambda: frames.closed, "the frames to be closed")


def test_a_client_that_reads_nothing_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    frames, limits = Frames(100_000, 10_000), ConnectionLimits()
    with serving_app(app(frames, send_timeout_s=0.2), 5, limits) as url, connected(url) as sock:
        wait_until(lambda: frames.closed, "the frames to be closed")
        wait_until(lambda: limits.connections.n == 0, "the connection to be gone")
        assert sum(map(len, iter(partial(sock.recv, 1_000_000), b""))) < frames.n * frames.size
    assert 0 < frames.sent < frames.n
    assert caplog.records == []


def test_a_client_that_reads_nothing_holds_up_no_end() -> None:
    frames = Frames(100_000, 10_000)
    with serving_app(app(frames), 0) as url:
        sock = connected(url)
        wait_until(partial(_stands_still, frames), "the client's buffers to be full")
    sock.close()
    assert frames.closed


def _stands_still(frames: Frames) -> bool:
    n_before = frames.sent
    time.sleep(0.2)
    return frames.sent == n_before > 0


def test_a_server_that_stops_says_so() -> None:
    with serving_app(app(Frames(1, endless=True)), 0) as url:
        sock = connected(url)
        wait_until(partial(_has_come, sock, b"xxx"), "the first frame")
    with sock:
        assert LAST in b"".join(iter(partial(sock.recv, 1000), b""))


def _has_come(sock: socket.socket, what: bytes) -> bool:
    return what in sock.recv(10_000, socket.MSG_PEEK)


def test_data_of_several_lines_must_be_json() -> None:
    assert json.loads(frame(["a\nb"]).removeprefix(b"data: ")) == ["a\nb"]


def test_the_last_words_do_not_wait_for_what_takes_long_to_end() -> None:
    frames = Frames(endless=True, end_s=DEADLINE_S)
    with serving_app(app(frames), grace_s=1) as url:
        sock = connected(url)
        wait_until(lambda: frames.sent == 2, "the frames to be sent")
    with sock, sock.makefile("rb") as reader:
        assert LAST in reader.read()
    assert frames.closed
