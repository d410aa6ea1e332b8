"""`/v1` as the official client for Node sees it; what it does is in node/openai_cases.mjs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.clients.conftest import Node
from tests.server.live import Live, Narrow, wait_until

Case = Callable[..., Any]


@pytest.fixture(scope="session")
def case(node: Node) -> Case:
    def run(server: Live, name: str, key: str = "none") -> Any:
        return node("openai_cases.mjs", name, f"{server.url}/v1", key)

    return run


def test_models_are_listed_and_shown(case: Case, sintra: Live) -> None:
    base, *others = case(sintra, "models")
    assert base["id"] == sintra.services.generator.model_name
    assert [other["id"] for other in others] == ["aion-rag"]
    assert case(sintra, "model") == base


def test_a_chat_is_answered(case: Case, sintra: Live) -> None:
    made = case(sintra, "chat")
    (choice,) = made["choices"]
    assert (made["object"], choice["message"]["role"]) == ("chat.completion", "assistant")
    assert choice["message"]["content"]
    assert made["usage"]["completion_tokens"] <= 12


def test_a_stream_says_the_same(case: Case, sintra: Live) -> None:
    told = case(sintra, "stream")
    *chunks, usage = told["chunks"]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == told["whole"]["choices"][0]["message"]["content"]
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], told["whole"]["usage"]["total_tokens"])


def test_its_stream_helper_puts_the_pieces_together(case: Case, sintra: Live) -> None:
    told = case(sintra, "helper")
    message = told["final"]["choices"][0]["message"]
    assert message["content"] == told["text"] == case(sintra, "chat")["choices"][0]["message"]["content"]


def test_leaving_a_stream_ends_the_generation(case: Case, endless: Narrow) -> None:
    n_before = len(endless.engine.aborted)
    assert case(endless, "abort") == {}
    wait_until(lambda: len(endless.engine.aborted) > n_before, "the server to stop generating")
    endless.wait_idle()


def test_several_choices_with_log_probabilities(case: Case, sintra: Live) -> None:
    made = case(sintra, "choices")
    assert [choice["index"] for choice in made["choices"]] == [0, 1]
    for choice in made["choices"]:
        assert choice["logprobs"]["content"]
        assert all(len(token["top_logprobs"]) == 2 for token in choice["logprobs"]["content"])


def test_json_is_parsed_by_its_schema(case: Case, sintra: Live) -> None:
    message = case(sintra, "json")["choices"][0]["message"]
    assert 0 <= json.loads(message["content"])["n"] <= 9


def test_the_older_form(case: Case, sintra: Live) -> None:
    made = case(sintra, "completion")
    assert (made["object"], len(made["choices"])) == ("text_completion", 1)


def test_a_tool_is_called_and_its_answer_told(case: Case, calling: Live) -> None:
    told = case(calling, "tool")
    for made in (told["whole"], told["streamed"]):
        (choice,) = made["choices"]
        (call,) = choice["message"]["tool_calls"]
        assert (choice["finish_reason"], call["type"], call["function"]["name"]) == (
            "tool_calls", "function", "agenda",
        )  # fmt: skip
        assert json.loads(call["function"]["arguments"])["dia"] in {"sábado", "domingo"}
    assert told["after"]["choices"][0]["message"]["role"] == "assistant"


def test_embeddings_are_decoded(case: Case, sintra: Live) -> None:
    told = case(sintra, "embeddings")
    packed, plain, short = (
        np.array([each["embedding"] for each in told[form]]) for form in ("packed", "plain", "short")
    )
    assert packed.shape == plain.shape == (2, sintra.services.library.embedder.n_dims)
    assert np.allclose(packed, plain, atol=1e-6)
    assert np.allclose(np.linalg.norm(short, axis=1), 1, atol=1e-5)
    assert short.shape == (2, 8)


def test_responses_whole_and_in_events(case: Case, sintra: Live) -> None:
    told = case(sintra, "responses")
    deltas = [event["delta"] for event in told["events"] if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == told["text"] != ""
    last = told["events"][-1]["response"]
    assert last["usage"]["total_tokens"] == told["whole"]["usage"]["total_tokens"]


def test_the_documents_answer_as_a_model(case: Case, sintra: Live) -> None:
    made = case(sintra, "documents")
    assert "half-day" in made["choices"][0]["message"]["content"]
    assert made["aion"]["passages"]


def test_what_clients_send_of_late_is_taken(case: Case, sintra: Live) -> None:
    made = case(sintra, "today")
    assert "error" not in made, made
    assert made["usage"]["completion_tokens"] <= 4


def test_the_id_of_a_request_is_known(case: Case, sintra: Live) -> None:
    told = case(sintra, "headers")
    assert told["request_id"] == told["header"] == told["id"] != ""


@pytest.mark.parametrize(
    ("name", "kind", "status", "param"),
    [("wrong", "BadRequestError", 400, "temperature"), ("missing", "NotFoundError", 404, "model")],
)
def test_refusals_have_their_type(
    case: Case, sintra: Live, name: str, kind: str, status: int, param: str
) -> None:
    error = case(sintra, name)["error"]
    assert (error["kind"], error["status"], error["param"]) == (kind, status, param)
    assert (error["type"], bool(error["requestID"])) == ("invalid_request_error", True)
