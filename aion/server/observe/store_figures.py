"""What is in the one file and what waits to be written to it. Reads the database: not for the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aion.errors import StoreError
from aion.server.money import open_budget
from aion.server.services import Services
from aion.store.index import Index

MOST_TENANTS = 100
"""That have series of their own."""

_logger = logging.getLogger(__name__)


class StoreFigures(Collector):
    """Where the database cannot be read its figures are left out, and `aion_store_up` is 0."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        services = self._services()
        yield from _backlog(services)
        try:
            found = [*_documents(services), *_vectors(services), *_budgets(services)]
        except StoreError as error:
            _logger.warning("The figures of the store are left out: %s", error)
            found = []
        yield from found
        yield GaugeMetricFamily("aion_store_up", "1 when the database could be read", float(bool(found)))


def _tenants(services: Services) -> list[str]:
    own = services.settings.tenant
    others = Index(services.library.store).tenants()
    return [own, *(tenant for tenant in others if tenant != own)][:MOST_TENANTS]


def _documents(services: Services) -> Iterator[Metric]:
    documents = GaugeMetricFamily("aion_documents", "Documents in the store", labels=("tenant",))
    chunks = GaugeMetricFamily("aion_chunks", "Chunks of documents in the store", labels=("tenant",))
    for tenant in _tenants(services):
        documents.add_metric((tenant,), services.library.documents.count(tenant))
        chunks.add_metric((tenant,), services.library.documents.count_chunks(tenant))
    yield documents
    yield chunks
    size = Index(services.library.store).n_bytes()
    yield GaugeMetricFamily("aion_store_bytes", "Size of the database file", size)


def _vectors(services: Services) -> Iterator[Metric]:
    """All texts have vectors, unless the embedder was changed."""
    index, embedder = Index(services.library.store), services.library.embedder
    total, done = index.count_texts(), index.count_vectors(embedder.name)
    yield GaugeMetricFamily("aion_embedding_texts", "Texts that are to have a vector", total)
    yield GaugeMetricFamily(
        "aion_embedding_texts_done", "Texts that have a vector of the embedder", min(done, total)
    )


def _budgets(services: Services) -> Iterator[Metric]:
    budget = open_budget(services.settings, services.library.store)
    labels = ("tenant", "period")
    money = GaugeMetricFamily(
        "aion_budget_left_micros",
        "What paid answers may still cost, in millionths of the prices' currency",
        labels=labels,
    )
    calls = GaugeMetricFamily("aion_budget_left_calls", "Paid calls that may still be made", labels=labels)
    for tenant in _tenants(services):
        state = budget.state(tenant)
        for period in (state.day, state.month):
            money.add_metric((tenant, period.name), period.left_micros)
            calls.add_metric((tenant, period.name), period.left_calls)
    yield money
    yield calls


def _backlog(services: Services) -> Iterator[Metric]:
    backlog = services.library.log.backlog
    yield GaugeMetricFamily("aion_event_log_waiting", "Events not in the database yet", backlog.n_waiting)
    yield GaugeMetricFamily(
        "aion_event_log_behind_seconds",
        "How long the database has taken no events, 0 while it does",
        backlog.behind_s,
    )
    yield CounterMetricFamily(
        "aion_event_log_lost", "Entries of the event log that could not be kept", backlog.n_lost
    )
