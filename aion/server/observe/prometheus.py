"""`GET /metrics`: the figures in Prometheus' text format, or OpenMetrics where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from aion.server.access.identity import Identity, identity_of
from aion.server.observe.figures import Figures


async def prometheus(request: Request) -> Response:
    """Made in a thread kept for it: neither a busy engine nor those who wait for it hold it up."""
    figures: Figures = request.app.state.figures
    encoder, content_type = choose_encoder(request.headers.get("accept", ""))
    loop = asyncio.get_running_loop()
    shown = _Shown(figures.registry, identity_of(request))
    content = await loop.run_in_executor(figures.reader, encoder, shown)
    return Response(content, headers={"content-type": content_type})


class _Shown(Collector):
    """What is of no tenant, and of the tenants that the identity may use."""

    def __init__(self, figures: Collector, identity: Identity) -> None:
        self._figures = figures
        self._identity = identity

    def collect(self) -> Iterator[Metric]:
        for metric in self._figures.collect():
            metric.samples = [
                sample for sample in metric.samples if self._may_see(sample.labels.get("tenant"))
            ]
            yield metric

    def _may_see(self, tenant: str | None) -> bool:
        return tenant is None or self._identity.may_use(tenant)
