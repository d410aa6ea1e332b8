from __future__ import annotations

import pytest

from aion.errors import InvalidRequest
from aion.remote.card import Card
from aion.remote.payload import Asked, Dialect, chat_payload
from aion.types import AdapterChoice, Message, Sampling, ToolCall

AION = Card("nano", frozenset({"nano", "guide"}), "nano", frozenset({"guide"}), kind="aion")
VLLM = Card("nano", frozenset({"nano", "guide"}), "nano", frozenset({"guide"}))
ASKED = Asked((Message("user", "Oi"),), Sampling())


def payload(asked: Asked, card: Card = VLLM) -> dict[str, object]:
    return chat_payload(asked, card, Dialect(), card.model)


def test_another_aion_gets_its_own_fields() -> None:
    asked = Asked(ASKED.messages, Sampling(grammar='root ::= "a"'), (AdapterChoice("guide", 0.5),), "batch")
    body = payload(asked, AION)
    assert body["adapter"] == [{"name": "guide", "scale": 0.5}]
    assert (body["priority"], body["grammar"], body["model"]) == ("batch", 'root ::= "a"', "nano")
    assert payload(Asked(ASKED.messages, Sampling(), ()), AION)["adapter"] == "none"


def test_others_get_an_adapter_as_the_model() -> None:
    assert payload(Asked(ASKED.messages, Sampling(), (AdapterChoice("guide"),)))["model"] == "guide"
    assert payload(Asked(ASKED.messages, Sampling(), ()))["model"] == "nano"
    assert "priority" not in payload(Asked(ASKED.messages, Sampling(), None, "batch"))


@pytest.mark.parametrize(
    "adapters", [(AdapterChoice("guide", 0.5),), (AdapterChoice("x"),), (AdapterChoice("guide"),) * 2]
)
def test_what_others_cannot_do_is_refused(adapters: tuple[AdapterChoice, ...]) -> None:
    with pytest.raises(InvalidRequest, match="guide, nano") as caught:
        payload(Asked(ASKED.messages, Sampling(), adapters))
    assert caught.value.param == "adapter"


def test_a_repetition_penalty_goes_out_under_both_names() -> None:
    body = payload(Asked(ASKED.messages, Sampling(repetition_penalty=1.05)))
    assert (body["repetition_penalty"], body["repeat_penalty"]) == (1.05, 1.05)
    assert "repetition_penalty" not in payload(ASKED)


def test_calls_and_their_results_keep_their_form() -> None:
    call = Message("assistant", "", (ToolCall("c1", "find", '{"q": 1}'),))
    result = Message("tool", "nada", tool_call_id="c1")
    sent = payload(Asked((call, result), Sampling()))["messages"]
    called = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": 1}'}}
    assert sent == [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "nada", "tool_call_id": "c1"},
    ]  # fmt: skip


def test_a_dialect_does_without_what_it_can() -> None:
    dialect = Dialect()
    assert [dialect.learn(p) for p in ("temperature", "temperature", "messages", "invented")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert dialect.learn("max_tokens")
    assert not dialect.learn("max_completion_tokens")
    body = chat_payload(ASKED, VLLM, dialect, "nano")
    assert "temperature" not in body
    assert ("max_tokens" in body, body["max_completion_tokens"]) == (False, 512)
