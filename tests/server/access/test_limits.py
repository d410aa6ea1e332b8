"""Requests a minute and answers at once, of keys and of addresses; guessing keys is slow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from aion.server.access.rates.limits import address_of
from aion.server.app import create_app
from aion.server.services import Services
from tests.server.access.keyed import Keyed, keyed_server
from tests.server.live import DEADLINE_S, Live, Narrow, serving_app, wait_until

WRONG = "aion_aaaaaaaaaa_" + "x" * 43


def limited_app(services: Services, **settings: object) -> Starlette:
    return create_app(replace(services, settings=services.settings.model_copy(update=settings)))


def statuses(responses: list[httpx.Response]) -> list[int]:
    return [response.status_code for response in responses]


def assert_told_to_come_back(response: httpx.Response, setting: str) -> None:
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["param"]) == (429, "rate_limit_error", None)
    assert setting in error["message"]
    assert 1 <= int(response.headers["Retry-After"]) <= 60


def test_a_key_has_its_burst_and_is_then_told_to_come_back(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_key=8) as server:
        token, other = server.key("chat"), server.key("chat")
        answers = [server.ask("GET", "/v1/models", token) for _ in range(11)]
        assert statuses(answers) == [200] * 10 + [429]
        assert_told_to_come_back(answers[-1], "AION_RATE_KEY")
        assert server.ask("GET", "/v1/models", other).status_code == 200


def test_headers_tell_what_is_left_as_openai_does(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_key=8) as server:
        token = server.key("chat")
        first, second = (server.ask("GET", "/v1/models", token).headers for _ in range(2))
        assert first["x-ratelimit-limit-requests"] == "8"
        assert (first["x-ratelimit-remaining-requests"], second["x-ratelimit-remaining-requests"]) == (
            "9",
            "8",
        )
        assert first["x-ratelimit-reset-requests"] == "7.5s"
        assert second["x-ratelimit-reset-requests"].endswith("s")


def test_who_has_no_key_counts_by_address(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_address=8, allow_anonymous=True) as server:
        server.key("chat")
        answers = [server.ask("GET", "/v1/models") for _ in range(11)]
        assert statuses(answers) == [200] * 10 + [429]
        assert_told_to_come_back(answers[-1], "AION_RATE_ADDRESS")


def test_the_operator_at_this_machine_has_no_limits(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_address=1, streams=1) as server:
        answers = [server.ask("GET", "/v1/models") for _ in range(30)]
        assert set(statuses(answers)) == {200}
        assert "x-ratelimit-limit-requests" not in answers[0].headers


def test_health_is_told_however_often(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_address=1) as server:
        server.key("chat")
        assert set(statuses([server.ask("GET", "/health") for _ in range(30)])) == {200}


def test_a_wrong_key_costs_ten(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_address=8) as server:
        good = server.key("chat")
        answers = [server.ask("GET", "/v1/models", WRONG) for _ in range(3)]
        assert statuses(answers) == [401, 429, 429]
        assert_told_to_come_back(answers[-1], "AION_RATE_ADDRESS")
        assert server.ask("GET", "/v1/models", good).status_code == 429  # nothing is looked at
        assert server.ask("GET", "/health").status_code == 200


@pytest.mark.parametrize("header", [{"Cookie": "theme=dark"}, {"Authorization": "Basic YTpi"}])
def test_what_is_no_key_of_ours_is_no_wrong_key(keyed_services: Services, header: dict[str, str]) -> None:
    with keyed_server(keyed_services, rate_address=8) as server:
        good = server.key("chat")
        answers = [server.http.get("/v1/models", headers=header) for _ in range(3)]
        assert statuses(answers) == [401] * 3
        assert server.ask("GET", "/v1/models", good).status_code == 200


def test_a_wrong_sign_in_on_the_page_costs_as_much(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_address=8) as server:
        server.key("chat")
        answers = [server.ask("POST", "/api/session", json={"key": WRONG}) for _ in range(3)]
        assert statuses(answers) == [401, 429, 429]


def test_no_limit_is_none(keyed_services: Services) -> None:
    with keyed_server(keyed_services, rate_key=0, rate_address=0) as server:
        token = server.key("chat")
        assert set(statuses([server.ask("GET", "/v1/models", token) for _ in range(40)])) == {200}
        assert set(statuses([server.ask("GET", "/v1/models", WRONG) for _ in range(20)])) == {401}


def test_new_settings_count_at_once(keyed_services: Services) -> None:
    app = limited_app(keyed_services, rate_key=8)
    with serving_app(app) as url, httpx.Client(base_url=url) as http:
        server = Keyed(url, keyed_services, http)
        token = server.key("chat")
        assert statuses([server.ask("GET", "/v1/models", token) for _ in range(11)])[-1] == 429
        settings = app.state.services.settings.model_copy(update={"rate_key": 0})
        app.state.services = replace(app.state.services, settings=settings)
        assert server.ask("GET", "/v1/models", token).status_code == 200
        server.revoke_all()


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
def test_an_address_is_one_customers(client: str, expected: str) -> None:
    assert address_of({"client": (client, 1)}) == expected


def test_no_address_is_one_too() -> None:
    assert address_of({"client": None}) == ""


@pytest.fixture
def two_streams(endless: Narrow) -> Iterator[Keyed]:
    """A key may have two answers at once; the engine stands still before its next step."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serving_app(limited_app(endless.services, streams=2)))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=DEADLINE_S))
        server = Keyed(url, endless.services, http)
        stack.callback(server.revoke_all)
        stack.callback(endless.tap.open)
        endless.tap.shut()
        yield server


