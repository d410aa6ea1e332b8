"""`/v1` as the official client sees it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.server.live import DEADLINE_S, Live, Narrow

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Fale do tour half-day"}]


def test_the_loaded_model_is_listed(client: openai.OpenAI, sintra: Live) -> None:
    model, _documents = client.models.list().data
    assert (model.id, model.object, model.owned_by) == (
        sintra.services.generator.model_name, "model", "aion",
    )  # fmt: skip


def test_a_completion_has_the_whole_form(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(model="any", messages=ASK, max_tokens=6)
    (choice,) = made.choices
    assert (made.object, choice.index, choice.message.role) == ("chat.completion", 0, "assistant")
    assert choice.finish_reason in {"stop", "length"}
    assert made.usage is not None
    assert made.usage.prompt_tokens > 0
    assert made.usage.completion_tokens <= 6
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens


def test_a_stream_says_the_same_as_the_whole(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="any", messages=ASK, max_tokens=12, seed=5)
    with client.chat.completions.create(
        model="any", messages=ASK, max_tokens=12, seed=5, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *chunks, usage = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert (usage.choices, usage.usage) == ([], whole.usage)
    assert len({c.id for c in chunks}) == 1


def test_without_being_asked_no_usage_chunk_comes(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="any", messages=ASK, max_tokens=2, stream=True) as stream:
        assert all(len(chunk.choices) == 1 for chunk in stream)


def test_a_seed_brings_the_same_text_again(client: openai.OpenAI) -> None:
    texts = {
        client.chat.completions.create(
            model="any", messages=ASK, seed=11, temperature=1.5, max_tokens=12
        ).choices[0].message.content
        for _ in range(3)
    }  # fmt: skip
    assert len(texts) == 1


def test_developer_is_system_and_parts_are_one_text(client: openai.OpenAI) -> None:
    plain: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Seja breve."},
        {"role": "user", "content": "Fale do tour"},
    ]
    parts: list[ChatCompletionMessageParam] = [
        {"role": "developer", "content": "Seja breve."},
        {"role": "user", "content": [{"type": "text", "text": "Fale "}, {"type": "text", "text": "do tour"}]},
    ]
    one, other = (
        client.chat.completions.create(model="any", messages=m, temperature=0, max_tokens=8)
        for m in (plain, parts)
    )
    assert one.choices[0].message.content == other.choices[0].message.content
    assert one.usage == other.usage


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_the_limit_is_kept_and_named(endless: Narrow, limit: str) -> None:
    with openai.OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0) as client:
        made: Any = client.chat.completions.create(model="any", messages=ASK, extra_body={limit: 4})
    assert made.choices[0].finish_reason == "length"
    assert made.usage.completion_tokens == 4


@pytest.mark.parametrize("listed", [False, True])
def test_stop_ends_the_text_before_the_string(endless: Narrow, listed: bool) -> None:
    with openai.OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0) as client:
        ask = client.chat.completions
        whole = ask.create(model="any", messages=ASK, max_tokens=30, temperature=0)
        text = whole.choices[0].message.content
        assert text
        stop = text[len(text) // 2 :][:4]
        made = ask.create(
            model="any", messages=ASK, max_tokens=30, temperature=0, stop=[stop] if listed else stop
        )
    assert made.choices[0].finish_reason == "stop"
    assert made.choices[0].message.content == text[: text.index(stop)]


def test_unknown_fields_are_ignored(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="any", messages=ASK, max_tokens=2, user="eu", presence_penalty=0, extra_body={"mirostat": 2}
    )
    assert made.choices


@pytest.mark.parametrize("n", [0, 17])
def test_no_choices_or_too_many_are_refused_by_name(client: openai.OpenAI, n: int) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="any", messages=ASK, n=n)
    assert refused.value.param == "n"


def test_an_image_is_refused_in_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'image_url' cannot be read") as refused:
        client.chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
        )
    assert refused.value.param == "messages.0.content"


def test_a_prompt_over_the_context_is_the_callers_error(client: openai.OpenAI, sintra: Live) -> None:
    for streamed in (False, True):
        with pytest.raises(openai.BadRequestError, match=f"the context holds {sintra.services.engine.n_ctx}"):
            client.chat.completions.create(
                model="any", messages=[{"role": "user", "content": "palavra " * 5000}], stream=streamed
            )


def test_a_chat_of_several_turns_is_taken(client: openai.OpenAI) -> None:
    turns: list[ChatCompletionMessageParam] = [
        *ASK,
        {"role": "assistant", "content": "Dura quatro horas."},
        {"role": "user", "content": "E custa quanto?"},
    ]
    made = client.chat.completions.create(model="any", messages=turns, max_tokens=4)
    first = client.chat.completions.create(model="any", messages=ASK, max_tokens=4)
    assert made.usage is not None
    assert first.usage is not None
    assert made.usage.prompt_tokens > first.usage.prompt_tokens


def test_eight_streams_at_once_all_finish(client: openai.OpenAI, sintra: Live) -> None:
    def ask(seed: int) -> str | None:
        with client.chat.completions.create(
            model="any", messages=ASK, max_tokens=24, seed=seed, stream=True, timeout=DEADLINE_S
        ) as stream:
            return [chunk.choices[0].finish_reason for chunk in stream][-1]

    with ThreadPoolExecutor(8) as pool:
        reasons = list(pool.map(ask, range(8)))
    assert set(reasons) <= {"stop", "length"}
    assert sintra.services.engine.status().n_running == 0
