"""AION behind the nginx of `deploy/`: tokens come as they are made, and the operator's rights stay inside."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import pytest

from aion.server.access.tokens import add_key
from aion.store.keys import Keys
from tests.server.live import DEADLINE_S, Narrow, lent, narrow, settings_in, wait_until

Proxy = Callable[[str], str]
NAME = "aion.example.pt"
N_EVENTS = 5
ASK = {"messages": [{"role": "user", "content": "Fale"}], "max_tokens": 1500, "stream": True}


@pytest.fixture(scope="module")
def _named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    with narrow(settings_in(tmp_path_factory.mktemp("named"), allowed_hosts=NAME)) as running:
        yield running


@pytest.fixture
def named(_named: Narrow) -> Iterator[Narrow]:
    """A narrow server that is asked by a name of its own."""
    yield from lent(_named)


@pytest.fixture(scope="module")
def key(_named: Narrow) -> str:
    services = _named.services
    return str(add_key(Keys(services.library.store), "one", ["chat"], [services.settings.tenant])[1])


def through(proxy: Proxy, server: Narrow, key: str) -> httpx.Client:
    headers = {"Host": NAME} | ({"Authorization": f"Bearer {key}"} if key else {})
    return httpx.Client(base_url=proxy(server.url), headers=headers, timeout=DEADLINE_S)


def test_tokens_come_as_they_are_made(named: Narrow, key: str, proxy: Proxy) -> None:
    """The engine makes a token only when what it made before has come through."""
    came: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        with (
            through(proxy, named, key) as client,
            client.stream("POST", "/v1/chat/completions", json=ASK) as answer,
        ):
            for _, line in zip(range(N_EVENTS), filter(is_text, answer.iter_lines()), strict=False):
                came.put(line)

    named.tap.shut()
    reader = threading.Thread(target=read)
    reader.start()
    named.tap.step_until(lambda: named.engine.status().n_running == 1, "the answer to be under way")
    assert all(after_a_step(named, came) for _ in range(N_EVENTS))
    reader.join()


def is_text(line: str) -> bool:
    return '"content"' in line


def after_a_step(server: Narrow, came: queue.SimpleQueue[str]) -> str:
    """What came through, "" for nothing: half a letter is no text yet, so a few steps are tried."""
    for _ in range(4):
        server.tap.step()
        with suppress(queue.Empty):
            return came.get(timeout=2)
    return ""


def test_leaving_ends_the_generation(named: Narrow, key: str, proxy: Proxy) -> None:
    n_before = len(named.engine.aborted)
    with (
        through(proxy, named, key) as client,
        client.stream("POST", "/v1/chat/completions", json=ASK) as answer,
    ):
        next(answer.iter_lines())
    wait_until(lambda: len(named.engine.aborted) > n_before, "the server to stop generating")


def test_whoever_comes_through_a_proxy_is_not_the_operator(named: Narrow, key: str, proxy: Proxy) -> None:
    with through(proxy, named, "") as client:
        refused = client.get("/v1/models")
        assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")
        assert client.get("/health").status_code == 200
        assert client.get("/health", headers={"Host": "evil.example"}).status_code in (400, 421)
