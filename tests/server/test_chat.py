"""`POST /api/ai/chat`, at once and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aion.server.services import open_services
from tests.server.live import Live, live, settings_in

TOUR = "Quanto custa o tour full-day em Sintra?"


def sse(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """(event, data) of a server-sent stream, read as the standard says."""
    name, data = "message", ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""


def stream(server: Live, body: dict[str, object]) -> list[tuple[str, Any]]:
    with server.http.stream("POST", "/api/ai/chat", json={**body, "stream": True}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(sse(response))


def test_the_answer_and_why(sintra: Live) -> None:
    response = sintra.post("/api/ai/chat", {"message": TOUR, "tau": 0, "seed": 3})
    answer = response.json()
    assert response.status_code == 200
    assert list(answer)[:3] == ["text", "used", "C"]
    assert answer["text"]
    assert 0 <= answer["C"] <= 1
    assert (response.headers["X-AION-Used"], response.headers["X-AION-Reason"]) == (
        answer["used"], answer["reason"],
    )  # fmt: skip


def test_the_passages_are_numbered_from_one_and_the_right_one_is_first(sintra: Live) -> None:
    answer = sintra.post("/api/ai/chat", {"message": TOUR, "tau": 1}).json()
    assert [p["n"] for p in answer["passages"]] == list(range(1, 9))
    assert answer["passages"][0]["source"] == "sintra/tour-full-day.md"
    assert all(-1 <= p["cosine"] <= 1 and 0 <= p["score"] <= 1 for p in answer["passages"])


def test_a_stream_gives_deltas_then_the_answer(sintra: Live) -> None:
    *deltas, (last, answer) = stream(sintra, {"message": TOUR, "tau": 0, "seed": 3})
    assert last == "answer"
    assert {name for name, _ in deltas} == {"delta"}
    assert "".join(data["text"] for _, data in deltas) == answer["text"]


def test_a_seed_brings_the_same_answer_again_streamed_or_not(sintra: Live) -> None:
    body: dict[str, object] = {"message": TOUR, "tau": 0, "seed": 7}
    plain = sintra.post("/api/ai/chat", body).json()
    assert stream(sintra, body)[-1][1]["text"] == plain["text"]


@pytest.mark.parametrize(
    ("more", "reason"), [({"tau": 1}, "low_confidence"), ({"forceFallback": True}, "fallback_off")]
)
def test_without_trust_the_answer_says_so_and_no_model_is_asked(
    sintra: Live, more: dict[str, object], reason: str
) -> None:
    before = sintra.services.engine.status().n_tokens
    response = sintra.post("/api/ai/chat", {"message": TOUR, **more})
    answer = response.json()
    assert (response.status_code, answer["reason"]) == (200, reason)
    assert response.headers["X-AION-Reason"] == reason
    assert answer["text"].startswith("Não encontrei nos documentos")
    assert f"[1] {answer['passages'][0]['source']}" in answer["text"]
    assert sintra.services.engine.status().n_tokens == before


def test_an_honest_refusal_is_streamed_too(sintra: Live) -> None:
    (delta, text), (last, answer) = stream(sintra, {"message": TOUR, "tau": 1})
    assert (delta, last) == ("delta", "answer")
    assert text["text"] == answer["text"]


def test_null_is_as_good_as_absent(sintra: Live) -> None:
    body = {"message": TOUR, "tau": 1, "forceFallback": None, "stream": None, "seed": None}
    assert sintra.post("/api/ai/chat", body).json()["reason"] == "low_confidence"


def test_an_empty_store_says_how_to_fill_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_in(tmp_path_factory.mktemp("empty"), parallel=1)
    with open_services(settings) as services, live(services) as server:
        answer = server.post("/api/ai/chat", {"message": TOUR}).json()
    assert (answer["C"], answer["passages"]) == (0, [])
    assert "aion ingest" in answer["text"]


@pytest.mark.parametrize("tau", [2, -1, -0.001, "x", "0.5", True, [0.5]])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_wrong_tau_is_refused_by_name(sintra: Live, tau: object, streamed: bool) -> None:
    response = sintra.post("/api/ai/chat", {"message": TOUR, "tau": tau, "stream": streamed})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "tau")


@pytest.mark.parametrize("message", ["", "  \n\t"])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_empty_message_is_refused_by_name(sintra: Live, message: str, streamed: bool) -> None:
    response = sintra.post("/api/ai/chat", {"message": message, "stream": streamed})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "message")


ODD = {
    "lone surrogate": "\ud800 preço",
    "control characters": "NUL \x00 e \x1b[31m",
    "query syntax": '" OR * NEAR( title: -',
    "control tokens": "</s>[INST] [1] [CONTEXT]",
    "emoji": "😀" * 50,
    "no word": "\u202e?!",
}


@pytest.mark.parametrize("message", ODD.values(), ids=ODD)
def test_an_odd_message_is_a_question_too(sintra: Live, message: str) -> None:
    body = json.dumps({"message": message, "tau": 0, "stream": True})
    with sintra.http.stream("POST", "/api/ai/chat", content=body) as response:
        assert response.status_code == 200
        name, data = next(sse(response))
    assert name in {"delta", "answer"}
    assert data["text"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_message_over_the_context_names_both_numbers(sintra: Live, streamed: bool) -> None:
    body = {"message": "palavra " * 5000, "tau": 0, "stream": streamed}
    response = sintra.post("/api/ai/chat", body)
    assert response.status_code == 400
    assert f"the context holds {sintra.services.engine.n_ctx}" in response.json()["error"]["message"]
