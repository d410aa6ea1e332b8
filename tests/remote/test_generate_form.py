"""Servers that speak only the contract's `POST /generate`: the original service."""

from __future__ import annotations

import pytest

from aion.errors import EngineFailed, InvalidRequest, OutOfTime
from aion.types import AdapterChoice, Message
from tests.remote.asking import QUESTION, ask, end_of, remote, text_of
from tests.remote.stand_in import Behaviour, StandIn, json_body, stalls, status

NOT_HERE = status(404, {"detail": "Not Found"})


@pytest.fixture
def original(stand_in: StandIn) -> StandIn:
    """No route of OpenAI's, and one of its own."""
    del stand_in.routes["/models"]
    stand_in.then(NOT_HERE)
    stand_in.routes["/generate"] = json_body({"ok": True, "ms": 3, "text": "Custa 55 €."})
    return stand_in


def test_it_is_found_out_once_and_spoken_from_then_on(original: StandIn) -> None:
    generator = remote(original)
    for _ in range(2):
        answer = ask(generator)
        assert (text_of(answer), end_of(answer).reason) == ("Custa 55 €.", "stop")
    paths = [asked.path for asked in original.asked]
    assert paths == ["/v1/models", "/v1/chat/completions", "/generate", "/generate"]
    assert original.asked[-1].body == {
        "system": "Seja breve.", "prompt": "Quanto custa o tour?",
        "temperature": 0.5, "top_p": 0.9, "max_new_tokens": 20,
    }  # fmt: skip


def test_a_conversation_goes_into_the_prompt(original: StandIn) -> None:
    ask(remote(original), messages=[*QUESTION, Message("assistant", "55 €."), Message("user", "E à noite?")])
    assert original.asked[-1].body["prompt"] == (
        "Pergunta: Quanto custa o tour?\n\nResposta: 55 €.\n\nPergunta: E à noite?"
    )


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (json_body({"ok": False}), "JSON without a text"),
        (json_body({"text": "  "}), "without any text"),
        (status(200, "<html>"), "not JSON"),
        (status(500, {"detail": "CUDA"}), r"failed \(500\): CUDA"),
        (NOT_HERE, "is AION_LOCAL_LLM_URL right"),
    ],
)
def test_its_failures_are_sentences_too(original: StandIn, behaviour: Behaviour, sentence: str) -> None:
    original.routes["/generate"] = behaviour
    with pytest.raises(EngineFailed, match=sentence):
        ask(remote(original))


def test_it_has_its_time_as_well(original: StandIn) -> None:
    original.routes["/generate"] = stalls()
    with pytest.raises(OutOfTime):
        ask(remote(original, timeout_s=0.3))


def test_it_takes_no_adapter(original: StandIn) -> None:
    generator = remote(original)
    ask(generator)
    with pytest.raises(InvalidRequest) as caught:
        ask(generator, adapters=[AdapterChoice("guide")])
    assert caught.value.param == "adapter"