def generating(server: Live, token: str, n: int) -> contextlib.ExitStack:
    """So many requests whose answers have not come, by clients that leave at the end."""
    stack = contextlib.ExitStack()
    for _ in range(n):
        stack.enter_context(
            server.connect("/generate", {"prompt": "Oi"}, f"Authorization: Bearer {token}\r\n")
        )
    return stack


def test_so_many_answers_at_once_and_no_more(endless: Narrow, two_streams: Keyed) -> None:
    mine, other = two_streams.key("chat"), two_streams.key("chat")
    n_before = len(endless.engine.submitted)
    with generating(two_streams, mine, 2):
        wait_until(lambda: len(endless.engine.submitted) == n_before + 2, "both to reach the engine")
        refused = two_streams.ask("POST", "/generate", mine, json={"prompt": "Oi"})
        assert_told_to_come_back(refused, "AION_STREAMS")
        assert two_streams.ask("GET", "/v1/models", mine).status_code == 200
        assert (
            two_streams.ask("POST", "/generate", other, json={"prompt": "Oi"}).status_code == 503
        )  # the queue

    def is_free() -> bool:
        body = {"prompt": "Oi", "max_new_tokens": 1}
        return two_streams.ask("POST", "/generate", mine, json=body).status_code == 200

    endless.tap.open()
    wait_until(is_free, "the answers to be given back")


def test_each_text_of_a_request_is_an_answer(endless: Narrow, two_streams: Keyed) -> None:
    token = two_streams.key("chat")
    chat = {"messages": [{"role": "user", "content": "Oi"}], "n": 2}
    texts = {"prompt": ["Oi", "Ola"], "n": 2}
    n_before = len(endless.engine.submitted)
    with generating(two_streams, token, 1):
        wait_until(lambda: len(endless.engine.submitted) == n_before + 1, "one to reach the engine")
        refused = two_streams.ask("POST", "/v1/chat/completions", token, json=chat)
        assert_told_to_come_back(refused, "AION_STREAMS")
    always = two_streams.ask("POST", "/v1/completions", token, json=texts)
    assert (always.status_code, always.json()["error"]["param"]) == (400, "n")
    assert "4 texts at once" in always.json()["error"]["message"]


def test_what_is_computed_counts_with_the_answers_once_a_request(endless: Narrow, two_streams: Keyed) -> None:
    mine, other = two_streams.key("chat"), two_streams.key("chat")
    pieces = {"content": "Olá", "with_pieces": True}  # computed in two turns
    n_before = len(endless.engine.submitted)
    with generating(two_streams, mine, 1):
        wait_until(lambda: len(endless.engine.submitted) == n_before + 1, "it to reach the engine")
        assert two_streams.ask("POST", "/tokenize", mine, json=pieces).status_code == 200
        with generating(two_streams, mine, 1):
            wait_until(lambda: len(endless.engine.submitted) == n_before + 2, "both to reach the engine")
            for path, body in (("/tokenize", pieces), ("/api/search", {"query": "tour"})):
                refused = two_streams.ask("POST", path, mine, json=body)
                assert_told_to_come_back(refused, "AION_STREAMS")
                assert two_streams.ask("POST", path, other, json=body).status_code == 200
