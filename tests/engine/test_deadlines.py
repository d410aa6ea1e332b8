"""Time that is over: in the queue, within a prompt's computation, while a text is written; and the watch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from functools import partial

import pytest

from aion.answer.prompt import plain_prompt
from aion.engine.deadlines import Deadlines
from aion.engine.engine import Engine
from aion.engine.generator import LocalGenerator
from aion.engine.model import Model
from aion.engine.plan import AS_IT_COMES, Layout, Work
from aion.engine.runner import Interrupted
from aion.engine.serving import Loaded, Serving
from aion.engine.template import ChatTemplate
from aion.errors import AionError, EngineBusy, OutOfTime
from aion.types import Finished, GenerationEvent, Message
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, Listener, ask, prompt_of
from tests.engine.runners import ExactRunner, Steps

LONG = replace(GREEDY, max_new_tokens=100)


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.002)


class ByHand(Deadlines):
    """Times pass when the test says so: `passed` are the callbacks in the order they were added."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[Callable[[], None]] = []

    def add(self, seconds: float, on_passed: Callable[[], None]) -> int:  # noqa: ARG002
        self.passed.append(on_passed)
        return -1


def watched(engine: Engine) -> ByHand:
    engine._timeouts._deadlines = watch = ByHand()
    return watch


def test_what_waits_too_long_is_told_to_come_back(make_engine: MakeEngine) -> None:
    steps = Steps()
    engine = make_engine(n_parallel=1, queue_timeout_s=90, runner_type=steps.runner_type())
    watch = watched(engine)
    running = ask(engine, prompt_of(5), LONG)
    steps.wait()
    waiting = ask(engine, prompt_of(5))
    for passed in watch.passed:  # of the running one too: it has begun, so nothing comes of it
        passed()
    steps.run_free()
    finished = waiting.wait()
    assert (finished.reason, finished.cause, waiting.text) == ("error", "busy", "")
    assert "waited 90 s" in (finished.error or "")
    assert "AION_QUEUE_TIMEOUT_S" in (finished.error or "")
    assert running.wait().reason == "length"
    assert engine.is_idle_and_whole


def test_time_that_is_over_while_a_text_is_written(make_engine: MakeEngine) -> None:
    steps, listener = Steps(), Listener()
    engine = make_engine(runner_type=steps.runner_type())
    watch = watched(engine)
    engine.submit(prompt_of(5), LONG, listener, timeout_s=1.5)
    steps.wait()
    watch.passed.pop()()
    steps.run_free()
    finished = listener.wait()
    assert (finished.reason, finished.cause) == ("error", "timeout")
    assert "1.5 s that timeout_s gives it" in (finished.error or "")
    assert finished.usage.n_completion == 1
    assert engine.is_idle_and_whole


def test_time_that_is_over_in_the_queue(make_engine: MakeEngine) -> None:
    steps, listener = Steps(), Listener()
    engine = make_engine(n_parallel=1, runner_type=steps.runner_type())
    watch = watched(engine)
    running = ask(engine, prompt_of(5))
    steps.wait()
    engine.submit(prompt_of(5), LONG, listener, timeout_s=1.0)
    watch.passed.pop()()
    steps.run_free()
    assert (listener.wait().cause, listener.text) == ("timeout", "")
    assert running.wait().reason == "length"
    assert engine.is_idle_and_whole


def test_real_time_is_over_too(make_engine: MakeEngine) -> None:
    engine, listener = make_engine(n_ctx=512), Listener()
    engine.submit(prompt_of(5), replace(GREEDY, max_new_tokens=500), listener, timeout_s=0.005)
    assert listener.wait().cause == "timeout"
    assert engine.is_idle_and_whole


def test_a_computation_under_way_is_given_up(make_engine: MakeEngine) -> None:
    interrupted: list[int] = []

    class RunsOutOfTime(ExactRunner):
        def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
            if any(piece.end - piece.start > 60 for piece in work):
                watch.passed.pop()()
            try:
                return super().decode(work, layout)
            except Interrupted:
                interrupted.append(len(work))
                raise

    engine, listener = make_engine(runner_type=RunsOutOfTime), Listener()
    watch = watched(engine)
    expected = ask(make_engine(), prompt_of(9)).text
    engine.submit(prompt_of(80), LONG, listener, timeout_s=1.0)
    assert (listener.wait().cause, listener.text) == ("timeout", "")
    assert ask(engine, prompt_of(9)).text == expected
    assert interrupted == [1]
    assert engine.is_idle_and_whole


