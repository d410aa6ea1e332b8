"""One line a request, whatever becomes of it."""

from __future__ import annotations

import dataclasses
import json
import socket
from typing import Any

import pytest

from tests.server.live import DEADLINE_S, Live, Narrow, live, wait_until
from tests.server.observe.conftest import Log

PRICE = "Quanto custa o tour half-day?"
ASKED = {"message": PRICE}
STREAMED = {"model": "aion", "messages": [{"role": "user", "content": "Olá"}], "stream": True}


def test_an_answer_is_told_with_its_tokens(sintra: Live, log: Log) -> None:
    answer = sintra.post("/api/ai/chat", ASKED)
    line = log.request(answer.headers["x-request-id"])
    told = answer.json()
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/ai/chat", 200)
    assert (line["used"], line["reason"]) == (told["used"], told["reason"])
    assert line["tokens_in"] == told["usage"]["prompt_tokens"] > 0
    assert line["tokens_out"] == told["usage"]["completion_tokens"] > 0
    assert ("key" in line, line["address"]) == (False, "127.0.0.1")
    assert line["ms"] > 0
    assert line["bytes"] == len(answer.content)
    assert line["level"] == "info"
    assert "cut" not in line
    assert "first_byte_ms" not in line


def test_a_stream_is_told_at_its_end(sintra: Live, log: Log) -> None:
    with sintra.http.stream("POST", "/api/ai/chat", json=ASKED | {"stream": True}) as response:
        text = response.read().decode()
    last = json.loads(text.rsplit("data: ", 1)[1])
    line = log.request(response.headers["x-request-id"])
    assert line["tokens_in"] == last["usage"]["prompt_tokens"] > 0
    assert line["tokens_out"] == last["usage"]["completion_tokens"] > 0
    assert (line["used"], line["reason"]) == (last["used"], last["reason"])
    assert 0 < line["first_byte_ms"] <= line["ms"]
    assert line["bytes"] == len(text.encode())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {**STREAMED, "stream": False, "n": 2, "max_tokens": 4}),
        ("/v1/completions", {"model": "aion", "prompt": ["Olá", "Bom dia"], "n": 2, "max_tokens": 3}),
        ("/v1/chat/completions", {"model": "aion-rag", "messages": [{"role": "user", "content": PRICE}]}),
        ("/v1/embeddings", {"input": ["Sintra", "o bondinho"]}),
    ],
)
def test_tokens_are_those_of_the_usage(sintra: Live, log: Log, path: str, body: dict[str, Any]) -> None:
    answer = sintra.post(path, body)
    usage, line = answer.json()["usage"], log.request(answer.headers["x-request-id"])
    assert line["tokens_in"] == usage["prompt_tokens"] > 0
    assert line.get("tokens_out") == usage.get("completion_tokens")


def test_responses_and_generate_are_counted(sintra: Live, log: Log) -> None:
    answer = sintra.post("/v1/responses", {"model": "aion", "input": "Olá", "max_output_tokens": 16})
    line, usage = log.request(answer.headers["x-request-id"]), answer.json()["usage"]
    assert (line["tokens_in"], line["tokens_out"]) == (usage["input_tokens"], usage["output_tokens"])
    answer = sintra.post("/generate", {"prompt": "O tour", "max_new_tokens": 3, "temperature": 0})
    assert 0 < log.request(answer.headers["x-request-id"])["tokens_out"] <= 3


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_streamed_completion_is_counted_whole(sintra: Live, log: Log, path: str) -> None:
    body = STREAMED | {"prompt": "Olá", "n": 2, "max_tokens": 5, "stream_options": {"include_usage": True}}
    answer = sintra.post(path, body)
    events = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line.startswith("data: {")]
    usage, line = events[-1]["usage"], log.request(answer.headers["x-request-id"])
    assert (line["tokens_in"], line["tokens_out"]) == (usage["prompt_tokens"], usage["completion_tokens"])


def test_what_is_refused_has_one_line_too(sintra: Live, log: Log) -> None:
    http = sintra.http
    refused = [
        (http.post("/generate", content=b"{"), "/generate", 400),
        (http.post("/generate", content=b'{"prompt": "' + b"a" * 5_000_000 + b'"}'), "/generate", 413),
        (http.get("/generate"), "/generate", 405),
        (http.delete("/api/documents/7000000"), "/api/documents/{id}", 404),
        (http.get("/v1/models", headers={"Authorization": "Bearer aion_0_wrong"}), "/v1/models", 401),
        (http.post("/generate", json={}, headers={"Origin": "http://evil.example"}), "/generate", 403),
    ]
    for response, route, status in refused:
        line = log.request(response.headers["x-request-id"])
        assert (line["route"], line["status"]) == (route, status) == (route, response.status_code)
    assert len(log.requests) == len(refused)


