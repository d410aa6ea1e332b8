"""Metrics as clients see them, over HTTP and from `aion metrics --json` alike. Shares and C are in [0, 1],
null where there is nothing to take a share of."""

from __future__ import annotations

from collections.abc import Sequence

from aion.events.heat import N_BINS as N_SCORE_BINS
from aion.events.heat import Heat
from aion.events.metrics import N_BINS, ConfidenceFigures, Latency, QuestionDay, Summary
from aion.events.period import Period
from aion.settings import Settings


def period_json(period: Period) -> dict[str, object]:
    """The days a figure is of."""
    return {"from": period.first.isoformat(), "to": period.last.isoformat(), "tz": period.tz}


def summary_json(summary: Summary, settings: Settings) -> dict[str, object]:
    """All of a summary, beside what the operator holds it against."""
    return {
        "questions": summary.n_questions,
        "local": summary.n_local,
        "fallback": summary.n_paid,
        "declined": summary.n_declined,
        "fallback_share": _rounded(summary.fallback_share),
        "tau_fallback": settings.tau_fallback,
        "paid_share": _rounded(summary.paid_share),
        "declined_share": _rounded(summary.declined_share),
        "unsupported_share": _rounded(summary.unsupported_share),
        "reasons": dict(summary.reasons),
        "ndcg": {
            "k": summary.ndcg.k,
            "value": _rounded(summary.ndcg.value),
            "answers": summary.ndcg.n_judged,
            "unclear": summary.ndcg.n_unclear,
            "tau": settings.tau_ndcg,
        },
        "feedback": {
            "given": summary.feedback.n,
            "up": summary.feedback.n_up,
            "down": summary.feedback.n_down,
            "corrections": summary.feedback.n_corrections,
            "comments": summary.feedback.n_comments,
            "judging_passages": summary.feedback.n_judging,
        },
        "latency_ms": {kind: _percentiles(found) for kind, found in summary.total.items()},
        "tokens": {
            "prompt": summary.tokens_in,
            "completion": summary.tokens_out,
            "per_s": _rounded(summary.tokens_per_s, 1),
        },
        "paid": {
            "calls": summary.paid.n,
            "failed": summary.paid.n_failed,
            "cost": _rounded(summary.paid.cost, 6),
            "tokens_in": summary.paid.tokens_in,
            "tokens_out": summary.paid.tokens_out,
        },
    }


def confidence_json(figures: ConfidenceFigures, settings: Settings) -> dict[str, object]:
    """Histograms of C in bins of equal width, those of two methods apart; `tau` is the one in force now."""
    return {
        "tau": settings.tau_confidence,
        "taus": [{"tau": tau, "answers": n} for tau, n in figures.taus.items()],
        "bin_width": 1 / N_BINS,
        "methods": [
            {
                "method": each.method,
                "mean": _rounded(each.mean),
                "answers": sum(each.n),
                "bins": list(each.n),
                "local": list(each.n_local),
            }
            for each in figures.histograms
        ],
        "reasons": dict(figures.reasons),
    }


def latency_json(stages: Sequence[Latency]) -> dict[str, object]:
    """Milliseconds by who answered and by stage."""
    shown: dict[str, dict[str, object]] = {}
    for each in stages:
        shown.setdefault(each.kind, {})[each.stage] = _percentiles(each)
    return {"latency_ms": shown}


def questions_json(days: Sequence[QuestionDay]) -> dict[str, object]:
    """One object a day, in order, days without a question too."""
    return {
        "days": [
            {
                "day": each.day,
                "questions": each.n,
                "local": each.n_local,
                "fallback": each.n_paid,
                "declined": each.n_declined,
                "fallback_share": _rounded(each.fallback_share),
                "cost": _rounded(each.cost, 6),
            }
            for each in days
        ]
    }


def heat_json(heat: Heat) -> dict[str, object]:
    """Passages found by document and day, and by rank and score."""
    return {
        "days": list(heat.days),
        "documents": [
            {
                "source": line.source,
                "passages": line.n,
                "mean_score": _rounded(line.mean_score),
                "by_day": list(line.by_day),
            }
            for line in heat.documents
        ],
        "n_documents": heat.n_documents,
        "others_by_day": list(heat.others),
        "ranks": [list(row) for row in heat.ranks],
        "score_bin_width": 1 / N_SCORE_BINS,
    }


def _percentiles(found: Latency) -> dict[str, object]:
    return {"answers": found.n, "p50": round(found.p50_ms, 1), "p95": round(found.p95_ms, 1)}


def _rounded(value: float | None, n_digits: int = 4) -> float | None:
    return None if value is None else round(value, n_digits)
