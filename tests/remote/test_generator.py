"""`RemoteGenerator` against a server that behaves."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from aion.errors import InvalidRequest
from aion.types import AdapterChoice, Delta, Message, Sampling, Tool, ToolUse, Usage
from tests.remote.asking import KEY, QUESTION, SHORT, ask, asked, end_of, remote, run, text_of
from tests.remote.stand_in import (
    Behaviour,
    Line,
    StandIn,
    chunk,
    end,
    json_body,
    says,
    stalls,
    told,
)
from tests.server.live import wait_until


def test_deltas_come_as_they_are_sent_and_then_the_end(stand_in: StandIn) -> None:
    stand_in.then(says("O tour", " custa ", "55 €."))
    answer = ask(remote(stand_in))
    assert [e.text for e in answer if isinstance(e, Delta)] == ["O tour", " custa ", "55 €."]
    assert (end_of(answer).reason, end_of(answer).usage) == ("stop", Usage(11, 2))


def test_what_is_asked_for_arrives(stand_in: StandIn) -> None:
    ask(remote(stand_in, model="mine"), Sampling(0.5, 0.9, max_new_tokens=7, stop=("###",), seed=3, top_k=5))
    assert stand_in.completions[0].body == {
        "model": "mine", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 7,
        "messages": [{"role": m.role, "content": m.content} for m in QUESTION],
        "temperature": 0.5, "top_p": 0.9, "stop": ["###"], "seed": 3, "top_k": 5,
    }  # fmt: skip


def test_no_header_but_the_needed_ones_leaves(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Spy: yes")
    ask(remote(stand_in))
    headers = stand_in.completions[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert set(headers) == {
        "host", "accept", "connection", "content-type", "content-length", "user-agent", "accept-encoding",
        "authorization",
    }  # fmt: skip


def test_the_list_of_models_names_the_model_and_the_context(stand_in: StandIn) -> None:
    models = [{"id": "big", "owned_by": "vllm", "max_model_len": 8192}, {"id": "small"}]
    stand_in.routes["/models"] = json_body({"data": models})
    generator = remote(stand_in)
    assert (generator.model_name, generator.n_ctx) == (stand_in.url.removeprefix("http://"), 4096)
    ask(generator)
    ask(generator)
    assert [a.body["model"] for a in stand_in.completions] == ["big", "big"]
    assert (generator.model_name, generator.n_ctx, generator.n_ctx_effective) == ("big", 8192, 8192)
    assert len([a for a in stand_in.asked if a.path == "/v1/models"]) == 1


def test_llama_server_tells_its_context_at_props(stand_in: StandIn) -> None:
    entry = {"id": "m.gguf", "owned_by": "llamacpp", "meta": {"n_ctx_train": 131072}}
    stand_in.routes["/models"] = json_body({"data": [entry]})
    stand_in.routes["/props"] = json_body({"default_generation_settings": {"n_ctx": 2048}})
    generator = remote(stand_in)
    run(generator.look())
    assert generator.n_ctx == 2048


def test_a_server_without_a_list_is_asked_all_the_same(stand_in: StandIn) -> None:
    del stand_in.routes["/models"]
    assert text_of(ask(remote(stand_in))) == "Olá mundo"


def test_a_server_that_does_not_stream_is_understood(stand_in: StandIn) -> None:
    message = {"role": "assistant", "content": "Custa 55 €."}
    stand_in.then(json_body({"choices": [{"message": message, "finish_reason": "length"}]}))
    answer = ask(remote(stand_in))
    assert (text_of(answer), end_of(answer).reason) == ("Custa 55 €.", "length")


def test_closing_the_stream_closes_the_connection(stand_in: StandIn) -> None:
    stand_in.then(stalls(chunk("O tour")))

    async def leave() -> None:
        async with aclosing(remote(stand_in).stream(QUESTION, SHORT)) as stream:
            assert isinstance(await anext(stream), Delta)
        await asyncio.to_thread(wait_until, lambda: stand_in.n_left == 1, "the connection to be closed")

    run(leave())


@pytest.mark.parametrize("behaviour", [stalls(), stalls(chunk(""))])
def test_cancelling_before_the_first_text_closes_it_too(stand_in: StandIn, behaviour: Behaviour) -> None:
    stand_in.then(behaviour)

    async def leave() -> None:
        task = asyncio.ensure_future(asked(remote(stand_in)))
        await asyncio.to_thread(wait_until, lambda: bool(stand_in.completions), "the request")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_until, lambda: stand_in.n_left == 1, "the connection to be closed")

    run(leave())


@pytest.mark.parametrize(
    ("sampling", "more", "param"),
    [
        (SHORT, {"tools": ToolUse((Tool("find"),))}, "tools"),
        (Sampling(logprobs=3), {}, "logprobs"),
        (Sampling(grammar='root ::= "a"'), {}, "grammar"),
        (SHORT, {"adapters": [AdapterChoice("unknown")]}, "adapter"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    stand_in: StandIn, sampling: Sampling, more: dict[str, object], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(remote(stand_in), sampling, **more)
    assert (caught.value.param, stand_in.completions) == (param, [])


def test_counts_learn_from_what_the_server_tells(stand_in: StandIn) -> None:
    long = (Message("user", "palavra " * 500),)
    generator = remote(stand_in)
    before = generator.count_tokens(long)
    stand_in.then(says("Sim.", usage={"prompt_tokens": 600, "completion_tokens": 1}))
    for _ in range(20):
        run(asked(generator, messages=long))
    assert 600 <= generator.count_tokens(long) < 700 < before


def test_events_may_come_in_any_pieces(stand_in: StandIn) -> None:
    async def slow(line: Line) -> None:
        await line.begin_events()
        for piece in (b'data: {"choices": [{"delta"', b': {"content": "O', b"l\xc3", b'\xa1"}}]}\n', b"\n"):
            await line.part(piece)
            await asyncio.sleep(0.01)
        for each in (end(), told(None), "[DONE]"):
            await line.event(each)
        await line.part(b"")

    stand_in.then(slow)
    assert text_of(ask(remote(stand_in))) == "Olá"