def test_enough_time_changes_nothing(make_engine: MakeEngine) -> None:
    listener = Listener()
    engine = make_engine(queue_timeout_s=600)
    engine.submit(prompt_of(9), GREEDY, listener, timeout_s=600)
    assert listener.wait().reason == "length"
    engine.close()


def test_what_has_ended_is_not_remembered_for_a_day(make_engine: MakeEngine) -> None:
    engine = make_engine(queue_timeout_s=86_400)
    for _ in range(80):
        listener = Listener()
        engine.submit(prompt_of(5), replace(GREEDY, max_new_tokens=1), listener, timeout_s=86_400)
        listener.wait()
    until(lambda: not engine._timeouts._numbers)
    assert len(engine._timeouts._deadlines) < 80


def test_what_is_removed_is_not_called_back() -> None:
    now, passed = [0.0], list[int]()
    watch = Deadlines(clock=lambda: now[0])
    numbers = [watch.add(100.0, partial(passed.append, i)) for i in range(200)]
    for number in numbers[1:-1]:
        watch.remove(number)
    assert len(watch) < 100
    now[0] = 200.0
    watch.add(-150.0, partial(passed.append, -1))  # the first of all, so that the watch looks at its clock
    until(lambda: len(passed) == 3)
    watch.remove(numbers[0])
    watch.close()
    assert passed == [-1, 0, 199]


@pytest.mark.parametrize(("which", "error"), [(0, EngineBusy), (1, OutOfTime)])
def test_a_stream_raises_before_its_first_text(
    make_engine: MakeEngine, tiny_model: Model, which: int, error: type[AionError]
) -> None:
    steps = Steps()
    engine = make_engine(n_parallel=1, queue_timeout_s=90, runner_type=steps.runner_type())
    generator = LocalGenerator(Serving(Loaded(tiny_model, engine, ChatTemplate(tiny_model, plain_prompt))))
    ask(engine, prompt_of(5), LONG)
    steps.wait()
    watch = watched(engine)

    def pass_and_free() -> None:
        until(lambda: len(watch.passed) == 2)
        watch.passed[which]()
        steps.run_free()

    async def stream() -> list[GenerationEvent]:
        asked = [Message("user", "Oi")]
        return [event async for event in generator.stream(asked, GREEDY, timeout_s=1.0)]

    freed = threading.Thread(target=pass_and_free)
    freed.start()
    with pytest.raises(error):
        asyncio.run(stream())
    freed.join()


def test_a_text_that_has_begun_ends_with_its_error(make_engine: MakeEngine, tiny_model: Model) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type())
    watch = watched(engine)
    generator = LocalGenerator(Serving(Loaded(tiny_model, engine, ChatTemplate(tiny_model, plain_prompt))))

    async def stream() -> list[GenerationEvent]:
        events: list[GenerationEvent] = []
        async for event in generator.stream([Message("user", "Oi")], LONG, timeout_s=1.0):
            if not events:
                watch.passed.pop()()
                steps.run_free()
            events.append(event)
        return events

    for _ in range(10):
        steps.allow()
    *_, last = asyncio.run(stream())
    assert isinstance(last, Finished)
    assert (last.reason, last.cause) == ("error", "timeout")
    assert 1 <= last.usage.n_completion <= 11


def test_the_watch_calls_back_in_order_of_time() -> None:
    now, called, ended = [0.0], list[int](), threading.Event()
    watch = Deadlines(lambda: now[0])
    for n in (3, 1, 2, 99):
        watch.add(n, partial(called.append, n))
    now[0] = 10.0
    watch.add(0.0, ended.set)
    assert ended.wait(60)
    watch.close()
    assert called == [1, 2, 3]


def test_a_closed_watch_is_silent() -> None:
    watch, called = Deadlines(), list[int]()
    watch.close()
    watch.add(0.0, lambda: called.append(1))
    watch.close()
    assert called == []
