"""What happens around a request when AION fails or is stopped, seen from a real connection."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aion.server.app import create_app
from aion.server.background import in_background
from aion.server.observe.request_record import REQUEST_ID
from aion.server.services import open_services
from tests.server.live import DEADLINE_S, Live, Narrow, live, serving_app, settings_in
from tests.server.observe.conftest import Log

_LOG = logging.getLogger("aion.test")


async def _fails(_request: Request) -> Response:
    raise RuntimeError("the handler failed")


async def _breaks_off(_request: Request) -> Response:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"first"
        raise RuntimeError("the stream failed")

    return StreamingResponse(pieces())


async def _logs(_request: Request) -> Response:
    _LOG.warning("on the loop")
    await asyncio.to_thread(_LOG.warning, "in the pool")
    await in_background(_LOG.warning, "in the background")
    return JSONResponse({"id": REQUEST_ID.get()})


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of its own: failures are on record."""
    with (
        open_services(settings_in(tmp_path_factory.mktemp("failing"))) as services,
        live(services) as running,
    ):
        yield running


def _app(running: Live) -> Starlette:
    app = create_app(running.services)
    app.router.routes += [
        Route("/fails", _fails),
        Route("/breaks-off", _breaks_off),
        Route("/logs", _logs),
    ]
    return app


def _exchange(sock: socket.socket, path: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """A request on an open connection: status, headers, body."""
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    with sock.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers = dict(line.decode().strip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        return status, headers, json.loads(file.read(int(headers["content-length"])))


def test_the_connection_lives_on_after_a_500(failing: Live, log: Log) -> None:
    with serving_app(_app(failing)) as url, socket.create_connection(_address(url), DEADLINE_S) as sock:
        status, headers, body = _exchange(sock, "/fails")
        assert status == 500
        assert body["error"]["type"] == "server_error"
        assert _exchange(sock, "/v1/models")[0] == 200
    line = log.request(headers["x-request-id"])
    assert (line["route"], line["status"], line["level"]) == ("/fails", 500, "error")
    assert "cut" not in line
    (told,) = [line for line in log.lines if "exception" in line]
    assert told["id"] == headers["x-request-id"]
    assert told["exception"].endswith("RuntimeError: the handler failed")
    assert not [line for line in log.lines if line["logger"].startswith("uvicorn")]


def test_a_failure_after_the_response_began_closes_the_connection(failing: Live, log: Log) -> None:
    with (
        serving_app(_app(failing)) as url,
        httpx.stream("GET", f"{url}/breaks-off") as response,
        pytest.raises(httpx.RemoteProtocolError, match="incomplete"),
    ):
        response.read()
    line = log.request(response.headers["x-request-id"])
    assert (line["status"], line["cut"], line["level"]) == (200, "failure", "error")
    (told,) = [line for line in log.lines if "exception" in line]
    assert (told["id"], told["logger"]) == (line["id"], "aion.server.failures")


def test_the_id_is_in_all_that_is_logged_for_the_request(failing: Live, log: Log) -> None:
    with serving_app(_app(failing)) as url:
        request_id = httpx.get(f"{url}/logs").json()["id"]
    _LOG.warning("afterwards")
    told = [(line["message"], line.get("id")) for line in log.lines if line["logger"] == "aion.test"]
    assert told == [
        ("on the loop", request_id),
        ("in the pool", request_id),
        ("in the background", request_id),
        ("afterwards", None),
    ]


def test_a_stream_that_a_stop_cancels_has_its_line(endless: Narrow, log: Log) -> None:
    endless.tap.open()
    body = {"model": "aion", "messages": [{"role": "user", "content": "Olá"}], "stream": True}
    with httpx.Client(timeout=DEADLINE_S) as http:
        with serving_app(create_app(endless.services), grace_s=0) as url:
            request = http.build_request("POST", f"{url}/v1/chat/completions", json=body)
            response = http.send(request, stream=True)
            lines = response.iter_lines()
            next(lines)
        response.close()
    line = log.request(response.headers["x-request-id"])
    assert (line["status"], line["cut"]) == (200, "stop")
    assert line["tokens_out"] > 0


def _address(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    assert parsed.port is not None
    return parsed.host, parsed.port
