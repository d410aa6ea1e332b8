"""One question's answer, judged against what is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from aion.answer.answer import Answer
from aion.answer.evaluate.gold import contains_gold, token_f1
from aion.answer.support.claims import claims
from aion.rag.evaluate.folder import LabelledQuestion


class Judged(BaseModel):
    """What one question came to, as a line of JSON has it.

    `is_refused` says that nothing was claimed: AION said that it does not know, or the model did. The four of
    the right passage are those of a question that has one; `has_gold` and `f1` of one with known answers.
    `cites_right`: the text cites it; `right_first`, `right_among`: it stands first, or at all, among the
    passages of the answer. `error` is why there is none. `ms` is by stage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    relevance: Mapping[str, float]
    answers: tuple[str, ...] = ()
    text: str = ""
    used: str = ""
    reason: str = ""
    confidence: float = 0.0
    passages: tuple[str, ...] = ()
    cited: tuple[int, ...] = ()
    is_refused: bool = False
    cites_right: bool = False
    right_first: bool = False
    right_among: bool = False
    has_gold: bool | None = None
    f1: float | None = None
    n_sentences: int = 0
    unsupported: tuple[tuple[int, int], ...] = ()
    n_prompt: int = 0
    n_completion: int = 0
    ms: Mapping[str, float] = {}
    error: str = ""

    @property
    def is_answerable(self) -> bool:
        return bool(self.relevance)


def judge(question: LabelledQuestion, answer: Answer) -> Judged:
    """What `answer` is worth; the sources of its passages are the ids of the question's."""
    by_aion = answer.used == "local" and answer.reason != "confident"
    claimed = [] if by_aion else claims(answer.text, answer.citations)
    is_refused = by_aion or not (claimed or answer.cited)
    sources = tuple(passage.source for passage in answer.passages)
    by_n = {passage.n: passage.source for passage in answer.passages}
    text = "" if is_refused else answer.text
    gold = question.answers if question.relevance else ()
    return Judged(
        question=question.text,
        relevance=question.relevance,
        answers=question.answers,
        text=answer.text,
        used=answer.used,
        reason=answer.reason,
        confidence=answer.confidence,
        passages=sources,
        cited=answer.cited,
        is_refused=is_refused,
        cites_right=any(by_n.get(n) in question.relevance for n in answer.cited),
        right_first=bool(sources) and sources[0] in question.relevance,
        right_among=any(source in question.relevance for source in sources),
        has_gold=contains_gold(text, gold) if gold else None,
        f1=token_f1(text, gold) if gold else None,
        n_sentences=len(claimed),
        unsupported=tuple((span.start, span.end) for span in answer.unsupported),
        n_prompt=answer.usage.n_prompt,
        n_completion=answer.usage.n_completion,
        ms=answer.ms,
    )


def failed(question: LabelledQuestion, error: str) -> Judged:
    """A question that brought no answer."""
    return Judged(question=question.text, relevance=question.relevance, answers=question.answers, error=error)
