"""A client that goes away ends its generation: in the queue, during prefill, while it is written."""

from __future__ import annotations

import contextlib
import json
import logging
import select
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from tests.server.live import Live, Narrow, serving, wait_until

LONG = 100_000  # fitted to the context: some two thousand tokens
CHAT = {"messages": [{"role": "user", "content": "Fale do tour"}], "max_tokens": LONG}
REQUESTS = {
    "generate": ("/generate", {"prompt": "Fale do tour", "max_new_tokens": LONG}),
    "chat": ("/api/ai/chat", {"message": "Fale do tour"}),
    "chat-stream": ("/api/ai/chat", {"message": "Fale do tour", "stream": True}),
    "v1": ("/v1/chat/completions", CHAT),
    "v1-stream": ("/v1/chat/completions", CHAT | {"stream": True}),
}


@contextlib.contextmanager
def asked(server: Narrow, name: str) -> Iterator[socket.socket]:
    """A request that has reached the engine, by a client that closes when the block ends."""
    n_before = len(server.engine.submitted)
    path, body = REQUESTS[name]
    with server.connect(path, body) as client:
        wait_until(lambda: len(server.engine.submitted) > n_before, "the request to reach the engine")
        yield client


def wait_aborted(server: Narrow, sequence_id: int) -> None:
    wait_until(lambda: sequence_id in server.engine.aborted, f"sequence {sequence_id} to be aborted")


@pytest.mark.parametrize("name", REQUESTS)
def test_leaving_the_queue(endless: Narrow, name: str) -> None:
    endless.tap.shut()
    with asked(endless, "generate"):
        with asked(endless, name):
            gone = endless.engine.submitted[-1]
            endless.tap.step_until(lambda: endless.engine.status().n_waiting == 1, "a request to wait")
        wait_aborted(endless, gone)
        endless.tap.step_until(lambda: endless.engine.status().n_waiting == 0, "the queue to be empty")
        assert endless.engine.status().n_running == 1


@pytest.mark.parametrize("name", REQUESTS)
def test_leaving_during_prefill(endless: Narrow, name: str) -> None:
    endless.tap.shut()
    n_before = endless.engine.status().n_tokens
    with asked(endless, name):
        wait_until(lambda: endless.engine.status().n_running == 1, "the prefill to begin")
    wait_aborted(endless, endless.engine.submitted[-1])
    endless.tap.open()
    endless.wait_idle()
    assert endless.engine.status().n_tokens - n_before <= 1


@pytest.mark.parametrize("name", REQUESTS)
def test_leaving_while_it_is_written(endless: Narrow, name: str) -> None:
    endless.tap.shut()
    n_before = endless.engine.status().n_tokens

    def written() -> bool:
        n_new = endless.engine.status().n_tokens - n_before
        return n_new >= 3 and ("stream" not in name or bool(select.select([client], [], [], 0)[0]))

    with asked(endless, name) as client:
        endless.tap.step_until(written, "a few tokens")
        n_written = endless.engine.status().n_tokens
    wait_aborted(endless, endless.engine.submitted[-1])
    endless.tap.open()
    endless.wait_idle()
    assert endless.engine.status().n_tokens - n_written <= 2
    endless.assert_answers()


def reset(client: socket.socket) -> None:
    """Leave as a killed process does, without a farewell."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


HEAD = b"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
PARTS = {
    "nothing": b"",
    "a part of the first line": b"POST /gen",
    "a part of the headers": HEAD,
    "no body yet": HEAD + b"Content-Length: 100\r\n\r\n",
    "a part of the body": HEAD + b'Content-Length: 100\r\n\r\n{"prompt',
    "a part of a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    "waiting to be asked for the body": HEAD + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
}


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
@pytest.mark.parametrize("sent", PARTS.values(), ids=PARTS)
def test_leaving_before_the_request_is_whole(
    endless: Narrow, caplog: pytest.LogCaptureFixture, sent: bytes, leave: Callable[[socket.socket], None]
) -> None:
    n_before = len(endless.engine.submitted)
    leave(endless.raw(sent))
    endless.assert_answers()
    assert len(endless.engine.submitted) == n_before + 1
    assert worse_than_notes(caplog) == []


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
@pytest.mark.parametrize("stream", [False, True])
def test_leaving_after_the_last_token(
    endless: Narrow, caplog: pytest.LogCaptureFixture, stream: bool, leave: Callable[[socket.socket], None]
) -> None:
    client = endless.connect("/v1/chat/completions", CHAT | {"max_tokens": 3, "stream": stream})
    wait_until(lambda: bool(client.recv(1)), "the answer to begin")
    endless.wait_idle()
    leave(client)
    endless.assert_answers()
    endless.wait_idle()
    assert worse_than_notes(caplog) == []


def test_who_reads_nothing_gives_the_slot_back(endless: Narrow, caplog: pytest.LogCaptureFixture) -> None:
    settings = endless.services.settings.model_copy(update={"send_timeout_s": 0.3})
    n_before = endless.engine.status().n_tokens
    path, body = REQUESTS["v1-stream"]
    with serving(replace(endless.services, settings=settings)) as url, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", httpx.URL(url).port))
        data = json.dumps(body).encode()
        client.sendall(
            HEAD.replace(b"/generate", path.encode()) + b"Content-Length: %d\r\n\r\n" % len(data) + data
        )
        wait_until(lambda: endless.engine.status().n_tokens > n_before, "the answer to begin")
        endless.wait_idle()
        n_written = endless.engine.status().n_tokens - n_before
        assert n_written < endless.engine.n_ctx * 3 // 4  # what buffers take, and no more
    assert worse_than_notes(caplog) == []


OTHER_WORK = {
    "search": ("/api/search", {"query": "tour"}),
    "embeddings": ("/v1/embeddings", {"input": ["tour"] * 100}),
    "tokens": ("/tokenize", {"content": "tour " * 1000}),
}


@pytest.mark.parametrize("name", OTHER_WORK)
def test_leaving_other_work(endless: Narrow, caplog: pytest.LogCaptureFixture, name: str) -> None:
    for _ in range(20):
        reset(endless.connect(*OTHER_WORK[name]))
    assert endless.post(*OTHER_WORK[name]).status_code == 200
    assert worse_than_notes(caplog) == []


def worse_than_notes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_leaving_in_the_middle_of_the_body_is_no_failure(
    sintra: Live, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(sintra.address) as client:
        client.sendall(b"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
    sintra.assert_answers()
    assert caplog.records == []


@pytest.mark.parametrize("name", REQUESTS)
def test_a_full_queue_says_when_to_come_back(endless: Narrow, name: str) -> None:
    endless.tap.shut()
    with asked(endless, "generate"), asked(endless, "v1-stream"):
        response = endless.post(*REQUESTS[name])
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert response.json()["error"]["type"] == "overloaded_error"
        assert "AION_QUEUE" in response.json()["error"]["message"]
    endless.tap.open()
    endless.wait_idle()
    endless.assert_answers()
