"""`GET /api/metrics/...`: what the log comes to over any days. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.errors import InvalidRequest
from aion.events.metrics import DEFAULT_K, EventMetrics
from aion.events.period import Period, period
from aion.server.background import in_background
from aion.server.disconnect import unless_gone
from aion.server.metrics_json import (
    confidence_json,
    heat_json,
    latency_json,
    period_json,
    questions_json,
    summary_json,
)
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.settings import Settings

MAX_K = 50
MAX_LINES = 200
_LINES = 20
_OPTIONS = ("from", "to", "tz", "tenant")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose figures of which days, and what they are held against."""

    metrics: EventMetrics
    settings: Settings
    tenant: str
    days: Period


Figures = Callable[[Asked], dict[str, object]]


async def metrics_summary(request: Request) -> Response:
    """The period in one object."""
    k = _number(request, "k", DEFAULT_K, MAX_K)

    def figures(asked: Asked) -> dict[str, object]:
        return summary_json(asked.metrics.summary(asked.tenant, asked.days, k), asked.settings)

    return await _answered(request, figures, "k")


async def metrics_confidence(request: Request) -> Response:
    """How C is distributed."""

    def figures(asked: Asked) -> dict[str, object]:
        return confidence_json(asked.metrics.confidence(asked.tenant, asked.days), asked.settings)

    return await _answered(request, figures)


async def metrics_latency(request: Request) -> Response:
    """p50 and p95 by stage."""
    return await _answered(
        request, lambda asked: latency_json(asked.metrics.latency(asked.tenant, asked.days))
    )


async def metrics_questions(request: Request) -> Response:
    """A line a day."""
    return await _answered(
        request, lambda asked: questions_json(asked.metrics.questions(asked.tenant, asked.days))
    )


async def metrics_heatmap(request: Request) -> Response:
    """Documents by day, scores by rank."""
    limit = _number(request, "limit", _LINES, MAX_LINES)
    return await _answered(
        request, lambda asked: heat_json(asked.metrics.heat(asked.tenant, asked.days, limit)), "limit"
    )


async def _answered(request: Request, figures: Figures, *more: str) -> Response:
    """What `figures` makes of the period asked for. Raises InvalidRequest for what is wrong or not known,
    NotFound for a tenant that has no documents."""
    services: Services = request.app.state.services
    given, known = request.query_params, (*_OPTIONS, *more)
    if unknown := sorted(set(given) - set(known)):
        raise InvalidRequest(
            f"{unknown[0][:80]} is not known; give any of {', '.join(known)}.", param=unknown[0][:80]
        )
    days = period(given.get("from"), given.get("to"), given.get("tz"))
    tenant = await tenant_of(services, given.get("tenant"))
    asked = Asked(EventMetrics(services.library.store), services.settings, tenant, days)
    return JSONResponse(period_json(days) | await unless_gone(request, in_background(figures, asked)))


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdecimal() or not 1 <= int(given[:9]) <= most:
        raise InvalidRequest(f"{name} is {given[:80]!r}; give a number from 1 to {most}.", param=name)
    return int(given)
