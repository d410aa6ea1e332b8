"""When a request is made again, when not, and when a server is left alone."""

from __future__ import annotations

import pytest

from aion.errors import AionError, EngineBusy, EngineFailed, OutOfTime
from aion.remote.breaker import Breaker
from tests.remote.asking import ONCE, ask, remote, text_of
from tests.remote.stand_in import (
    Behaviour,
    StandIn,
    chunk,
    closed_port,
    drop,
    events,
    says,
    stalls,
    status,
)

RETRIED = [drop, status(408), status(409), status(429), status(500), status(503), status(529)]


@pytest.mark.parametrize("behaviour", RETRIED)
def test_what_may_pass_is_tried_again(stand_in: StandIn, behaviour: Behaviour) -> None:
    stand_in.then(behaviour, behaviour, says("Agora sim."))
    assert text_of(ask(remote(stand_in))) == "Agora sim."
    assert len(stand_in.completions) == 3


FINAL = [status(400), status(401), status(422), status(200, "<html>"), events(chunk(""))]


@pytest.mark.parametrize("behaviour", FINAL)
def test_what_would_fail_again_is_not(stand_in: StandIn, behaviour: Behaviour) -> None:
    stand_in.then(behaviour, says("nunca"))
    with pytest.raises(EngineFailed):
        ask(remote(stand_in))
    assert len(stand_in.completions) == 1


def test_tries_are_bounded(stand_in: StandIn) -> None:
    stand_in.then(status(500))
    with pytest.raises(EngineFailed, match="500"):
        ask(remote(stand_in))
    assert len(stand_in.completions) == 3


def test_a_server_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(EngineFailed, match=r"cannot be reached .* start it, or correct AION_LOCAL_LLM_URL"):
        ask(remote(closed_port()))


def test_retry_after_is_honoured_only_within_the_time_left(stand_in: StandIn) -> None:
    stand_in.then(status(429, {"error": {"message": "slow down"}}, retry_after="90"), says("nunca"))
    with pytest.raises(EngineBusy, match=r"busy \(429\): slow down") as caught:
        ask(remote(stand_in))
    assert (caught.value.retry_after_s, len(stand_in.completions)) == (90, 1)


def test_no_credit_is_no_reason_to_try_again(stand_in: StandIn) -> None:
    stand_in.then(status(429, {"error": {"message": "You exceeded ...", "code": "insufficient_quota"}}))
    with pytest.raises(EngineFailed, match="no credit left"):
        ask(remote(stand_in))
    assert len(stand_in.completions) == 1


def test_a_parameter_the_server_does_not_take_is_left_out_from_then_on(stand_in: StandIn) -> None:
    stand_in.then(
        status(400, _unsupported("max_tokens", "is not supported; use 'max_completion_tokens' instead")),
        status(400, _unsupported("temperature", "does not support 0.5; only the default (1) is supported")),
        says("Sim."),
    )
    generator = remote(stand_in)
    assert text_of(ask(generator)) == "Sim."
    ask(generator)
    bodies = [asked.body for asked in stand_in.completions]
    assert len(bodies) == 4
    assert [("max_tokens" in b, b.get("max_completion_tokens"), "temperature" in b) for b in bodies[2:]] == [
        (False, 20, False)
    ] * 2


def test_a_server_that_takes_nothing_is_given_up(stand_in: StandIn) -> None:
    stand_in.then(status(400, _unsupported("max_completion_tokens", "Unsupported parameter")))
    with pytest.raises(EngineFailed, match="refused the request"):
        ask(remote(stand_in))
    stand_in.then(status(400, _unsupported("max_tokens", "Unsupported parameter")))
    with pytest.raises(EngineFailed, match="refused the request"):
        ask(remote(stand_in))
    assert len(stand_in.completions) <= 4


def _unsupported(param: str, message: str) -> object:
    text = f"Unsupported parameter: '{param}' {message}"
    return {"error": {"message": text, "param": param, "code": "unsupported_parameter"}}


def test_after_failures_in_a_row_nobody_asks_for_a_while(stand_in: StandIn) -> None:
    stand_in.then(status(500))
    generator = remote(stand_in, breaker=Breaker("The server", n_failures=2), backoff=ONCE)
    for _ in range(2):
        with pytest.raises(EngineFailed, match=r"failed \(500\)"):
            ask(generator)
    with pytest.raises(EngineFailed, match=r"failed 2 times in a row .* not asked again for \d+ s"):
        ask(generator)
    assert len(stand_in.completions) == 2


@pytest.mark.parametrize("behaviour", [status(401), status(400), status(429)])
def test_what_is_not_the_servers_trouble_opens_nothing(stand_in: StandIn, behaviour: Behaviour) -> None:
    stand_in.then(behaviour, behaviour, says("Sim."))
    generator = remote(stand_in, breaker=Breaker("The server", n_failures=1), backoff=ONCE)
    for _ in range(2):
        with pytest.raises(AionError):
            ask(generator)
    assert text_of(ask(generator)) == "Sim."


def test_a_request_with_little_time_opens_nothing(stand_in: StandIn) -> None:
    stand_in.then(stalls(), says("Sim."))
    generator = remote(stand_in, breaker=Breaker("The server", n_failures=1))
    with pytest.raises(OutOfTime, match=r"in 0\.2 s; ask for less, or raise timeout_s"):
        ask(generator, timeout_s=0.2)
    assert text_of(ask(generator)) == "Sim."
