"""`/v1/chat/completions` answered from the documents."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from aion.store.events import Events
from tests.server.live import Live

TOUR = "Quanto custa o tour full-day em Sintra?"
ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": TOUR}]
RAG: dict[str, Any] = {"aion": {"rag": True, "tau": 0}}


def told(made: Any) -> dict[str, Any]:
    """What AION adds to a completion or to the last chunk of one."""
    found = (made.model_extra or {})["aion"]
    assert isinstance(found, dict)
    return found


def test_the_model_of_the_documents_is_listed_beside_the_base(client: openai.OpenAI, sintra: Live) -> None:
    models = {model.id: model for model in client.models.list().data}
    assert (models["aion-rag"].model_extra or {})["parent"] == sintra.services.generator.model_name


def test_the_official_client_gets_an_answer_with_its_sources(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="any", messages=ASK, seed=3, extra_body=RAG)
    about = told(made)
    assert (made.model, made.choices[0].finish_reason) == ("aion-rag", "stop")
    assert (about["used"], about["reason"]) == ("local", "confident")
    assert about["passages"][0]["source"] == "sintra/tour-full-day.md"
    text = made.choices[0].message.content or ""
    for citation in about["citations"]:
        assert text[citation["start"] : citation["end"]] == f"[{citation['n']}]"
    assert made.usage is not None
    assert made.usage.total_tokens > 0


def test_it_is_the_same_answer_as_the_chats_and_on_record(client: openai.OpenAI, sintra: Live) -> None:
    made = client.chat.completions.create(model="any", messages=ASK, seed=3, extra_body=RAG)
    chat = sintra.post("/api/ai/chat", {"message": TOUR, "tau": 0, "seed": 3}).json()
    assert made.choices[0].message.content == chat["text"]
    newest = {row.id for row in Events(sintra.services.library.store).list("default", "answer", limit=5)}
    assert told(made)["event_id"] in newest


def test_the_name_of_the_model_is_enough(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="aion-rag", messages=ASK)
    assert told(made)["passages"]


def test_options_take_nothing_back_from_the_name_of_the_model(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="aion-rag", messages=ASK, extra_body={"aion": {"tau": 1}})
    assert told(made)["reason"] == "low_confidence"


def test_without_being_asked_no_document_is(client: openai.OpenAI) -> None:
    for more in ({}, {"aion": {"rag": False}}):
        made = client.chat.completions.create(model="any", messages=ASK, max_tokens=4, extra_body=more)
        assert "aion" not in (made.model_extra or {})


def test_a_stream_says_the_same_and_tells_why_at_its_end(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="any", messages=ASK, seed=5, extra_body=RAG)
    with client.chat.completions.create(
        model="any", messages=ASK, seed=5, extra_body=RAG, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, last, usage = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert (last.choices[0].finish_reason, told(last)["reason"]) == ("stop", "confident")
    assert usage.usage == whole.usage


def test_a_refusal_is_an_answer_too(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="any", messages=ASK, extra_body={"aion": {"rag": True, "tau": 1}}
    )
    assert told(made)["reason"] == "low_confidence"
    assert (made.choices[0].message.content or "").startswith("Não encontrei")


def test_what_was_said_before_is_the_conversation(client: openai.OpenAI, sintra: Live) -> None:
    talk: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Seja breve."},
        *ASK,
        {"role": "assistant", "content": None, "refusal": "Não."},
        {"role": "assistant", "content": "Custa 95 € por adulto [1]."},
        {"role": "user", "content": "e para crianças?"},
    ]
    client.chat.completions.create(model="any", messages=talk, extra_body={"aion": {"rag": True, "tau": 1}})
    (kept,) = Events(sintra.services.library.store).list("default", "retrieval", limit=1)
    assert kept.meta["original"] == "e para crianças?"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"grammar": 'root ::= "a"'}, "grammar"),
        ({"timeout_s": 5}, "timeout_s"),
        ({"messages": [{"role": "assistant", "content": "Olá"}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"aion": {"rag": True, "tau": 2}}, "aion.tau"),
        ({"aion": {"rag": True, "conversation_id": "c" * 129}}, "aion.conversation_id"),
        ({"aion": {"rag": True, "tenant": "nobody"}}, "aion.tenant"),
    ],
)
def test_what_does_not_go_with_documents_is_refused_by_name(
    sintra: Live, more: dict[str, object], param: str
) -> None:
    response = sintra.post("/v1/chat/completions", {"model": "aion-rag", "messages": ASK, **RAG, **more})
    assert response.json()["error"]["param"] == param
    assert response.status_code in (400, 404)


def test_plain_text_as_a_format_is_none(sintra: Live) -> None:
    body = {"messages": ASK, "response_format": {"type": "text"}, "aion": {"rag": True, "tau": 1}}
    response = sintra.post("/v1/chat/completions", body)
    assert response.status_code == 200
    assert response.headers["X-AION-Reason"] == "low_confidence"
    assert json.loads(response.text)["object"] == "chat.completion"
