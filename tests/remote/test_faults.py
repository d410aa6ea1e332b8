"""Answers that are none, broken, late or lying: each is one sentence, and the key is in none."""

from __future__ import annotations

import logging

import pytest

from aion.errors import AionError, EngineFailed, OutOfTime, PromptTooLong
from aion.types import Message, Usage
from tests.remote.asking import KEY, ONCE, QUESTION, ask, end_of, remote, text_of
from tests.remote.stand_in import (
    Behaviour,
    StandIn,
    chunk,
    drop,
    end,
    events,
    json_body,
    says,
    stalls,
    status,
)
from tests.server.live import wait_until

BROKEN: dict[str, tuple[Behaviour, str]] = {
    "html": (status(200, "<html>welcome</html>"), "sent text/html in place of an event stream"),
    "no json": (events("{nonsense"), "sent a stream event that is not JSON"),
    "json of no object": (events("[1]"), "no JSON object"),
    "deep json": (events("[" * 100_000), "not JSON"),
    "without choices": (events({"id": "1"}), "sent JSON without choices"),
    "one body without choices": (json_body({"id": "1"}), "sent JSON without choices"),
    "choices of nothing": (events({"choices": [3]}), "a choice without a delta"),
    "a number for text": (events(chunk(7)), "a content that is int and no text"),
    "an error for an answer": (events({"error": {"message": "out of memory"}}), "an error: out of memory."),
    "cut before the first text": (events(chunk(""), end_body=False), "broke its answer off"),
    "ended without a reason": (events(chunk("")), "broke its answer off"),
    "nothing said": (events(chunk(""), end(), "[DONE]"), "without any text: the content was empty"),
    "content null": (events(chunk(None), end(), "[DONE]"), "without any text"),
    "declined": (events(chunk(None), end("content_filter"), "[DONE]"), "it declined to answer"),
    "only thought": (events(chunk(None), end("length"), "[DONE]"), "used up before the first word"),
    "one huge line": (events("x" * 2**21), "an event too large"),
    "endless text": (events(chunk("x" * 10_000)), "far more text than the tokens it was allowed"),
    "500": (status(500, {"error": {"message": "worker died"}}), r"failed \(500\): worker died"),
    "not let in": (status(403), "AION_LOCAL_LLM_API_KEY"),
    "moved": (status(307, None, location="http://elsewhere.example/"), "nothing was sent there"),
    "no such model": (
        status(404, {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}),
        "does not exist; see AION_LOCAL_LLM_MODEL",
    ),
    "dropped": (drop, "closed the connection without an answer"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_answer_that_is_none_is_one_sentence(stand_in: StandIn, name: str) -> None:
    behaviour, sentence = BROKEN[name]
    stand_in.then(behaviour)
    with pytest.raises(EngineFailed, match=sentence) as caught:
        ask(remote(stand_in, backoff=ONCE))
    assert caught.value.message.startswith(f"The model server at {stand_in.url}/v1 ")
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (events(chunk("O tour"), end_body=False), "broke its answer off"),
        (events(chunk("O tour")), "broke its answer off"),
        (events(chunk("O tour"), {"error": {"message": "CUDA"}}), "an error: CUDA"),
        (events(chunk("O tour"), "?"), "not JSON"),
        (events(chunk("O tour"), end("content_filter"), "[DONE]"), "content_filter"),
    ],
)
def test_after_the_first_text_a_failure_is_the_end(
    stand_in: StandIn, behaviour: Behaviour, sentence: str
) -> None:
    stand_in.then(behaviour)
    answer = ask(remote(stand_in))
    assert (text_of(answer), end_of(answer).reason) == ("O tour", "error")
    assert sentence in (end_of(answer).error or "")
    assert len(stand_in.completions) == 1


def test_the_end_of_the_text_is_the_end_whatever_becomes_of_the_usage(stand_in: StandIn) -> None:
    stand_in.then(events(chunk("Sim."), end(), end_body=False))
    answer = ask(remote(stand_in))
    assert (text_of(answer), end_of(answer).reason, end_of(answer).usage.n_completion) == ("Sim.", "stop", 1)


@pytest.mark.parametrize(
    "usage",
    [
        None, {}, 3, {"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": "11"},
        {"prompt_tokens": 10**12, "completion_tokens": 1}, {"prompt_tokens": 0, "completion_tokens": 0},
    ],
)  # fmt: skip
def test_usage_that_is_none_is_estimated(stand_in: StandIn, usage: object) -> None:
    stand_in.then(says("a", "b", "c", usage=usage))
    generator = remote(stand_in)
    expected = generator.count_tokens(QUESTION)
    assert end_of(ask(generator)).usage == Usage(expected, 3)


def test_characters_that_are_none_do_no_harm(stand_in: StandIn) -> None:
    stand_in.then(events('{"choices": [{"delta": {"content": "a\\ud800b"}}]}', end(), "[DONE]"))
    text = text_of(ask(remote(stand_in), messages=[Message("user", "x\ud800")]))
    assert text.encode() == b"a?b"


@pytest.mark.parametrize("behaviour", [stalls(), stalls(chunk(""))])
def test_the_whole_answer_has_a_time(stand_in: StandIn, behaviour: Behaviour) -> None:
    stand_in.then(behaviour)
    with pytest.raises(OutOfTime, match=r"in 0\.3 s; .* raise AION_LOCAL_LLM_TIMEOUT_S"):
        ask(remote(stand_in, timeout_s=0.3))
    wait_until(lambda: stand_in.n_left == 1, "the request to be closed")


def test_time_that_runs_out_later_ends_the_stream(stand_in: StandIn) -> None:
    stand_in.then(stalls(chunk("O tour")))
    answer = ask(remote(stand_in, timeout_s=0.3))
    assert (text_of(answer), end_of(answer).reason, end_of(answer).cause) == ("O tour", "error", "timeout")


def test_the_key_is_in_no_error_and_no_log(stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for code in (400, 401, 404, 429, 500):
        stand_in.then(status(code, {"error": {"message": f"The key {KEY} is bad, Bearer {KEY}."}}))
        with pytest.raises(AionError) as caught:
            ask(remote(stand_in, backoff=ONCE))
        assert KEY not in f"{caught.value!r} {caught.value.__cause__} {caught.value.__context__}"
    assert KEY not in caplog.text


def test_a_prompt_that_is_too_long_is_the_askers_to_mend(stand_in: StandIn) -> None:
    message = "This model's maximum context length is 2048 tokens"
    stand_in.then(status(400, {"error": {"message": message, "code": "context_length_exceeded"}}))
    with pytest.raises(PromptTooLong, match="2048 tokens"):
        ask(remote(stand_in))
