"""`GET /api/metrics/...`: what the log comes to over any days. Only reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from aion.events.metrics import EventMetrics
from aion.events.period import Period, period
from aion.server.background import in_background
from aion.server.disconnect import unless_gone
from aion.server.events.metrics_json import (
    confidence_json,
    heat_json,
    latency_json,
    period_json,
    questions_json,
    summary_json,
)
from aion.server.query import HeatQuery, PeriodQuery, SummaryQuery, read_query
from aion.server.services import Services
from aion.server.tenants import tenant_of
from aion.settings import Settings


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
    query = read_query(request, SummaryQuery)

    def figures(asked: Asked) -> dict[str, object]:
        return summary_json(asked.metrics.summary(asked.tenant, asked.days, query.k), asked.settings)

    return await _answered(request, query, figures)


async def metrics_confidence(request: Request) -> Response:
    """How C is distributed."""

    def figures(asked: Asked) -> dict[str, object]:
        return confidence_json(asked.metrics.confidence(asked.tenant, asked.days), asked.settings)

    return await _answered(request, read_query(request, PeriodQuery), figures)


async def metrics_latency(request: Request) -> Response:
    """p50 and p95 by stage."""

    def figures(asked: Asked) -> dict[str, object]:
        return latency_json(asked.metrics.latency(asked.tenant, asked.days))

    return await _answered(request, read_query(request, PeriodQuery), figures)


async def metrics_questions(request: Request) -> Response:
    """A line a day."""

    def figures(asked: Asked) -> dict[str, object]:
        return questions_json(asked.metrics.questions(asked.tenant, asked.days))

    return await _answered(request, read_query(request, PeriodQuery), figures)


async def metrics_heatmap(request: Request) -> Response:
    """Documents by day, scores by rank."""
    query = read_query(request, HeatQuery)

    def figures(asked: Asked) -> dict[str, object]:
        return heat_json(asked.metrics.heat(asked.tenant, asked.days, query.limit))

    return await _answered(request, query, figures)


async def _answered(request: Request, query: PeriodQuery, figures: Figures) -> Response:
    """What `figures` makes of the period asked for. Raises InvalidRequest for days that are none, NotFound
    for a tenant that has no documents."""
    services: Services = request.app.state.services
    days = period(query.from_, query.to, query.tz)
    tenant = await tenant_of(request, query.tenant)
    asked = Asked(EventMetrics(services.library.store), services.settings, tenant, days)
    return JSONResponse(period_json(days) | await unless_gone(request, in_background(figures, asked)))
