"""What many judged answers come to. All shares are in [0, 1]; None where there is nothing to take them of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from aion.answer.evaluate.judged import Judged
from aion.answer.evaluate.scores import auroc, ece
from aion.rag.evaluate.metrics import percentile

GENERATION = ("generation", "fallback")  # the stages in which tokens come


@dataclass(frozen=True, slots=True)
class Stage:
    """The time of one stage over the answers that have it, in milliseconds."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """Of all answerable questions: `cites_right` passage, `has_gold` and `f1` (of those with known answers; a
    refusal has none), `refused_wrong`; of the unanswerable ones `refused_right`. `unsupported` is of the
    sentences. `right_first` is what always citing the first passage would give, `right_among` what a perfect
    reader of the passages would. `auroc` and `ece` are C's, as the probability of an answerable question."""

    n_questions: int
    n_answerable: int
    n_failed: int
    n_answered: int
    n_sentences: int
    cites_right: float | None
    cites_right_of_answered: float | None
    right_first: float | None
    right_among: float | None
    has_gold: float | None
    f1: float | None
    unsupported: float | None
    refused_right: float | None
    refused_wrong: float | None
    auroc: float | None
    ece: float | None
    mean_confidence: float | None
    tokens_per_s: float | None
    ms: dict[str, Stage]

    def to_json(self) -> dict[str, object]:
        rounded = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        stages = {
            name: {"p50_ms": round(stage.p50_ms, 1), "p95_ms": round(stage.p95_ms, 1)}
            for name, stage in self.ms.items()
        }
        return rounded | {"ms": stages}


def figures_of(judged: Sequence[Judged]) -> AnswerFigures:
    """Questions that failed count nowhere but in `n_failed`."""
    there = [one for one in judged if not one.error]
    answerable = [one for one in there if one.is_answerable]
    others = [one for one in there if not one.is_answerable]
    answered = [one for one in there if not one.is_refused]
    n_sentences = sum(one.n_sentences for one in answered)
    scores, labels = [one.confidence for one in there], [one.is_answerable for one in there]
    return AnswerFigures(
        n_questions=len(judged),
        n_answerable=len(answerable),
        n_failed=len(judged) - len(there),
        n_answered=len(answered),
        n_sentences=n_sentences,
        cites_right=_mean(one.cites_right for one in answerable),
        cites_right_of_answered=_mean(one.cites_right for one in answerable if not one.is_refused),
        right_first=_mean(one.right_first for one in answerable),
        right_among=_mean(one.right_among for one in answerable),
        has_gold=_mean(one.has_gold for one in answerable if one.has_gold is not None),
        f1=_mean(one.f1 for one in answerable if one.f1 is not None),
        unsupported=sum(len(one.unsupported) for one in answered) / n_sentences if n_sentences else None,
        refused_right=_mean(one.is_refused for one in others),
        refused_wrong=_mean(one.is_refused for one in answerable),
        auroc=auroc(scores, labels),
        ece=ece(scores, labels) if answerable and others else None,
        mean_confidence=_mean(scores),
        tokens_per_s=_speed(answered),
        ms=_stages(there),
    )


def _mean(values: Iterable[float]) -> float | None:
    held = list(values)
    return sum(held) / len(held) if held else None


def _speed(answered: Iterable[Judged]) -> float | None:
    """Tokens written a second of generation, reading the prompt included."""
    timed = [(one.n_completion, sum(one.ms.get(stage, 0.0) for stage in GENERATION)) for one in answered]
    total_ms = sum(ms for _, ms in timed)
    return 1000 * sum(n for n, _ in timed) / total_ms if total_ms else None


def _stages(judged: Iterable[Judged]) -> dict[str, Stage]:
    times: dict[str, list[float]] = {}
    for one in judged:
        for stage, ms in one.ms.items():
            times.setdefault(stage, []).append(ms)
    return {stage: Stage(percentile(held, 0.5), percentile(held, 0.95)) for stage, held in times.items()}
