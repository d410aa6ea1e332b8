"""`POST /api/ai/chat` with the conversation so far."""

from __future__ import annotations

import json

import pytest

from aion.store.events import Events
from tests.server.live import Live

TALK = [
    {"role": "user", "content": "Quanto custa o tour full-day?"},
    {"role": "assistant", "content": "Custa 95 € por adulto [1].\n\nFontes: [1] sintra/tour-full-day.md"},
]


def test_a_follow_up_finds_what_it_means(sintra: Live) -> None:
    alone = sintra.post("/api/ai/chat", {"message": "e para crianças?", "tau": 1}).json()
    answer = sintra.post("/api/ai/chat", {"message": "e para crianças?", "tau": 1, "history": TALK}).json()
    assert any("47,50 €" in passage["text"] for passage in answer["passages"][:3])
    assert not any("47,50 €" in passage["text"] for passage in alone["passages"][:3])
    kept = Events(sintra.services.library.store).list("default", "retrieval", limit=1)[0].meta
    assert kept["original"] == "e para crianças?"
    assert kept["query"] == "e para crianças? (custa tour full-day)"


def test_the_conversation_is_part_of_the_prompt(sintra: Live) -> None:
    body: dict[str, object] = {"message": "Que horas abre o Palácio da Pena?", "tau": 0, "seed": 1}
    without = sintra.post("/api/ai/chat", body).json()
    answer = sintra.post("/api/ai/chat", body | {"history": TALK}).json()
    assert answer["passages"][0]["text"] == without["passages"][0]["text"]
    assert answer["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize(
    ("history", "param"),
    [
        ([{"role": "system", "content": "x"}], "history.0.role"),
        ([*TALK, {"role": "user"}], "history.2.content"),
        ("e para crianças?", "history"),
    ],
)
def test_a_wrong_history_is_named(sintra: Live, history: object, param: str) -> None:
    response = sintra.post("/api/ai/chat", {"message": "e para crianças?", "history": history})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


@pytest.mark.parametrize("history", [None, [], [{"role": "user", "content": "  "}]])
def test_no_history_is_none(sintra: Live, history: object) -> None:
    body = {"message": "Quanto custa o tour noturno?", "tau": 1, "history": history}
    assert sintra.post("/api/ai/chat", body).status_code == 200


@pytest.mark.parametrize("conversation", ["c" * 129, "half \ud83d"])
def test_a_conversation_that_cannot_be_one_is_named(sintra: Live, conversation: str) -> None:
    body = json.dumps({"message": "e para crianças?", "conversation_id": conversation})
    response = sintra.http.post("/api/ai/chat", content=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "conversation_id")
