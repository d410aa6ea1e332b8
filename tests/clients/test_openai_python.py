"""What the official client for Python adds to its plain calls: parsed answers, raw ones, helpers, asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, Field

from tests.server.live import DEADLINE_S, Live, Narrow, wait_until

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Fale do tour half-day"}]
LATE: dict[str, Any] = {  # what clients send of late and AION has no use for
    "store": True, "metadata": {"a": "b"}, "service_tier": "auto", "reasoning_effort": "low", "user": "eu",
    "verbosity": "low", "safety_identifier": "eu", "prompt_cache_key": "k", "modalities": ["text"],
    "parallel_tool_calls": True, "prediction": {"type": "content", "content": "O tour"},
}  # fmt: skip


class Tour(BaseModel):
    hours: int = Field(ge=0, le=9)
    price: int = Field(ge=0, le=99)


@pytest.fixture(scope="module")
def client(sintra: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{sintra.url}/v1", api_key="none", max_retries=0, timeout=DEADLINE_S
    ) as made:
        yield made


def test_an_answer_is_parsed_into_a_model(client: openai.OpenAI) -> None:
    made = client.chat.completions.parse(model="any", messages=ASK, response_format=Tour, max_tokens=80)
    assert isinstance(made.choices[0].message.parsed, Tour)
    told = client.responses.parse(model="any", input="Um tour", text_format=Tour, max_output_tokens=80)
    assert isinstance(told.output_parsed, Tour)


def test_the_stream_helper_ends_with_the_whole(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="any", messages=ASK, max_tokens=8, temperature=0, n=2, logprobs=True, top_logprobs=1
    ) as stream:
        kinds = {event.type for event in stream}
        whole = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done", "logprobs.content.done"} <= kinds
    texts = [choice.message.content for choice in whole.choices]
    assert texts[0] == texts[1] != ""


def test_a_raw_answer_has_the_headers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="any", messages=ASK, max_tokens=2, extra_headers={"X-Request-ID": "meu-pedido"}
    )
    made = raw.parse()
    assert (raw.headers["x-request-id"], raw.request_id) == ("meu-pedido", "meu-pedido")
    assert made._request_id == "meu-pedido"
    assert raw.headers["content-type"] == "application/json"


def test_what_clients_send_of_late_is_taken(client: openai.OpenAI) -> None:
    plain = client.chat.completions.create(model="any", messages=ASK, temperature=0, max_completion_tokens=6)
    made = client.chat.completions.create(
        model="any", messages=ASK, temperature=0, max_completion_tokens=6, **LATE
    )
    assert made.choices[0].message.content == plain.choices[0].message.content


def test_asyncio_asks_many_at_once(sintra: Live) -> None:
    async def ask() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=f"{sintra.url}/v1", api_key="none") as client:
            asked = (
                client.chat.completions.create(model="any", messages=ASK, max_tokens=4, seed=seed)
                for seed in range(6)
            )
            return [made.choices[0].message.content for made in await asyncio.gather(*asked)]

    assert all(asyncio.run(ask()))


def test_a_stream_that_is_left_ends_its_generation(endless: Narrow) -> None:
    n_before = len(endless.engine.aborted)
    with (
        openai.OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0) as client,
        client.chat.completions.create(model="any", messages=ASK, max_tokens=1500, stream=True) as stream,
    ):
        next(iter(stream))
    wait_until(lambda: len(endless.engine.aborted) > n_before, "the server to stop generating")
    endless.wait_idle()


def test_a_full_queue_is_tried_again_by_the_client(endless: Narrow) -> None:
    """503 with Retry-After is what the client waits for by itself."""
    status = endless.engine.status
    body = {"messages": ASK, "max_tokens": 1500}
    endless.tap.shut()
    with (
        endless.connect("/v1/chat/completions", body) as running,
        openai.OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0) as client,
    ):
        endless.tap.step_until(lambda: status().n_running == 1, "the slot to be taken")
        with endless.connect("/v1/chat/completions", body):
            endless.tap.step_until(lambda: status().n_waiting == 1, "the queue to be full")
            with pytest.raises(openai.InternalServerError) as refused:
                client.chat.completions.create(model="any", messages=ASK, max_tokens=2)
            assert (refused.value.status_code, refused.value.type) == (503, "overloaded_error")
            assert int(refused.value.response.headers["retry-after"]) > 0
        running.close()
        endless.tap.open()
        patient = client.with_options(max_retries=5)
        assert patient.chat.completions.create(model="any", messages=ASK, max_tokens=2).choices


def test_what_clients_act_on_has_openais_code(client: openai.OpenAI) -> None:
    long: list[ChatCompletionMessageParam] = [{"role": "user", "content": "palavra " * 5000}]
    with pytest.raises(openai.BadRequestError) as too_long:
        client.chat.completions.create(model="any", messages=long)
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("nobody")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")


def test_a_base_url_without_v1_is_told_where_it_is(sintra: Live) -> None:
    with (
        openai.OpenAI(base_url=sintra.url, api_key="none", max_retries=0) as client,
        pytest.raises(openai.NotFoundError, match="it is at /v1/chat/completions"),
    ):
        client.chat.completions.create(model="any", messages=ASK)
