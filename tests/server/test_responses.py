"""`POST /v1/responses` as the official client sees it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.server.live import Live

ASK = "Fale do tour half-day"


def test_a_text_is_answered_with_one_message(client: openai.OpenAI, sintra: Live) -> None:
    made = client.responses.create(model="any", input=ASK, max_output_tokens=6, temperature=0)
    (item,) = made.output
    assert (made.object, made.model, item.type) == (
        "response", sintra.services.generator.model_name, "message",
    )  # fmt: skip
    assert made.status in {"completed", "incomplete"}
    assert made.usage is not None
    assert made.usage.output_tokens <= 6
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens


def test_it_is_the_chat_completion_in_another_form(client: openai.OpenAI) -> None:
    chat = client.chat.completions.create(
        model="any",
        messages=[{"role": "system", "content": "Seja breve."}, {"role": "user", "content": ASK}],
        temperature=0,
        max_tokens=12,
    )
    made = client.responses.create(
        model="any", instructions="Seja breve.", input=ASK, temperature=0, max_output_tokens=12
    )
    assert made.output_text == chat.choices[0].message.content
    assert chat.usage is not None
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens) == (
        chat.usage.prompt_tokens, chat.usage.completion_tokens,
    )  # fmt: skip


def test_an_answer_cut_short_says_so(client: openai.OpenAI) -> None:
    made = client.responses.create(model="any", input=ASK, max_output_tokens=1, temperature=0)
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"


def test_a_conversation_comes_whole(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model="any",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "Olá"}]},
            {"role": "assistant", "content": "Olá! Em que posso ajudar?"},
            {"role": "user", "content": ASK},
        ],
        max_output_tokens=4,
    )
    assert made.usage is not None
    alone = client.responses.create(model="any", input=ASK, max_output_tokens=4).usage
    assert alone is not None
    assert made.usage.input_tokens > alone.input_tokens


def test_the_events_tell_the_same_in_order(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="any", input=ASK, temperature=0, max_output_tokens=10)
    with client.responses.create(
        model="any", input=ASK, temperature=0, max_output_tokens=10, stream=True
    ) as stream:
        events = list(stream)
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added",
    ]  # fmt: skip
    assert kinds[-4:-1] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type in {"response.completed", "response.incomplete"}
    assert deltas == last.response.output_text == whole.output_text
    assert last.response.usage == whole.usage


def test_json_is_held_to_its_schema(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["n"],
        "additionalProperties": False,
    }
    made = client.responses.create(
        model="any",
        input="Um número",
        text={"format": {"type": "json_schema", "name": "numero", "schema": schema}},
        max_output_tokens=40,
    )
    assert 0 <= json.loads(made.output_text)["n"] <= 9


def test_log_probabilities_come_where_asked(sintra: Live) -> None:
    body = {"input": ASK, "max_output_tokens": 3, "top_logprobs": 2}
    part = sintra.post("/v1/responses", body).json()["output"][0]["content"][0]
    assert all(len(token["top_logprobs"]) == 2 for token in part["logprobs"])
    assert part["logprobs"]


def test_log_probabilities_are_included_by_name_too(client: openai.OpenAI) -> None:
    made = client.responses.create(
        model="any", input=ASK, max_output_tokens=3, include=["message.output_text.logprobs"]
    )
    (item,) = made.output
    assert item.type == "message"
    assert item.content[0].type == "output_text"
    assert item.content[0].logprobs


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ASK, "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": ASK, "background": True}, "background"),
        ({"input": ASK, "temperature": 9}, "temperature"),
        (
            {"input": ASK, "text": {"format": {"type": "json_schema", "name": "x"}}},
            "text.format",
        ),
        ({"input": [{"type": "reasoning"}]}, "input"),
        (
            {"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "x"}]},
            "input",
        ),
        ({"input": ASK, "conversation": "conv_1"}, "conversation"),
        ({"input": ASK, "prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": ASK, "model": "aion-rag"}, "model"),
        ({"input": ASK, "tools": [{"type": "web_search"}]}, "tools.0.type"),
    ],
)
def test_what_is_wrong_is_named(sintra: Live, body: dict[str, Any], param: str) -> None:
    response = sintra.post("/v1/responses", body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)
