"""What OpenAI's sampling fields do, as the official client sees it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import jsonschema
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.server.live import Live, Narrow, wait_until

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Fale do tour half-day"}]
TOUR = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "hours": {"type": "integer", "minimum": 1, "maximum": 12},
        "open": {"type": "boolean"},
    },
    "required": ["name", "hours", "open"],
    "additionalProperties": False,
}
# the embedded model is sure of what it copies; among a hundred forced tokens it has no favourite
WILD: dict[str, Any] = {
    "temperature": 2.0,
    "top_p": 1.0,
    "logit_bias": {str(t): 100 for t in range(300, 400)},
}


def text_of(client: openai.OpenAI, **fields: Any) -> str:
    made = client.chat.completions.create(model="any", messages=ASK, **{"max_tokens": 12, **fields})
    return made.choices[0].message.content or ""


def test_two_choices_of_one_prompt(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="any", messages=ASK, n=2, seed=5, max_tokens=24, **WILD)
    one, other = made.choices
    assert [one.index, other.index] == [0, 1]
    assert one.message.content != other.message.content
    single = client.chat.completions.create(model="any", messages=ASK, max_tokens=1)
    assert made.usage is not None
    assert single.usage is not None
    assert made.usage.prompt_tokens == single.usage.prompt_tokens
    assert made.usage.completion_tokens == 48


def test_a_prompt_is_computed_once_for_all_choices(client: openai.OpenAI, sintra: Live) -> None:
    fresh: list[ChatCompletionMessageParam] = [{"role": "user", "content": "palavra e mais uma " * 40}]
    made = client.chat.completions.create(model="any", messages=fresh, n=3, max_tokens=2, logprobs=True)
    again = client.chat.completions.create(model="any", messages=fresh, max_tokens=2)
    assert made.usage is not None
    assert again.usage is not None
    assert again.usage.prompt_tokens_details is not None
    assert (again.usage.prompt_tokens_details.cached_tokens or 0) >= made.usage.prompt_tokens - 8
    assert sintra.services.engine.status().n_running == 0


def test_streamed_choices_carry_their_index(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"n": 3, "seed": 9, "max_tokens": 10, "logprobs": True} | WILD
    texts, ends, told = ["", "", ""], [0, 0, 0], [0, 0, 0]
    with client.chat.completions.create(
        model="any", messages=ASK, stream=True, stream_options={"include_usage": True}, **fields
    ) as stream:
        *chunks, last = list(stream)
    for choice in (chunk.choices[0] for chunk in chunks):
        texts[choice.index] += choice.delta.content or ""
        ends[choice.index] += choice.finish_reason is not None
        told[choice.index] += len((choice.logprobs and choice.logprobs.content) or ())
    assert len(set(texts)) == 3
    assert ends == [1, 1, 1]
    assert told == [10, 10, 10]
    assert last.usage is not None
    assert last.usage.completion_tokens == 30


def test_leaving_a_stream_of_choices_aborts_all(endless: Narrow) -> None:
    sock = endless.connect(
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "Olá"}], "n": 2, "stream": True, "max_tokens": 500},
    )
    wait_until(lambda: endless.engine.status().n_running == 1, "the first choice to run")
    sock.close()
    endless.wait_idle()


def test_when_one_choice_finds_no_place_all_end(endless: Narrow) -> None:
    body = {"messages": [{"role": "user", "content": "Olá"}], "n": 3, "max_tokens": 400}
    answer = endless.post("/v1/chat/completions", body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "overloaded_error")
    endless.wait_idle()
    streamed = endless.post("/v1/chat/completions", body | {"stream": True})  # one may have begun before
    assert streamed.status_code in (200, 503)
    assert "overloaded_error" in streamed.text
    endless.wait_idle()


def test_logprobs_tell_the_text_and_the_likeliest(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="any", messages=ASK, temperature=0, max_tokens=10, logprobs=True, top_logprobs=4
    )
    (choice,) = made.choices
    assert choice.logprobs is not None
    content = choice.logprobs.content
    assert content
    assert made.usage is not None
    assert len(content) in (made.usage.completion_tokens, made.usage.completion_tokens - 1)
    text = b"".join(bytes(told.bytes or ()) for told in content).decode()
    assert text.removeprefix(" ") == choice.message.content
    for told in content:
        assert len(told.top_logprobs) == 4
        assert told.logprob == max(top.logprob for top in told.top_logprobs)  # greedy
        assert 0 < sum(math.exp(top.logprob) for top in told.top_logprobs) <= 1 + 1e-6
        assert told.top_logprobs[0].token == told.token


def test_logprobs_leave_out_what_a_stop_string_hid(endless: Narrow) -> None:
    with openai.OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0) as client:
        ask = client.chat.completions
        fields: dict[str, Any] = {"model": "any", "messages": ASK, "temperature": 0, "logprobs": True}
        whole = ask.create(max_tokens=30, **fields).choices[0].message.content or ""
        stop = whole[len(whole) // 2 :][:6]
        (choice,) = ask.create(max_tokens=30, stop=["never said", stop], **fields).choices
    shown = choice.message.content or ""
    assert choice.finish_reason == "stop"
    assert shown == whole[: whole.index(stop)]
    assert choice.logprobs is not None
    told = b"".join(bytes(t.bytes or ()) for t in choice.logprobs.content or ()).decode("utf-8", "replace")
    assert told.removeprefix(" ").startswith(shown)
    assert stop not in told


def test_without_being_asked_no_logprobs_come(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="any", messages=ASK, max_tokens=2)
    assert made.choices[0].logprobs is None


@pytest.mark.parametrize("seed", range(4))
def test_a_schema_is_followed(client: openai.OpenAI, seed: int) -> None:
    text = text_of(
        client,
        max_tokens=120,
        temperature=1.5,
        seed=seed,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "tour", "strict": True, "schema": TOUR},
        },
    )
    jsonschema.validate(json.loads(text), TOUR)


def test_a_json_object_is_one(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="any", messages=ASK, max_tokens=200, temperature=0, response_format={"type": "json_object"}
    )
    text = made.choices[0].message.content or ""
    assert text.startswith("{")
    if made.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(text), dict)


def test_plain_text_is_a_format_too(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"temperature": 0, "response_format": {"type": "text"}}
    assert text_of(client, **fields) == text_of(client, temperature=0)


def test_a_grammar_is_followed(client: openai.OpenAI) -> None:
    texts = {
        text_of(client, seed=seed, extra_body={"grammar": 'root ::= ("sim" | "não") [.!]'})
        for seed in range(4)
    }
    assert all(re.fullmatch(r"(sim|não)[.!]", text) for text in texts)


def test_a_bias_and_the_penalties_change_the_text(client: openai.OpenAI) -> None:
    forced = text_of(client, temperature=0, logit_bias={"1234": 100}, max_tokens=4)
    assert len(set(forced.split() or [forced])) <= 2
    assert forced != text_of(client, temperature=0, max_tokens=4)
    long: dict[str, Any] = {"ignore_eos": True, "temperature": 0, "max_tokens": 80}
    changes: list[dict[str, Any]] = [
        {},
        {"frequency_penalty": 2},
        {"presence_penalty": 2},
        {"repeat_penalty": 1.5},
    ]
    texts = [text_of(client, extra_body=long | change) for change in changes]
    assert len(set(texts)) == len(texts)


def test_one_likeliest_token_is_greedy(client: openai.OpenAI) -> None:
    greedy = text_of(client, temperature=0)
    assert text_of(client, temperature=2.0, seed=1, extra_body={"top_k": 1}) == greedy
    assert text_of(client, temperature=2.0, seed=1, extra_body={"min_p": 1.0}) == greedy


def test_an_end_can_be_forbidden(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="any", messages=ASK, max_tokens=90, temperature=0, extra_body={"ignore_eos": True}
    )
    assert made.choices[0].finish_reason == "length"
    assert made.usage is not None
    assert made.usage.completion_tokens == 90


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"stop": ""}, "stop", "at least 1 character"),
        ({"stop": ["a", ""]}, "stop.1", "at least 1 character"),
        ({"top_logprobs": 3}, "top_logprobs", "without logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "less than or equal to 20"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1", "less than or equal to 100"),
        ({"logit_bias": {"um": 1}}, "logit_bias", "'um' is no token id"),
        ({"logit_bias": {"9999999": 1}}, "logit_bias", "names the token 9999999"),
        ({"frequency_penalty": 2.5}, "frequency_penalty", "less than or equal to 2"),
        ({"presence_penalty": -3}, "presence_penalty", "greater than or equal to -2"),
        ({"repetition_penalty": 0}, "repetition_penalty", "greater than or equal to 0.1"),
        ({"min_p": 1.5}, "min_p", "less than or equal to 1"),
        ({"top_k": -1}, "top_k", "greater than or equal to 0"),
        ({"grammar": "root ::= ("}, "grammar", "line 1, column 11"),
        ({"grammar": 'root ::= "a"', "response_format": {"type": "json_object"}}, "grammar", "one of them"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "'json_schema'"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "is missing"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
         "response_format.json_schema.schema", "is missing"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}},
         "response_format", "'not' at # is not supported"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_name(
    sintra: Live, fields: dict[str, Any], param: str, words: str
) -> None:
    for stream in (False, True):
        body = {"messages": ASK, "max_tokens": 2, "stream": stream, **fields}
        answer = sintra.post("/v1/chat/completions", body)
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["param"] == param
        assert words in error["message"]