def test_what_somebody_writes_into_a_path_is_not_in_the_log(sintra: Live, log: Log) -> None:
    response = sintra.http.get("/api/ana@example.com%0a%7B%22level%22%3A%22forged%22%7D?q=ana")
    line = log.request(response.headers["x-request-id"])
    assert (line["route"], line["status"]) == ("other", 404)
    assert "ana" not in log.text
    assert len(log.lines) == 1


def test_an_id_of_the_client_is_kept_when_it_is_good(sintra: Live, log: Log) -> None:
    response = sintra.http.get("/v1/models", headers={"X-Request-ID": "trace-17/a"})
    assert response.headers["x-request-id"] == "trace-17/a"
    assert log.request("trace-17/a")["status"] == 200
    response = sintra.http.get("/v1/models", headers={"X-Request-ID": 'a" b'})
    assert response.headers["x-request-id"].isalnum()
    assert log.request(response.headers["x-request-id"])["status"] == 200


def test_texts_are_in_the_log_only_where_they_are_wanted(sintra: Live, log: Log) -> None:
    sintra.post("/api/ai/chat", ASKED)
    sintra.post("/generate", {"prompt": "Segredo", "max_new_tokens": 2})
    assert "half-day" not in log.text
    assert "Segredo" not in log.text
    services = sintra.services
    wanted = dataclasses.replace(services, settings=services.settings.model_copy(update={"log_texts": True}))
    with live(wanted) as running:
        for body in (ASKED, ASKED | {"stream": True}):
            response = running.post("/api/ai/chat", body)
            line = log.request(response.headers["x-request-id"])
            assert line["question"] == PRICE
            text = response.json()["text"] if body is ASKED else response.text
            assert line["answer"]
            assert body is not ASKED or line["answer"] == text


def test_monitors_are_told_of_in_debug_only(sintra: Live, debug_log: Log) -> None:
    response = sintra.http.get("/health")
    assert debug_log.request(response.headers["x-request-id"])["level"] == "debug"


def test_monitors_are_not_told_of_as_usual(sintra: Live, log: Log) -> None:
    sintra.http.get("/health")
    sintra.http.get("/metrics")
    response = sintra.http.get("/v1/models")
    log.request(response.headers["x-request-id"])
    assert len(log.requests) == 1


def test_a_client_that_goes_away_is_told_with_its_tokens(endless: Narrow, log: Log) -> None:
    endless.tap.open()
    whole = endless.post("/v1/chat/completions", STREAMED | {"stream": False, "max_tokens": 1})
    log.request(whole.headers["x-request-id"])
    with endless.http.stream("POST", "/v1/chat/completions", json=STREAMED, timeout=DEADLINE_S) as response:
        lines = response.iter_lines()  # kept: closed with it, the response would be too
        for _ in range(12):
            next(lines)
        assert len(log.requests) == 1
    line = log.request(response.headers["x-request-id"])
    assert (line["status"], line["cut"]) == (200, "client")
    assert line["tokens_in"] == whole.json()["usage"]["prompt_tokens"] > 0
    assert line["tokens_out"] > 3


def test_a_client_that_does_not_wait_for_its_answer(endless: Narrow, log: Log) -> None:
    n_before = endless.engine.status().n_tokens
    endless.tap.shut()
    with endless.connect("/generate", {"prompt": "Olá", "max_new_tokens": 2000}):
        endless.tap.step_until(lambda: endless.engine.status().n_tokens > n_before, "a token")
    endless.tap.open()
    wait_until(lambda: bool(log.requests), "a line")
    (line,) = log.requests
    assert line["route"] == "/generate"
    assert (line["status"], line["cut"]) == (499, "client")


@pytest.mark.parametrize(
    ("data", "status"), [(b"EHLO\x1b[31m\r\n\r\n", 400), (b"GET /" + b"a" * 20_000, 414)]
)
def test_what_is_no_request_has_a_line(sintra: Live, log: Log, data: bytes, status: int) -> None:
    with socket.create_connection(sintra.address, DEADLINE_S) as sock:
        sock.sendall(data)
        assert sock.recv(12) == f"HTTP/1.1 {status}".encode()
    (line,) = log.requests
    assert (line["method"], line["route"], line["status"]) == ("-", "other", status)
