"""Connections by the byte: what is no HTTP, too much of it, too slow, or never read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aion.server.wire.limits import ConnectionLimits
from aion.server.wire.open_connections import HEADROOM, OpenConnections
from tests.server.live import DEADLINE_S, serving_app, wait_until

HOST = b"Host: a\r\n"
POST = b"POST /echo HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = 64 * 1024 * 1024
GET_HOLD = b"GET /hold HTTP/1.1\r\n" + HOST + b"\r\n"
GET_LARGE = b"GET /large HTTP/1.1\r\n" + HOST + b"\r\n"
FLOOD = b"a" * 4_000_000


class Echo:
    """Tells what came, and remembers who left before it was told."""

    def __init__(self) -> None:
        self.n_gone = 0
        self.held = asyncio.Event()
        self.n_held = 0

    async def echo(self, request: Request) -> Response:
        try:
            data = await request.body()
        except ClientDisconnect:
            self.n_gone += 1
            return Response(status_code=499)
        return JSONResponse(
            {"n": len(data), "path": request.url.path, "trailer": "x-late" in request.headers}
        )

    async def ranged(self, request: Request) -> Response:
        return JSONResponse({"n": int("range" in request.headers)})

    async def early(self, _request: Request) -> Response:
        return JSONResponse({"early": True}, 413)

    async def large(self, _request: Request) -> Response:
        return Response(b"x" * LARGE)

    async def hold(self, request: Request) -> Response:
        self.n_held += 1
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self.n_gone += 1
        return Response(status_code=499)

    async def slow(self, _request: Request) -> Response:
        self.n_held += 1
        await self.held.wait()
        return JSONResponse({"late": True})

    def app(self) -> Starlette:
        routes = [
            Route("/echo", self.echo, methods=["GET", "POST"]),
            Route("/range", self.ranged),
            Route("/early", self.early, methods=["POST"]),
            Route("/large", self.large),
            Route("/hold", self.hold),
            Route("/slow", self.slow),
            Route("/health", self.echo),
        ]
        return Starlette(routes=routes, exception_handlers={ClientDisconnect: lambda *_: Response()})


@contextlib.contextmanager
def served(limits: ConnectionLimits) -> Iterator[tuple[Echo, tuple[str, int]]]:
    echo = Echo()
    with serving_app(echo.app(), 1, limits) as url:
        yield echo, ("127.0.0.1", httpx.URL(url).port or 0)


@pytest.fixture(scope="module")
def patient() -> Iterator[tuple[str, int]]:
    with served(ConnectionLimits()) as (_, address):
        yield address


def connected(address: tuple[str, int], data: bytes = b"") -> socket.socket:
    sock = socket.create_connection(address, timeout=DEADLINE_S)
    with contextlib.suppress(OSError):  # closed while it is sent
        sock.sendall(data)
    return sock


def rest(sock: socket.socket) -> bytes:
    """All that comes until the end."""
    with sock, contextlib.suppress(ConnectionError):
        return b"".join(iter(lambda: sock.recv(65536), b""))
    return b""


def receive_until(sock: socket.socket, what: bytes) -> None:
    """Read until `what` has come; head and body may come one by one."""
    data = b""
    while what not in data:
        data += (part := sock.recv(1000))
        assert part, data


def response(data: bytes) -> tuple[int, bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


REFUSED = {
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    "http2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "method": (b"FOO /echo HTTP/1.1\r\n\r\n", 400),
    "version": (b"GET /echo HTTP/9.9\r\n\r\n", 400),
    "connect": (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bytes in the path": (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 400),
    "nul in a header": (b"GET /echo HTTP/1.1\r\nA: \0\r\n\r\n", 400),
    "folded header": (b"GET /echo HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
    "both lengths": (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
    "negative length": (POST + b"Content-Length: -4\r\n\r\nabcde", 400),
    "endless length": (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "no chunk": (CHUNKED + b"zz\r\nabc\r\n", 400),
    "chunk longer than it says": (CHUNKED + b"1\r\nabc\r\n0\r\n\r\n", 400),
    "long target": (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n\r\n", 414),
    "endless target": (b"GET /" + FLOOD, 414),
    "many headers": (b"GET /echo HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
    "large headers": (b"GET /echo HTTP/1.1\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    "endless header": (b"GET /echo HTTP/1.1\r\nA: " + FLOOD, 431),
    "endless name": (b"GET /echo HTTP/1.1\r\n" + FLOOD, 431),
    "endless trailer": (CHUNKED + b"3\r\nabc\r\n0\r\nX: " + FLOOD, 400),
    "endless chunk extension": (CHUNKED + b"3;" + FLOOD, 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_told_in_the_one_form(patient: tuple[str, int], name: str) -> None:
    data, expected = REFUSED[name]
    status, body = response(rest(connected(patient, data)))
    error = json.loads(body)["error"]
    assert (status, error["type"], error["param"], error["code"]) == (
        expected, "invalid_request_error", None, None,
    )  # fmt: skip
    assert error["message"].endswith(".")


def asked(address: tuple[str, int], data: bytes) -> dict[str, object]:
    """The JSON of the first response."""
    with connected(address, data) as sock, sock.makefile("rb") as reader:
        assert reader.readline().split()[1] == b"200"
        length = 0
        while (line := reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        told: dict[str, object] = json.loads(reader.read(length))
        return told


ALLOWED = {
    "HTTP/1.0": (b"GET /echo HTTP/1.0\r\n\r\n", 0),
    "absolute form": (b"GET http://b/echo HTTP/1.1\r\n" + HOST + b"\r\n", 0),
    "chunks": (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", 5),
    "many small chunks": (CHUNKED + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n", 100_000),
    "websocket": (b"GET /echo HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 0),
    "h2c with a body": (
        POST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        b"Content-Length: 3\r\n\r\nabc", 3,
    ),
    "upgrade of HTTP/1.0": (b"GET /echo HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 0),
    "less than was sent": (POST + b"Content-Length: 1\r\n\r\nabc", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_odd_and_allowed(patient: tuple[str, int], name: str) -> None:
    data, n = ALLOWED[name]
    assert asked(patient, data) == {"n": n, "path": "/echo", "trailer": False}


def test_a_body_in_two_parts_after_h2c(patient: tuple[str, int]) -> None:
    head = POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 6\r\n\r\nabc"
    with connected(patient, head) as sock:
        assert not select.select([sock], [], [], 0.05)[0]
        sock.sendall(b"def" + POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
        assert b'{"n":6,' in rest(sock)


def test_a_trailer_is_no_header(patient: tuple[str, int]) -> None:
    assert asked(patient, CHUNKED + b"0\r\nX-Late: 1\r\n\r\n")["trailer"] is False


def test_a_range_is_passed_over(patient: tuple[str, int]) -> None:
    assert asked(patient, b"GET /range HTTP/1.1\r\n" + HOST + b"Range: bytes=5-1\r\n\r\n")["n"] == 0


def test_it_says_that_a_body_may_come(patient: tuple[str, int]) -> None:
    with connected(patient, POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n") as sock:
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"abc")
        receive_until(sock, b'{"n":3,')


def test_an_old_client_is_not_told_to_go_on(patient: tuple[str, int]) -> None:
    head = b"POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
    assert asked(patient, head)["n"] == 3


def test_an_upgrade_that_closes_is_closed(patient: tuple[str, int]) -> None:
    head = b"GET /echo HTTP/1.1\r\n" + HOST + b"Connection: upgrade, close\r\nUpgrade: h2c\r\n\r\n"
    assert response(rest(connected(patient, head)))[0] == 200


SLOW = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"


def test_who_sends_no_more_still_gets_the_answer() -> None:
    with served(ConnectionLimits()) as (echo, address), connected(address, SLOW) as sock:
        sock.shutdown(socket.SHUT_WR)
        reader = sock.makefile("rb")
        assert [reader.readline() for _ in range(2)] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
        echo.held.set()
        told = reader.read()
        reader.close()
    assert told.endswith(b'{"late":true}')
    assert b"\r\nconnection: close\r\n" in told


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_who_sends_no_more_and_has_gone_is_noticed(version: bytes) -> None:
    limits = ConnectionLimits()
    with served(limits) as (echo, address):
        with connected(address, GET_HOLD.replace(b"1.1", version)) as sock:
            wait_until(lambda: echo.n_held == 1, "the request")
            sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: echo.n_gone == 1, "the handler to be told")
        wait_until(lambda: limits.connections.n == 0, "the connection to be gone")


def test_half_a_request_and_no_more_is_closed() -> None:
    limits = ConnectionLimits()
    with (
        served(limits) as (echo, address),
        connected(address, POST + b"Content-Length: 9\r\n\r\nabc") as sock,
    ):
        sock.shutdown(socket.SHUT_WR)
        assert rest(sock) == b""
        wait_until(lambda: echo.n_gone == 1, "the handler to be told")


def test_a_second_request_before_the_answer_gets_none() -> None:
    with served(ConnectionLimits()) as (echo, address):
        get = b"GET /hold HTTP/1.1\r\n" + HOST + b"\r\n"
        with connected(address, get * 2):
            wait_until(lambda: echo.n_held == 1, "the first request")
        wait_until(lambda: echo.n_gone == 1, "the first to learn that its client has left")
        assert echo.n_held == 1
        answers = rest(connected(address, POST + b"Content-Length: 0\r\n\r\n" + get))
        assert answers.count(b"HTTP/1.1") == 1
        assert echo.n_held == 1


def test_a_broken_body_reaches_the_handler_as_a_client_that_left() -> None:
    with served(ConnectionLimits()) as (echo, address):
        with connected(address, CHUNKED + b"3\r\nabc\r\n") as sock:
            sock.sendall(b"zz\r\n")
            assert response(rest(sock))[0] == 400
        wait_until(lambda: echo.n_gone == 1, "the handler to be told")


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"", b""), (b"\r\n\r\n", b""), (b"GET /echo HTT", b" 408 "), (POST + b"A: b\r\n", b" 408 ")],
)
def test_who_does_not_come_to_the_end_of_the_headers_is_closed(data: bytes, told: bytes) -> None:
    with served(ConnectionLimits(head_s=0.2)) as (_, address):
        assert told in rest(connected(address, data))


def test_the_time_for_headers_begins_anew_with_each_request() -> None:
    get = b"GET /echo HTTP/1.1\r\n"
    with (
        served(ConnectionLimits(head_s=0.2)) as (_, address),
        connected(address, get + HOST + b"\r\n") as sock,
    ):
        receive_until(sock, b'{"n":0,')
        sock.sendall(get)
        assert b" 408 " in rest(sock)


def test_the_rest_of_a_body_that_nobody_wants_is_not_read_for_ever() -> None:
    head = b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000000\r\n\r\n"
    with served(ConnectionLimits(linger_s=0.2)) as (_, address):
        assert response(rest(connected(address, head + b"a" * 1000)))[0] == 413


def test_an_answer_that_nobody_reads_is_dropped() -> None:
    limits = ConnectionLimits(send_timeout_s=0.2)
    with (
        served(limits) as (_, address),
        connected(address, GET_LARGE) as sock,
    ):
        wait_until(lambda: limits.connections.n == 1, "the connection")
        wait_until(lambda: limits.connections.n == 0, "the connection to be dropped")
        assert len(rest(sock)) < LARGE


def test_who_reads_slowly_but_reads_gets_all() -> None:
    limits = ConnectionLimits(send_timeout_s=0.5)
    with (
        served(limits) as (_, address),
        connected(address, GET_LARGE) as sock,
    ):
        n_read = 0
        while n_read < LARGE // 2:
            n_read += len(sock.recv(1024 * 1024))
            select.select([], [], [], 0.005)
        assert n_read + len(rest_of(sock, LARGE + 1000 - n_read)) > LARGE


def rest_of(sock: socket.socket, n: int) -> bytes:
    parts, n_read = [], 0
    sock.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while n_read < n and (part := sock.recv(1024 * 1024)):
            parts.append(part)
            n_read += len(part)
    return b"".join(parts)


def test_where_all_places_are_taken_the_longest_idle_one_is_given_up() -> None:
    limits = ConnectionLimits(connections=OpenConnections(most=3))
    with served(limits) as (_, address):
        idle = [connected(address) for _ in range(3)]
        wait_until(lambda: limits.connections.n == 3, "the connections")
        assert asked(address, b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n")["path"] == "/echo"
        assert rest(idle[0]) == b""
        assert not select.select(idle[1:], [], [], 0)[0]
        for sock in idle[1:]:
            sock.close()


def test_where_all_are_busy_health_is_told_and_the_rest_is_to_come_back() -> None:
    limits = ConnectionLimits(connections=OpenConnections(most=2))
    with served(limits) as (echo, address), contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connected(address, b"GET /hold HTTP/1.1\r\n" + HOST + b"\r\n"))
        wait_until(lambda: echo.n_held == 2, "the connections to be busy")
        assert asked(address, b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")["path"] == "/health"
        told = rest(connected(address, b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n"))
        status, body = response(told)
        assert (status, json.loads(body)["error"]["type"]) == (503, "overloaded_error")
        assert b"retry-after: 5" in told.lower()


def test_past_the_headroom_connections_are_closed_unheard() -> None:
    connections = OpenConnections(most=1)
    limits = ConnectionLimits(connections=connections)
    with served(limits) as (echo, address), contextlib.ExitStack() as stack:
        held = b"GET /hold HTTP/1.1\r\n" + HOST + b"\r\n"
        stack.enter_context(connected(address, held))
        wait_until(lambda: echo.n_held == 1, "the connection to be busy")
        connections.n += HEADROOM
        assert rest(connected(address, b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")) == b""
        connections.n -= HEADROOM
    wait_until(lambda: connections.n == 0, "all places to be free")
