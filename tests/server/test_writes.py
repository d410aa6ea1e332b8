"""What a model writes goes out while it stands still, and what came together in one write."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
from collections.abc import Iterator

from tests.server.live import Narrow

N_TOGETHER = 8
BODY = {
    "messages": [{"role": "user", "content": "Fale do tour"}],
    "max_tokens": 40,
    "stream": True,
    "logprobs": True,  # so that a chunk says how many tokens are in it
}


@contextlib.contextmanager
def streaming(server: Narrow) -> Iterator[socket.socket]:
    """A stream of which the first text has come; the engine stands still."""
    server.tap.shut()
    with server.connect("/v1/chat/completions", BODY, "Connection: close\r\n") as client:
        server.tap.step_until(lambda: has_come(client), "the first text")
        yield client


def has_come(client: socket.socket) -> bool:
    return bool(select.select([client], [], [], 0)[0])


@contextlib.contextmanager
def held_loop(server: Narrow) -> Iterator[None]:
    """The server's event loop does nothing meanwhile."""
    outbox = server.services.serving.outboxes._outbox
    assert outbox is not None
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        is_held.set()
        is_over.wait()

    outbox.loop.call_soon_threadsafe(hold)
    assert is_held.wait(60)
    try:
        yield
    finally:
        is_over.set()


def writes(client: socket.socket) -> list[bytes]:
    """The chunks of the body, of which each is one write."""
    with client.makefile("rb") as reader:
        while reader.readline() != b"\r\n":
            pass
        chunks = list[bytes]()
        while size := int(reader.readline(), 16):
            chunks.append(reader.read(size))
            reader.readline()
        return chunks


def tokens_of(write: bytes) -> list[int]:
    """How many tokens each event in it tells."""
    told = [line.removeprefix("data: ") for line in write.decode().split("\n\n") if line]
    events = [json.loads(each) for each in told if each != "[DONE]"]
    logprobs = [choice["logprobs"] for event in events for choice in event["choices"]]
    return [len(each["content"]) for each in logprobs if each]


def test_tokens_that_come_together_are_one_event_in_one_write(endless: Narrow) -> None:
    with streaming(endless) as client:
        n_before = endless.engine.status().n_tokens
        with held_loop(endless):
            endless.tap.step_until(
                lambda: endless.engine.status().n_tokens >= n_before + 2 * N_TOGETHER, "several tokens"
            )
        endless.tap.open()
        told = [tokens_of(write) for write in writes(client)]
    assert max(n for each in told for n in each) >= N_TOGETHER
    assert sum(n for each in told for n in each) == BODY["max_tokens"]
    assert all(len(each) <= 1 for each in told)
