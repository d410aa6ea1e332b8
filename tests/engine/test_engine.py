"""The engine on a real context: what comes out, how sequences end, what is left afterwards."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.kv_cache import KvCache
from aion.engine.model import Model
from aion.errors import EngineBusy, EngineFailed, InvalidRequest, PromptTooLong
from aion.types import Delta, GenerationEvent, Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.runners import Steps, failing_once

LONG = replace(GREEDY, max_new_tokens=100)


def test_batched_greedy_equals_alone_greedy(make_engine: MakeEngine) -> None:
    prompts = [prompt_of(n, seed) for seed, n in enumerate([1, 5, 40, 3, 77, 20, 9, 60])]
    engine = make_engine(n_batch=32)
    alone = [ask(engine, p).text for p in prompts]
    together = [ask(engine, p) for p in prompts]
    assert [listener.text for listener in together] == alone
    assert len(set(alone)) > 4


def test_greedy_is_the_same_again_on_the_embedded_model(chat_model: Model) -> None:
    prompt = chat_model.tokenize("Quanto custa o tour de meio dia em Sintra?", bos=True)
    with closing(Engine(chat_model, EngineConfig(128, 1, 1, n_kept=0))) as engine:
        first, second = ask(engine, prompt), ask(engine, prompt)
        assert first.text == second.text
        assert first.wait() == second.wait()


@pytest.mark.parametrize("seed", [0, 7, -1, 2**32 - 1])
def test_a_seed_gives_the_same_text_whatever_else_is_in_the_batch(make_engine: MakeEngine, seed: int) -> None:
    drawn = Sampling(temperature=0.9, top_p=0.95, seed=seed, max_new_tokens=10)
    engine = make_engine(n_batch=32)
    alone = ask(engine, prompt_of(12), drawn).text
    others = [ask(engine, prompt_of(30, s), replace(drawn, seed=s)) for s in range(1, 4)]
    assert ask(engine, prompt_of(12), drawn).text == alone
    for other in others:
        other.wait()


def test_without_a_seed_texts_differ(make_engine: MakeEngine) -> None:
    engine = make_engine()
    drawn = Sampling(temperature=1.5, top_p=1.0, max_new_tokens=10)
    assert len({ask(engine, prompt_of(5), drawn).text for _ in range(5)}) > 1


def test_length_ends_a_sequence_and_its_usage_counts(make_engine: MakeEngine) -> None:
    listener = ask(make_engine(), prompt_of(9), replace(GREEDY, max_new_tokens=3))
    finished = listener.wait()
    assert (finished.reason, finished.error) == ("length", None)
    assert (finished.usage.n_prompt, finished.usage.n_completion) == (9, 3)


def test_an_end_token_stops_a_sequence(make_engine: MakeEngine, tiny_path: Path) -> None:
    class EndsAtOnce(Model):
        def is_end(self, token: int) -> bool:  # noqa: ARG002
            return True

    with closing(EndsAtOnce(tiny_path)) as model:
        engine = make_engine(model)
        listener = ask(engine, prompt_of(9))
        assert (listener.wait().reason, listener.text) == ("stop", "")
        assert engine.is_idle_and_whole
        engine.close()


def test_a_stop_string_stops_and_does_not_leak(make_engine: MakeEngine) -> None:
    engine = make_engine()
    whole = ask(engine, prompt_of(9)).text
    stop = whole[4:7]
    listener = ask(engine, prompt_of(9), replace(GREEDY, stop=(stop,)))
    assert listener.wait().reason == "stop"
    assert listener.text == whole[: whole.index(stop)]


def test_max_new_tokens_is_clipped_to_the_room(make_engine: MakeEngine) -> None:
    finished = ask(make_engine(n_ctx=64), prompt_of(60), LONG).wait()
    assert finished.usage.n_prompt + finished.usage.n_completion <= 64


def test_a_prompt_too_long_names_both_numbers(make_engine: MakeEngine) -> None:
    with pytest.raises(PromptTooLong, match=r"\b64\b.*\b64\b") as caught:
        ask(make_engine(n_ctx=64), prompt_of(64))
    assert caught.value.param == "prompt"
    with pytest.raises(PromptTooLong, match=r"\b300\b.*\b64\b"):
        ask(make_engine(n_ctx=64), prompt_of(300))


def test_an_empty_prompt_is_refused(make_engine: MakeEngine) -> None:
    with pytest.raises(InvalidRequest, match="empty"):
        ask(make_engine(), [])


def test_the_context_is_at_most_what_the_model_was_trained_for(make_engine: MakeEngine) -> None:
    assert make_engine(n_ctx=100_000, n_parallel=1).n_ctx == 512


def test_a_full_queue_says_when_to_come_back(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_parallel=1, n_waiting_max=1, runner_type=steps.runner_type())
    taken = [ask(engine, prompt_of(5)), ask(engine, prompt_of(5))]
    with pytest.raises(EngineBusy, match="2 requests") as caught:
        ask(engine, prompt_of(5))
    assert caught.value.retry_after_s >= 1
    steps.run_free()
    assert [listener.wait().reason for listener in taken] == ["length", "length"]
    assert ask(engine, prompt_of(5)).wait().reason == "length"


def test_abort_in_the_queue(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_parallel=1, runner_type=steps.runner_type())
    running, waiting = ask(engine, prompt_of(5)), Listener()
    waiting_id = engine.submit(prompt_of(5), GREEDY, waiting)
    steps.wait()
    engine.abort(waiting_id)
    steps.run_free()
    assert (waiting.wait().reason, running.wait().reason) == ("abort", "length")
    assert waiting.text == ""
    assert engine.is_idle_and_whole


def test_abort_during_prefill(make_engine: MakeEngine) -> None:
    steps, listener = Steps(), Listener()
    engine = make_engine(n_batch=16, runner_type=steps.runner_type())
    sequence_id = engine.submit(prompt_of(100), GREEDY, listener)
    steps.wait()
    engine.abort(sequence_id)
    steps.run_free()
    finished = listener.wait()
    assert (finished.reason, listener.text, finished.usage.n_completion) == ("abort", "", 0)
    assert steps.batches == [[(0, 16)]]
    assert engine.is_idle_and_whole


def test_abort_during_decode(make_engine: MakeEngine) -> None:
    steps, listener = Steps(), Listener()
    engine = make_engine(runner_type=steps.runner_type())
    sequence_id = engine.submit(prompt_of(5), LONG, listener)
    for _ in range(3):
        steps.wait()
        steps.allow()
    steps.wait()
    engine.abort(sequence_id)
    steps.run_free()
    assert listener.wait().reason == "abort"
    assert listener.wait().usage.n_completion == 4
    assert engine.is_idle_and_whole


def test_aborting_twice_or_what_does_not_exist_is_nothing(make_engine: MakeEngine) -> None:
    engine, listener = make_engine(), Listener()
    sequence_id = engine.submit(prompt_of(5), LONG, listener)
    for id_ in (sequence_id, sequence_id, 10**9, -1):
        engine.abort(id_)
    listener.wait()
    assert ask(engine, prompt_of(5)).wait().reason == "length"
    assert listener.n_finished == 1


def test_what_an_aborted_sequence_computed_is_forgotten(make_engine: MakeEngine) -> None:
    engine = make_engine(n_parallel=1)
    wanted = ask(engine, prompt_of(9)).text
    aborted = Listener()
    sequence_id = engine.submit(prompt_of(50, 3), LONG, aborted)
    aborted.wait_for_text()
    engine.abort(sequence_id)
    assert ask(engine, prompt_of(9)).text == wanted


def test_close_ends_running_and_waiting_sequences_once(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_parallel=2, runner_type=steps.runner_type())
    listeners = [ask(engine, prompt_of(5), LONG) for _ in range(5)]
    steps.wait()
    steps.run_free()
    engine.close()
    assert {listener.wait().reason for listener in listeners} <= {"abort", "stop", "length"}
    assert [listener.n_finished for listener in listeners] == [1] * 5
    engine.close()
    with pytest.raises(EngineBusy, match="shutting down"):
        ask(engine, prompt_of(5))


def test_submitting_while_closing_ends_or_is_refused(make_engine: MakeEngine) -> None:
    engine = make_engine(n_waiting_max=10_000)
    accepted: list[Listener] = []

    def submit_until_refused() -> None:
        while True:
            try:
                accepted.append(ask(engine, prompt_of(2), replace(GREEDY, max_new_tokens=1)))
            except EngineBusy:
                return

    threads = [threading.Thread(target=submit_until_refused) for _ in range(4)]
    for thread in threads:
        thread.start()
    engine.close()
    for thread in threads:
        thread.join()
    assert all(listener.wait() and listener.n_finished == 1 for listener in accepted)


@pytest.mark.parametrize("error", [EngineFailed("llama.cpp gave up."), ValueError("a surprise")])
def test_a_failing_step_costs_its_sequences_only(make_engine: MakeEngine, error: Exception) -> None:
    wanted = ask(make_engine(n_parallel=1), prompt_of(9)).text
    engine = make_engine(n_parallel=1, runner_type=failing_once(error))
    failed, waiting = ask(engine, prompt_of(9)), ask(engine, prompt_of(9))
    finished = failed.wait()
    assert finished.reason == "error"
    assert str(error) in (finished.error or "")
    assert (waiting.text, waiting.wait().reason) == (wanted, "length")
    assert ask(engine, prompt_of(9)).text == wanted
    assert (failed.n_finished, waiting.n_finished) == (1, 1)
    assert engine.is_idle_and_whole


def test_an_engine_that_cannot_be_rebuilt_ends_everything(make_engine: MakeEngine) -> None:
    steps = Steps()
    broken = failing_once(EngineFailed("llama.cpp gave up."), rebuilds=False)

    class Broken(broken):  # type: ignore[misc, valid-type]
        def rebuild(self) -> None:
            steps.reached([])
            super().rebuild()

    engine = make_engine(n_parallel=1, runner_type=Broken)
    listeners = [ask(engine, prompt_of(9)) for _ in range(3)]
    steps.wait()
    steps.run_free()
    assert [listener.wait().reason for listener in listeners] == ["error"] * 3
    assert "restart AION" in (listeners[2].wait().error or "")
    with pytest.raises(EngineFailed, match="restart AION"):
        ask(engine, prompt_of(9))
    assert "No memory is left" in engine.failure


def test_a_failing_listener_costs_its_own_sequence_only(make_engine: MakeEngine) -> None:
    engine = make_engine()
    wanted = ask(engine, prompt_of(9)).text
    ended = Listener()

    def fails(event: GenerationEvent) -> None:
        if isinstance(event, Delta):
            raise RuntimeError("the event loop is closed")
        ended(event)

    engine.submit(prompt_of(20), LONG, fails)
    beside = ask(engine, prompt_of(9))
    assert (beside.text, ended.wait().reason) == (wanted, "abort")
    assert engine.is_idle_and_whole


def test_what_is_lost_is_found_when_nothing_runs(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_kept=2, runner_type=steps.runner_type())
    first = ask(engine, prompt_of(40))
    steps.wait()
    cache = engine._batcher._scheduler._cache
    assert isinstance(cache, KvCache)
    cache._free_cells.pop()
    steps.run_free()
    again = ask(make_engine(), prompt_of(40))
    assert (first.text, first.wait().reason) == (again.text, "length")
    after = ask(engine, prompt_of(40))
    assert (after.text, after.wait().usage.n_cached) == (first.text, 0)
    assert engine.is_idle_and_whole


def test_status_counts(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_parallel=1, runner_type=steps.runner_type())
    listeners = [ask(engine, prompt_of(5)) for _ in range(2)]
    steps.wait()
    steps.run_free()
    for listener in listeners:
        listener.wait()
    status = engine.status()
    assert (status.n_running, status.n_waiting) == (0, 0)
    assert status.n_tokens == sum(listener.wait().usage.n_completion for listener in listeners)
    assert status.n_steps >= status.n_tokens


def test_decode_goes_on_beside_a_long_prefill(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_batch=16, runner_type=steps.runner_type())
    ask(engine, prompt_of(4), LONG)
    steps.wait()
    ask(engine, prompt_of(100))
    for _ in range(2):
        steps.allow()
        steps.wait()
    steps.run_free()
    assert steps.batches[:3] == [[(0, 4)], [(4, 1), (0, 15)], [(5, 1), (15, 15)]]


@settings(max_examples=12, deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.integers(1, 60), st.integers(1, 8), st.booleans()), min_size=1, max_size=12
    )
)
def test_random_adds_and_aborts_leave_nothing_behind(
    tiny_model: Model, requests: list[tuple[int, int, bool]]
) -> None:
    with closing(Engine(tiny_model, EngineConfig(64, 3, 1, n_batch=24))) as engine:
        listeners = []
        for n_prompt, n_new, aborted in requests:
            listeners.append(Listener())
            sampling = replace(GREEDY, max_new_tokens=n_new)
            sequence_id = engine.submit(prompt_of(n_prompt), sampling, listeners[-1])
            if aborted:
                engine.abort(sequence_id)
        for listener in listeners:
            listener.wait()
        assert engine.is_idle_and_whole
    assert [listener.n_finished for listener in listeners] == [1] * len(requests)
