"""Section 4 of the contract: local when it is to be trusted, else an honest refusal, both on record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from aion.answer.answer import Answer
from aion.answer.confidence.judges import MeanCosine
from aion.answer.paid.fallback import Fallback
from aion.answer.prompt import rag_prompt
from aion.answer.question import MAX_NEW_TOKENS, Question
from aion.answer.router import Router
from aion.errors import EngineBusy, EngineFailed, InvalidRequest, PromptTooLong
from aion.events.log import EventLog
from aion.store.budget import Budget
from aion.store.budget_state import Limits
from aion.store.connection import Store
from aion.store.events import Events
from aion.types import Delta, Finished, Passage, Usage
from tests.answer.fakes import FakeGenerator, FakeRetriever, passage

TENANT = "sintra"
ASKED = Question("Quanto custa?", TENANT)


@dataclass
class Scene:
    router: Router
    generator: FakeGenerator
    events: Events

    def answer(self, question: Question = ASKED) -> Answer:
        return asyncio.run(self.router.answer(question))

    def stream(self, question: Question = ASKED) -> list[Delta | Answer]:
        async def gather() -> list[Delta | Answer]:
            return [event async for event in self.router.stream(question)]

        return asyncio.run(gather())

    @property
    def kinds(self) -> list[str]:
        """The kinds on record, oldest first."""
        return [row.kind for row in reversed(self.events.list(TENANT))]


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    with Store(tmp_path / "aion.db") as store:
        yield Events(store)


class MakeScene(Protocol):
    def __call__(
        self, generator: FakeGenerator, passages: Sequence[Passage] | None = None, tau: float = 0.62
    ) -> Scene: ...


@pytest.fixture
def scene(events: Events) -> Iterator[MakeScene]:
    """A router over what the test found and a generator that says what the test wrote; no paid fallback."""
    with contextlib.closing(EventLog(events)) as log:
        off = Fallback(None, Budget(events.store, Limits(0, 0, 0, 0)), {})

        def make(
            generator: FakeGenerator, passages: Sequence[Passage] | None = None, tau: float = 0.62
        ) -> Scene:
            found = FakeRetriever([passage(1), passage(2)] if passages is None else passages)
            router = Router(found, generator, log, MeanCosine(), off, tau=tau, system_prompt="Você é o AION.")
            return Scene(router, generator, events)

        yield make


def test_a_confident_answer_is_local_and_names_its_sources(scene: MakeScene) -> None:
    at = scene(FakeGenerator(" Custa", " 45 euros [", "2].")).answer()
    assert at.text == "Custa 45 euros [2].\n\nFontes: [2] guia-2.md"
    assert (at.used, at.reason, at.cited, at.model) == ("local", "confident", (2,), "fake")
    assert at.confidence == pytest.approx(0.9)
    assert at.usage.n_completion == 3
    assert set(at.ms) == {"retrieval", "first_text", "generation", "total"}


def test_a_confident_answer_is_on_record(scene: MakeScene, events: Events) -> None:
    stage = scene(FakeGenerator("Custa 45 euros [1]."))
    at = stage.answer()
    assert stage.kinds == ["retrieval", "answer"]
    answer, retrieval = events.list(TENANT)
    assert (answer.id, answer.value) == (at.event_id, 1.0)
    wanted = {"prompt": "Quanto custa?", "reply": at.text, "rank": 1, "source": "local"}
    assert {key: answer.meta[key] for key in wanted} == wanted
    rows = events.retrieved(TENANT, retrieval.id)
    assert [(p.n, p.score, p.text) for p in rows] == [(1, 0.89, "Texto 1."), (2, 0.88, "Texto 2.")]
    assert events.list("another") == ()


def test_the_prompt_is_the_contracts(scene: MakeScene) -> None:
    stage = scene(FakeGenerator("Sim [1]."))
    stage.answer(Question("Quanto custa?", TENANT, seed=5))
    system, user = stage.generator.prompts[0]
    assert (system.role, system.content) == ("system", "Você é o AION.")
    assert user.content == rag_prompt("Quanto custa?") + "\n\n[CONTEXT]\n[1] Texto 1.\n\n[2] Texto 2."
    sampling = stage.generator.samplings[0]
    assert (sampling.temperature, sampling.top_p, sampling.max_new_tokens) == (0.5, 0.9, MAX_NEW_TOKENS)
    assert sampling.seed == 5


def test_low_confidence_is_an_honest_refusal(scene: MakeScene) -> None:
    stage = scene(FakeGenerator("Invento!"), [passage(1, 0.1), passage(2, 0.1, source="")])
    at = stage.answer()
    assert (at.used, at.reason, at.cited) == ("local", "low_confidence", ())
    assert at.text.startswith("Não encontrei")
    assert at.text.endswith("- [1] guia-1.md (Guia)\n- [2] KB (Guia)")
    assert stage.generator.prompts == []


def test_a_refusal_is_on_record_with_its_reason(scene: MakeScene, events: Events) -> None:
    stage = scene(FakeGenerator(), [passage(1, 0.1)])
    at = stage.answer()
    assert stage.kinds == ["fallback", "retrieval", "answer"]
    (fallback,) = events.list(TENANT, "fallback")
    assert fallback.value == 0.0
    assert fallback.meta["reason"] == "low_confidence"
    (answer,) = events.list(TENANT, "answer")
    assert (answer.value, answer.meta["reply"]) == (1.0, at.text)


def test_without_documents_the_refusal_says_how_to_add_them(scene: MakeScene) -> None:
    at = scene(FakeGenerator("Invento!"), [], tau=0.0).answer()
    assert (at.reason, at.confidence) == ("low_confidence", 0.0)
    assert "aion ingest" in at.text


def test_forced_fallback_is_off_and_says_so(scene: MakeScene, events: Events) -> None:
    stage = scene(FakeGenerator("Custa 45."))
    at = stage.answer(Question("Quanto custa?", TENANT, force_fallback=True))
    assert (at.reason, at.used) == ("fallback_off", "local")
    assert stage.generator.prompts == []
    assert events.list(TENANT, "fallback")[0].meta["reason"] == "fallback_off"


@pytest.mark.parametrize(
    ("tau", "reason"), [(0.0, "confident"), (0.9, "confident"), (0.91, "low_confidence")]
)
def test_the_questions_tau_comes_before_the_settings(scene: MakeScene, tau: float, reason: str) -> None:
    found = [passage(1, 0.8), passage(2, 0.8)]
    stage = scene(FakeGenerator("Sim [1]."), found, tau=0.5)
    assert stage.answer(Question("Quanto custa?", TENANT, tau=tau)).reason == reason


@pytest.mark.parametrize("tau", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_tau_out_of_range_is_refused(tau: float) -> None:
    with pytest.raises(InvalidRequest, match=str(tau)) as caught:
        Question("Quanto custa?", TENANT, tau=tau)
    assert caught.value.param == "tau"


@pytest.mark.parametrize("message", ["", "  \n\t"])
def test_an_empty_message_is_refused(message: str) -> None:
    with pytest.raises(InvalidRequest, match="empty") as caught:
        Question(message, TENANT)
    assert caught.value.param == "message"


FAILURES = [
    [EngineFailed("llama.cpp gave up.")],
    [Finished("error", Usage(9, 0), "llama.cpp gave up.")],
    [Finished("abort", Usage(9, 0))],
    [Finished("stop", Usage(9, 0))],
    [" [9]", " "],
]


@pytest.mark.parametrize("script", FAILURES)
def test_a_failure_before_the_first_token_is_a_refusal(
    scene: MakeScene, events: Events, script: list[str | Finished | Exception]
) -> None:
    stage = scene(FakeGenerator(*script))
    at = stage.answer()
    assert (at.reason, at.cited) == ("local_error", ())
    assert at.text.startswith("O modelo local falhou")
    assert events.list(TENANT, "fallback")[0].meta["reason"] == "local_error"
    assert stage.generator.n_open == 0


@pytest.mark.parametrize(
    "end",
    [
        EngineFailed("gave up"),
        Finished("error", Usage(9, 1)),
        Finished("error", Usage(9, 1), "No place.", cause="busy"),
        Finished("abort", Usage(9, 1)),
    ],
)
def test_a_failure_after_the_first_token_is_an_error(scene: MakeScene, end: Finished | Exception) -> None:
    stage = scene(FakeGenerator("Custa 45", end))
    with pytest.raises((EngineBusy, EngineFailed)):
        stage.stream()
    assert stage.kinds == ["retrieval", "error"]
    assert stage.generator.n_open == 0


def test_a_question_that_nobody_can_read_is_not_searched_for(scene: MakeScene) -> None:
    stage = scene(FakeGenerator("Sim [1].", n_ctx=100))
    with pytest.raises(PromptTooLong, match="1601 characters"):
        stage.answer(Question("a" * 1601, TENANT, tau=0.0))
    assert (stage.kinds, stage.generator.prompts) == ([], [])


def test_a_failure_that_nobody_saw_is_a_refusal(scene: MakeScene) -> None:
    stage = scene(FakeGenerator("Custa 45", EngineFailed("gave up")))
    at = stage.answer()
    assert (at.reason, at.cited) == ("local_error", ())
    assert "Custa" not in at.text
    assert stage.kinds == ["fallback", "retrieval", "answer"]


@pytest.mark.parametrize(
    "error", [EngineBusy("full", 2), PromptTooLong("300 tokens, 256 hold", param="prompt")]
)
def test_what_the_caller_can_mend_passes_through(scene: MakeScene, error: Exception) -> None:
    stage = scene(FakeGenerator(error))
    with pytest.raises(type(error)):
        stage.answer()
    assert stage.kinds == []


def test_passages_are_dropped_from_the_end_until_the_prompt_fits(scene: MakeScene, events: Events) -> None:
    found = [passage(n, text="palavra " * 60) for n in range(1, 9)]
    stage = scene(FakeGenerator("Sim [1] e não [8]."), found, tau=0.0)
    stage.generator.n_ctx = 400
    at = stage.answer()
    assert 1 <= len(at.passages) < 8
    assert [p.n for p in at.passages] == list(range(1, len(at.passages) + 1))
    assert stage.generator.count_tokens(stage.generator.prompts[0]) <= 300
    assert at.text.startswith("Sim [1] e não.")
    (retrieval,) = events.list(TENANT, "retrieval")
    assert len(events.retrieved(TENANT, retrieval.id)) == 8


def test_no_more_is_sent_than_the_model_makes_good_use_of(scene: MakeScene) -> None:
    found = [passage(n, text="palavra " * 60) for n in range(1, 9)]
    stage = scene(FakeGenerator("Sim [1]."), found, tau=0.0)
    stage.generator.n_ctx_effective = 200
    at = stage.answer()
    assert 1 <= len(at.passages) < 8
    assert stage.generator.count_tokens(stage.generator.prompts[0]) <= 200


def test_numbers_that_do_not_exist_never_reach_the_reader(scene: MakeScene) -> None:
    at = scene(FakeGenerator("Custa [3", "] 45 [1] ou [", "0] 50 [7].")).answer()
    assert at.text == "Custa 45 [1] ou 50.\n\nFontes: [1] guia-1.md"
    assert at.cited == (1,)


def test_sources_are_listed_once_in_order(scene: MakeScene) -> None:
    found = [passage(1), passage(2, source="")]
    at = scene(FakeGenerator("Um [2], dois [1], três [2]."), found).answer()
    assert at.text.endswith("Fontes: [1] guia-1.md; [2] KB")
    assert at.cited == (2, 1)


def test_sources_that_a_model_lists_only_at_the_end_are_named(scene: MakeScene) -> None:
    stage = scene(FakeGenerator("Custa 45 euros.\n\nFontes: [2] guia-2.md"))
    at = stage.answer()
    assert at.text == "Custa 45 euros.\n\nFontes: [2] guia-2.md"
    assert stage.generator.samplings[0].stop == ()  # a stop at the list would hide it


def test_an_answer_without_citations_has_no_sources_line(scene: MakeScene) -> None:
    assert scene(FakeGenerator("Custa 45 euros.")).answer().text == "Custa 45 euros."


@pytest.mark.parametrize("script", [["Cus", "ta [", "1", "] 45 [9", "] eu", "ros.\n"], FAILURES[0]])
def test_the_streamed_text_is_the_final_text(scene: MakeScene, script: list[str | Exception]) -> None:
    *deltas, last = scene(FakeGenerator(*script)).stream()
    assert isinstance(last, Answer)
    assert "".join(d.text for d in deltas if isinstance(d, Delta)) == last.text
    assert last.event_id > 0


def test_no_token_of_what_is_held_back_is_forgotten(scene: MakeScene) -> None:
    """Of a stream that is broken off it is known only by its pieces how many tokens it took."""
    script = [Delta("[", n_prompt=70), *(Delta(text) for text in ("1", ",", " ", "2", "] bom."))]
    deltas = [each for each in scene(FakeGenerator(*script)).stream() if isinstance(each, Delta)]
    assert deltas[0].n_prompt == 70
    assert sum(each.n_prompt for each in deltas) == 70
    assert sum(each.n_tokens for each in deltas) == len(script)


def test_leaving_the_stream_closes_the_generator_and_records_nothing(scene: MakeScene) -> None:
    stage = scene(FakeGenerator("Custa ", "45 ", "euros."))

    async def leave() -> int:
        stream: AsyncGenerator[Delta | Answer, None] = stage.router.stream(ASKED)
        await anext(stream)
        assert stage.generator.n_open == 1
        await stream.aclose()
        return stage.generator.n_open

    assert asyncio.run(leave()) == 0
    assert stage.kinds == []
