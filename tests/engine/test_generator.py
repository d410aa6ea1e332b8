from __future__ import annotations

import asyncio

import pytest

from aion.answer.prompt import plain_prompt
from aion.engine.generator import LocalGenerator
from aion.engine.model import Model
from aion.engine.serving import Loaded, Serving
from aion.engine.template import ChatTemplate
from aion.errors import EngineBusy, PromptTooLong
from aion.types import Delta, Finished, GenerationEvent, Message, Sampling
from tests.engine.conftest import MakeEngine
from tests.engine.listening import GREEDY, ask
from tests.engine.runners import Steps

QUESTION = [Message("user", "Olá")]


def events_of(
    generator: LocalGenerator, messages: list[Message], sampling: Sampling
) -> list[GenerationEvent]:
    async def gather() -> list[GenerationEvent]:
        return [event async for event in generator.stream(messages, sampling)]

    return asyncio.run(gather())


def test_a_stream_is_deltas_and_one_finished(make_engine: MakeEngine, tiny_model: Model) -> None:
    engine = make_engine(n_kept=0)
    template = ChatTemplate(tiny_model, plain_prompt)
    generator = LocalGenerator(Serving(Loaded(tiny_model, engine, template)))
    events = events_of(generator, QUESTION, GREEDY)
    again = ask(engine, template.tokens(QUESTION))
    deltas = [event for event in events if isinstance(event, Delta)]
    assert ("".join(delta.text for delta in deltas), events[-1]) == (again.text, again.wait())
    assert [isinstance(event, Finished) for event in events].count(True) == 1
    assert generator.count_tokens(QUESTION) == len(template.tokens(QUESTION))
    assert (generator.n_ctx, generator.model_name) == (128, tiny_model.name)


def test_leaving_early_aborts(make_engine: MakeEngine, tiny_model: Model) -> None:
    steps = Steps()
    engine = make_engine(runner_type=steps.runner_type())
    generator = LocalGenerator(Serving(Loaded(tiny_model, engine, ChatTemplate(tiny_model, plain_prompt))))

    async def leave() -> None:
        stream = generator.stream(QUESTION, Sampling(max_new_tokens=100, seed=1))
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(steps.wait)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(leave())
    steps.run_free()
    engine.close()
    assert engine.is_idle_and_whole
    assert len(steps.batches) == 1


def test_errors_come_before_the_first_event(make_engine: MakeEngine, tiny_model: Model) -> None:
    engine = make_engine(n_ctx=64)
    generator = LocalGenerator(Serving(Loaded(tiny_model, engine, ChatTemplate(tiny_model, plain_prompt))))
    with pytest.raises(PromptTooLong):
        events_of(generator, [Message("user", "muito " * 100)], GREEDY)
    engine.close()
    with pytest.raises(EngineBusy):
        events_of(generator, QUESTION, GREEDY)
