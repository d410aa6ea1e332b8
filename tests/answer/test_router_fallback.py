"""The router with a paid API behind it: a real HTTP server, a real budget, a real log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aion.answer.answer import Answer
from aion.answer.confidence.judges import MeanCosine
from aion.answer.paid.fallback import Fallback
from aion.answer.paid.prices import Price
from aion.answer.question import Question
from aion.answer.router import Router
from aion.errors import EngineFailed, FallbackFailed
from aion.events.log import EventLog
from aion.remote.generator import RemoteGenerator
from aion.remote.role import PAID
from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from aion.store.events import EventRow, Events
from aion.types import Delta, Finished, Sampling, Usage
from tests.answer.fakes import FakeGenerator, FakeRetriever, passage
from tests.remote.stand_in import StandIn, chunk, closed_port, events, says, stalls, status
from tests.server.live import wait_until

TENANT = "sintra"
UNSURE = Question("Quanto custa?", TENANT, tau=1.0)
PAID_TEXT = ("Custa 45", " € [", "1].")
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
COST_MICROS = 100 * 1 + 10 * 2  # at 1 and 2 for a million tokens


@dataclass
class Scene:
    """A router that does not trust its documents, and what it left behind."""

    router: Router
    generator: FakeGenerator
    budget: Budget
    log: Events

    def answer(self, question: Question = UNSURE) -> Answer:
        return asyncio.run(self.router.answer(question))

    def fallback_event(self) -> EventRow:
        (row,) = self.log.list(TENANT, "fallback")
        return row

    @property
    def spent(self) -> int:
        return self.budget.state(TENANT).day.total.spent_micros

    @property
    def reserved(self) -> int:
        return self.budget.state(TENANT).day.total.reserved_micros


class MakeScene:
    def __init__(self, store: Store, log: EventLog) -> None:
        self._store = store
        self._log = log

    def __call__(
        self, url: str, *, day: int = 10**6, local: FakeGenerator | None = None, retries: int = 0
    ) -> Scene:
        budget = Budget(self._store, Limits(day, 10**6, 50, 50))
        paid = RemoteGenerator(
            url, "sk-key", "stand-in", timeout_s=20, retries=retries, n_ctx=4096, role=PAID
        )
        fallback = Fallback(paid, budget, {"stand-in": Price(Decimal(1), Decimal(2))})
        generator = local or FakeGenerator("Invento!")
        router = Router(
            FakeRetriever([passage(1), passage(2)]),
            generator,
            self._log,
            MeanCosine(),
            fallback,
            tau=0.62,
            system_prompt="Você é o AION.",
        )
        return Scene(router, generator, budget, Events(self._store))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[MakeScene]:
    with Store(tmp_path / "aion.db") as store, contextlib.closing(EventLog(Events(store))) as log:
        yield MakeScene(store, log)


async def read(router: Router) -> None:
    async for _ in router.stream(UNSURE):
        pass


def test_what_is_not_trusted_is_answered_by_the_paid_model(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(says(*PAID_TEXT, usage=USAGE))
    stage = scene(stand_in.url)
    at = stage.answer()
    assert (at.used, at.reason, at.model, at.cited) == ("fallback", "low_confidence", "stand-in", (1,))
    assert at.text == "Custa 45 € [1].\n\nFontes: [1] guia-1.md"
    assert (at.usage.n_prompt, at.usage.n_completion, at.cost) == (100, 10, COST_MICROS / 1e6)
    assert stage.generator.prompts == []
    assert (stage.spent, stage.reserved) == (COST_MICROS, 0)


def test_all_of_it_is_on_record(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(says(*PAID_TEXT, usage=USAGE))
    stage = scene(stand_in.url)
    at = stage.answer()
    assert [row.kind for row in reversed(stage.log.list(TENANT))] == ["fallback", "retrieval", "answer"]
    meta: dict[str, Any] = stage.fallback_event().meta
    assert meta["payload"] == stand_in.completions[0].body
    assert (meta["reason"], meta["model"], meta["cost_micros"]) == ("low_confidence", "stand-in", COST_MICROS)
    assert (meta["tag"], meta["tokens_in"], meta["tokens_out"]) == ("rag-answer", 100, 10)
    answer = stage.log.list(TENANT, "answer")[0]
    assert (answer.id, answer.meta["source"], answer.meta["reply"]) == (at.event_id, "fallback", at.text)


@pytest.mark.parametrize("forced", [True, False])
def test_why_it_was_asked_is_told(scene: MakeScene, stand_in: StandIn, forced: bool) -> None:
    stage = scene(stand_in.url, local=FakeGenerator(EngineFailed("gave up")))
    at = stage.answer(Question("Quanto custa?", TENANT, tau=0.0, force_fallback=forced))
    assert (at.used, at.reason) == ("fallback", "forced" if forced else "local_error")
    assert len(stage.generator.prompts) == (0 if forced else 1)


def test_who_is_trusted_costs_nothing(scene: MakeScene, stand_in: StandIn) -> None:
    at = scene(stand_in.url, local=FakeGenerator("Sim [1].")).answer(Question("Abre?", TENANT, tau=0.0))
    assert (at.used, at.cost, stand_in.asked) == ("local", 0.0, [])


def test_what_it_would_cost_must_be_left(scene: MakeScene, stand_in: StandIn) -> None:
    stage = scene(stand_in.url, day=1)
    at = stage.answer()
    assert (at.used, at.reason, stand_in.completions) == ("local", "over_budget", [])
    assert at.text.startswith("Não encontrei")
    assert "AION_BUDGET_DAY" in str(stage.fallback_event().meta["error"])


BROKEN = {
    "unauthorized": status(401, {"error": {"message": "bad key"}}),
    "too many": status(429, {"error": {"message": "slow down"}}),
    "failing": status(500),
    "no JSON": status(200, "<html>"),
    "nothing said": says(),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
def test_a_paid_side_that_fails_is_an_honest_answer(
    scene: MakeScene, stand_in: StandIn, behaviour: Any
) -> None:
    stand_in.then(behaviour)
    stage = scene(stand_in.url)
    at = stage.answer()
    assert (at.used, at.reason, at.cited) == ("local", "fallback_error", ())
    assert at.text.startswith("Não encontrei")
    assert stage.fallback_event().meta["error"]
    assert "sk-key" not in str(stage.fallback_event().meta)


def test_all_that_failed_is_told(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(status(401, {"error": {"message": "bad key"}}))
    stage = scene(stand_in.url, local=FakeGenerator(EngineFailed("llama.cpp gave up.")))
    at = stage.answer(Question("Quanto custa?", TENANT, tau=0.0))
    meta = stage.fallback_event().meta
    assert (at.reason, meta["reason"], meta["wanted"]) == ("fallback_error", "fallback_error", "local_error")
    assert str(meta["error"]).startswith("llama.cpp gave up. The paid API at ")
    assert "rejects the key" in str(meta["error"])


def test_a_paid_side_that_is_down_costs_nothing(scene: MakeScene) -> None:
    stage = scene(closed_port())
    assert stage.answer().reason == "fallback_error"
    assert (stage.spent, stage.reserved) == (0, 0)


def test_after_the_first_text_a_failure_is_an_error_on_record(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(events(chunk("Custa 45 € e"), chunk(" mais"), end_body=False))
    stage = scene(stand_in.url)
    with pytest.raises(FallbackFailed):
        asyncio.run(read(stage.router))
    wait_until(lambda: stage.log.list(TENANT, "fallback") != (), "the paid call to be on record")
    kinds = [row.kind for row in stage.log.list(TENANT)]
    assert sorted(kinds) == ["error", "fallback", "retrieval"]
    assert stage.spent > 0
    assert stage.fallback_event().meta["cost_micros"] == stage.spent


def test_a_failure_that_nobody_saw_is_an_honest_answer(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(events(chunk("Custa 45 € e"), chunk(" mais"), end_body=False))
    stage = scene(stand_in.url)
    at = stage.answer()
    assert (at.used, at.reason) == ("local", "fallback_error")
    assert at.text.startswith("Não encontrei")
    assert at.cost == stage.spent / 1e6 > 0


def test_what_the_local_model_broke_off_is_written_anew(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(says(*PAID_TEXT, usage=USAGE))
    stage = scene(stand_in.url, local=FakeGenerator("Começo e", EngineFailed("gave up")))
    at = stage.answer(Question("Quanto custa?", TENANT, tau=0.0))
    assert (at.used, at.reason, at.text[:8]) == ("fallback", "local_error", "Custa 45")


def test_a_reader_who_leaves_is_told_to_nobody_but_the_log(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(stalls(chunk("Custa 45 € e mais")))
    stage = scene(stand_in.url)

    async def leave() -> None:
        stream = stage.router.stream(UNSURE)
        assert isinstance(await anext(stream), Delta)
        await stream.aclose()

    asyncio.run(leave())
    assert (stage.spent > 0, stage.reserved) == (True, 0)
    wait_until(lambda: stage.log.list(TENANT, "fallback") != (), "the paid call to be on record")
    assert stage.fallback_event().meta["cost_micros"] == stage.spent


def test_a_reader_who_leaves_after_the_last_word_leaves_the_call_on_record(
    scene: MakeScene, stand_in: StandIn
) -> None:
    stand_in.then(says(*PAID_TEXT, usage=USAGE))
    stage = scene(stand_in.url)

    async def leave() -> None:
        stream = stage.router.stream(UNSURE)
        async for event in stream:
            if isinstance(event, Delta) and "Fontes:" in event.text:
                break
        last = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        last.cancel()
        await asyncio.gather(last, return_exceptions=True)

    asyncio.run(leave())
    wait_until(lambda: stage.log.list(TENANT, "fallback") != (), "the paid call to be on record")
    assert stage.fallback_event().meta["payload"] == stand_in.completions[0].body
    assert stage.fallback_event().meta["cost_micros"] == stage.spent == COST_MICROS


@pytest.mark.parametrize("text", ["[9]", " \n"])
def test_a_paid_model_that_says_nothing_is_not_named_as_the_writer(
    scene: MakeScene, stand_in: StandIn, text: str
) -> None:
    stand_in.then(says(text, usage=USAGE))
    stage = scene(stand_in.url)
    at = stage.answer()
    assert (at.used, at.reason, at.model, at.usage.n_completion) == ("local", "fallback_error", "fake", 0)
    assert at.text.startswith("Não encontrei")
    assert at.cost == COST_MICROS / 1e6
    assert "no text" in str(stage.fallback_event().meta["error"])


def test_the_adapter_of_a_model_that_failed_is_not_the_paid_ones(scene: MakeScene, stand_in: StandIn) -> None:
    local = FakeGenerator("[9]", Finished("length", Usage(5, 5), adapter="sintra"))
    at = scene(stand_in.url, local=local).answer(Question("Quanto custa?", TENANT, tau=0.0))
    assert (at.used, at.reason, at.adapter, at.finish) == ("fallback", "local_error", "", "stop")


def test_a_bias_of_the_local_models_tokens_goes_nowhere_else(scene: MakeScene, stand_in: StandIn) -> None:
    sampling = Sampling(temperature=0.1, logit_bias=((7, -100.0),))
    scene(stand_in.url).answer(Question("Quanto custa?", TENANT, tau=1.0, sampling=sampling))
    (asked,) = stand_in.completions
    assert (asked.body["temperature"], "logit_bias" in asked.body) == (0.1, False)


def test_personal_data_stays_here_and_comes_back_in_the_answer(scene: MakeScene, stand_in: StandIn) -> None:
    stand_in.then(says("Escrevi para ", "[EMAIL", "_1]."))
    stage = scene(stand_in.url)
    at = stage.answer(Question("Avise maria@example.com do preço", TENANT, tau=1.0))
    assert at.text == "Escrevi para maria@example.com."
    assert b"maria@example.com" not in stand_in.completions[0].data
    assert "maria@example.com" not in str(stage.fallback_event().meta["payload"])
