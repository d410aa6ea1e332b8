"""A client that goes away ends its generation: in the queue, during prefill, while it is written."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

import pytest

from tests.server.live import Live, Narrow, wait_until

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


def test_leaving_in_the_middle_of_the_body_is_no_failure(
    sintra: Live, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(sintra.address) as client:
        client.sendall(b"POST /generate HTTP/1.1\r\nHost: aion\r\nContent-Length: 100\r\n\r\n{")
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
