"""`POST /generate`: the contract's section 1, as its TypeScript client uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Iterator, Sequence

import pytest

from aion.server.schemas import GenerateRequest
from aion.server.services import Services
from aion.types import (
    AdapterChoice,
    Delta,
    Finished,
    GenerationEvent,
    Message,
    Priority,
    Sampling,
    ToolUse,
    Usage,
)
from tests.server.live import Live, Narrow, live

_OI = [{"role": "user", "content": "Oi"}]


class Recorder:
    """A `Generator` that answers one word and remembers what it was asked."""

    model_name = "recorder"
    n_ctx = n_ctx_effective = 100

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.sampling = Sampling()
        self.terms: tuple[Priority, float | None] = ("interactive", None)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages)

    async def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
        tools: ToolUse | None = None,
    ) -> AsyncGenerator[GenerationEvent, None]:
        assert (adapters, tools) == (None, None)
        self.messages, self.sampling = list(messages), sampling
        self.terms = (priority, timeout_s)
        yield Delta(" sim ")
        yield Finished("stop", Usage(1, 1))


@pytest.fixture(scope="module")
def recorded(sintra: Live) -> Iterator[tuple[Live, Recorder]]:
    recorder = Recorder()
    services: Services = dataclasses.replace(sintra.services, generator=recorder)
    with live(services) as running:
        yield running, recorder


def test_the_answer_has_the_contract_form(sintra: Live) -> None:
    answer = sintra.post("/generate", {"prompt": "Diga olá", "max_new_tokens": 8}).json()
    assert set(answer) == {"ok", "ms", "text"}
    assert answer["ok"] is True
    assert type(answer["ms"]) is int
    assert isinstance(answer["text"], str)


def test_absent_fields_take_the_contract_defaults(recorded: tuple[Live, Recorder]) -> None:
    server, recorder = recorded
    assert server.post("/generate", {"prompt": "Oi"}).json()["text"] == "sim"
    assert recorder.sampling == Sampling(
        temperature=0.6, top_p=0.9, max_new_tokens=512, repetition_penalty=1.05, stop=()
    )
    system = server.services.settings.system_prompt
    assert recorder.messages == [Message("system", system), Message("user", "Oi")]


def test_null_is_as_good_as_absent(recorded: tuple[Live, Recorder]) -> None:
    server, recorder = recorded
    server.post("/generate", {"prompt": "Oi"})
    absent = (recorder.messages, recorder.sampling)
    nulls = dict.fromkeys(set(GenerateRequest.model_fields) - {"prompt"})
    assert server.post("/generate", {"prompt": "Oi", **nulls}).status_code == 200
    assert (recorder.messages, recorder.sampling) == absent


def test_what_is_given_arrives(recorded: tuple[Live, Recorder]) -> None:
    server, recorder = recorded
    body = {
        "system": "Seja breve.", "prompt": "Quanto custa?", "context": "[1] Custa 95 €.",
        "temperature": 0, "top_p": 0.5, "max_new_tokens": 7, "stop": ["###", "\n"],
        "priority": "batch", "timeout_s": 30,
    }  # fmt: skip
    server.post("/generate", body)
    assert recorder.messages == [
        Message("system", "Seja breve."),
        Message("user", "Quanto custa?\n\n[CONTEXT]\n[1] Custa 95 €."),
    ]
    given = recorder.sampling
    assert (given.temperature, given.top_p, given.max_new_tokens) == (0, 0.5, 7)
    assert given.stop == ("###", "\n")
    assert recorder.terms == ("batch", 30.0)


def test_stop_ends_the_text_before_the_string(endless: Narrow) -> None:
    body = {"prompt": "Fale do tour", "temperature": 0, "max_new_tokens": 40}
    whole = endless.post("/generate", body).json()["text"]
    stop = whole[len(whole) // 2 :][:5]
    before = endless.engine.status().n_tokens
    text = endless.post("/generate", body | {"stop": ["never said", stop]}).json()["text"]
    assert text == whole[: whole.index(stop)].strip()
    assert endless.engine.status().n_tokens - before < 40


def test_max_new_tokens_is_a_limit(endless: Narrow) -> None:
    before = endless.engine.status().n_tokens
    endless.post("/generate", {"prompt": "Fale", "max_new_tokens": 3})
    assert endless.engine.status().n_tokens - before == 3


@pytest.mark.parametrize("prompt", ["", " \n"])
def test_an_empty_prompt_is_refused_by_name(sintra: Live, prompt: str) -> None:
    response = sintra.post("/generate", {"prompt": prompt})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "prompt")


def test_a_prompt_over_the_context_names_both_numbers(sintra: Live) -> None:
    response = sintra.post("/generate", {"prompt": "palavra " * 5000})
    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert str(sintra.services.engine.n_ctx) in message
    assert f"The prompt has {sintra.services.generator.count_tokens(_turns(sintra))} tokens" in message
    sintra.assert_answers()


def _turns(sintra: Live) -> list[Message]:
    system = Message("system", sintra.services.settings.system_prompt)
    return [system, Message("user", "palavra " * 5000)]


def test_what_takes_too_long_is_a_504(endless: Narrow) -> None:
    body = {"prompt": "Fale", "max_new_tokens": 1500, "timeout_s": 0.01}
    response = endless.post("/generate", body)
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (504, "timeout_error")
    assert "0.01 s that timeout_s gives it" in error["message"]
    endless.wait_idle()


@pytest.mark.parametrize(("field", "value"), [("priority", "urgent"), ("timeout_s", 0), ("timeout_s", "5")])
def test_wrong_terms_are_refused_by_name(sintra: Live, field: str, value: object) -> None:
    for path, body in (("/generate", {"prompt": "Oi"}), ("/v1/chat/completions", {"messages": _OI})):
        response = sintra.post(path, body | {field: value})
        assert (response.status_code, response.json()["error"]["param"]) == (400, field)
