"""Figures of a period and of the budget. Shares and C are from 0 to 1, null where there is nothing to take a
share of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aion.server.openapi.answer import Shape


class Days(Shape):
    """The days that figures are of, both counted."""

    from_: str = Field(alias="from", description="The first day.")
    to: str = Field(description="The last day.")
    tz: str = Field(description="The time zone whose days they are.")


class NdcgFigures(Shape):
    """How good the order of the passages was, by what people said of them."""

    k: int = Field(description="How many of the first passages count.")
    value: float | None = Field(description="nDCG, the mean of the answers.")
    answers: int = Field(description="Answers whose passages were judged.")
    unclear: int = Field(description="Judged answers that say nothing of the order.")
    tau: float = Field(description="AION_TAU_NDCG: below it, retrieval is to be improved.")


class FeedbackFigures(Shape):
    """How much feedback there was."""

    given: int = Field(description="Feedback in all.")
    up: int = Field(description="Thumbs up.")
    down: int = Field(description="Thumbs down.")
    corrections: int = Field(description="Corrected answers.")
    comments: int = Field(description="Comments.")
    judging_passages: int = Field(description="Feedback that judges passages.")


class Percentiles(Shape):
    """How long it took, in milliseconds."""

    answers: int = Field(description="How many were measured.")
    p50: float = Field(description="The median.")
    p95: float = Field(description="What 95 % stay below.")


class TokenFigures(Shape):
    """Tokens of the local model."""

    prompt: int = Field(description="Read.")
    completion: int = Field(description="Written.")
    per_s: float | None = Field(description="Written a second.")


class PaidFigures(Shape):
    """Calls of the paid API."""

    calls: int = Field(description="In all.")
    failed: int = Field(description="Of them without an answer.")
    cost: float | None = Field(description="Money, in the currency of AION_FALLBACK_PRICES.")
    tokens_in: int = Field(description="Tokens sent.")
    tokens_out: int = Field(description="Tokens that came back.")


class SummaryFigures(Days):
    """A period in one object."""

    questions: int = Field(description="Questions asked.")
    local: int = Field(description="Answered by the local model.")
    fallback: int = Field(description="Answered by the paid API.")
    declined: int = Field(description="Answered by saying that AION does not know.")
    fallback_share: float | None = Field(description="Answers the local model was not trusted with.")
    tau_fallback: float = Field(
        description="AION_TAU_FALLBACK: above it, the adapter is to be trained again."
    )
    paid_share: float | None = Field(description="Answers that a paid API wrote.")
    declined_share: float | None = Field(description="Answers that say AION does not know.")
    unsupported_share: float | None = Field(description="Answers with a sentence the passages do not carry.")
    reasons: dict[str, int] = Field(description="Answers by why they were given.")
    ndcg: NdcgFigures = Field(description="How good the order of the passages was.")
    feedback: FeedbackFigures = Field(description="How much feedback there was.")
    latency_ms: dict[str, Percentiles] = Field(description="How long answers took, by who wrote them.")
    tokens: TokenFigures = Field(description="Tokens of the local model.")
    paid: PaidFigures = Field(description="Calls of the paid API.")


class TauShare(Shape):
    """A tau that was in force."""

    tau: float | None = Field(description="The least C.")
    answers: int = Field(description="How many answers it was asked of.")


class MethodFigures(Shape):
    """C as one method found it."""

    method: str = Field(description="calibrated or mean-cosine.")
    mean: float | None = Field(description="The mean.")
    answers: int = Field(description="How many.")
    bins: list[int] = Field(description="Answers by C, in bins of equal width from 0 to 1.")
    local: list[int] = Field(description="Of them, those the local model was trusted with.")


class ConfidenceFigures(Days):
    """How C was distributed."""

    tau: float = Field(description="AION_TAU_CONFIDENCE, as it is now.")
    taus: list[TauShare] = Field(description="What was in force when they were answered.")
    bin_width: float = Field(description="The width of a bin.")
    methods: list[MethodFigures] = Field(description="A histogram for each method.")
    reasons: dict[str, int] = Field(description="Answers by why they were given.")


class LatencyFigures(Days):
    """How long each stage took."""

    latency_ms: dict[str, dict[str, Percentiles]] = Field(description="By who answered, then by stage.")


class DayFigures(Shape):
    """One day."""

    day: str = Field(description="Its date.")
    questions: int = Field(description="Questions asked.")
    local: int = Field(description="Answered by the local model.")
    fallback: int = Field(description="Answered by the paid API.")
    declined: int = Field(description="Answered by saying that AION does not know.")
    fallback_share: float | None = Field(description="Answers the local model was not trusted with.")
    cost: float | None = Field(description="Money, in the currency of AION_FALLBACK_PRICES.")


class QuestionFigures(Days):
    """A line a day, days without a question too."""

    days: list[DayFigures] = Field(description="The days, in order.")


class HeatLine(Shape):
    """A document, and when its passages were found."""

    source: str = Field(description="The document's name.")
    passages: int = Field(description="Passages found, in all.")
    mean_score: float | None = Field(description="Their mean score.")
    by_day: list[int] = Field(description="Passages found, by day.")


class HeatFigures(Days):
    """Which documents were found when."""

    days: list[str] = Field(description="The days, in order.")
    documents: list[HeatLine] = Field(description="Those found most often.")
    n_documents: int = Field(description="How many were found in all.")
    others_by_day: list[int] = Field(description="Passages of the documents not listed, by day.")
    ranks: list[list[int]] = Field(description="Passages by rank, and in it by score, in bins.")
    score_bin_width: float = Field(description="The width of a bin.")


class BudgetPeriod(Shape):
    """A day or a month of the budget."""

    start: str = Field(description="Its first day.")
    renews_at: str = Field(description="When the next one begins.")
    limit: float = Field(description="What may be spent.")
    spent: float = Field(description="What was spent.")
    reserved: float = Field(description="What is set aside for calls under way.")
    left: float = Field(description="What is left.")
    limit_calls: int = Field(description="How many calls there may be.")
    calls: int = Field(description="How many there were.")
    open_calls: int = Field(description="Of them under way.")
    left_calls: int = Field(description="How many are left.")


class ExpiredCalls(Shape):
    """Calls of this month that never told what they cost."""

    calls: int = Field(description="How many.")
    amount: float = Field(description="What they cost at most.")


class BudgetFigures(Shape):
    """What paid answers cost; amounts are in the currency of AION_FALLBACK_PRICES."""

    fallback: Literal["on", "off"] = Field(description="Whether a paid API may answer at all.")
    model: str = Field(description='The paid model, "" for none.')
    missing: list[str] = Field(description="What is to be set before anything is spent.")
    day: BudgetPeriod = Field(description="Today.")
    month: BudgetPeriod = Field(description="This month.")
    expired: ExpiredCalls = Field(description="Calls that never told what they cost.")
    clock_behind: bool = Field(description="The clock shows a day before the newest call's; nothing renews.")
