"""What requests and answers add up to since the start, and the registry that Prometheus is told from.

One set an app. Labels have few values each: patterns of routes, methods, statuses, reasons; never what a
client wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from aion.answer.answer import Answer
from aion.server.observe.access_log import OTHER
from aion.server.observe.engine_figures import EngineFigures
from aion.server.observe.model_figures import ModelFigures
from aion.server.observe.request_record import RequestRecord
from aion.server.observe.store_figures import StoreFigures
from aion.server.services import Services

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_STAGE_SECONDS = (0.001, 0.0025, *_SECONDS[:-2])
_TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Figures:
    """`began` and `ended` on the event loop, once a request each. The registry is read in the thread
    `reader`, for some of what is in it waits for the disk."""

    def __init__(self, services: Callable[[], Services]) -> None:
        """`services` gives those that serve now; engine and store are asked only when somebody reads."""
        # Without it each counter has a second series, which says when it was first counted up.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.reader = ThreadPoolExecutor(1, "aion-figures")
        self._in_progress = Gauge("aion_requests_in_progress", "Requests being served", registry=registry)
        self._requests = Counter(
            "aion_requests", "Requests that ended", ("route", "method", "status"), registry=registry
        )
        self._cut = Counter(
            "aion_requests_cut",
            "Responses that did not come to their end, by cause: client, stop, failure",
            ("route", "cause"),
            registry=registry,
        )
        self._seconds = Histogram(
            "aion_request_duration_seconds",
            "From a request's arrival to the end of its response, streams to their last byte",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_token = Histogram(
            "aion_first_token_seconds",
            "From a request's arrival to the first byte of its stream",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._prompt_tokens = Counter(
            "aion_prompt_tokens", "Tokens of requests that models read", ("route",), registry=registry
        )
        self._completion_tokens = Counter(
            "aion_completion_tokens", "Tokens that models wrote for requests", ("route",), registry=registry
        )
        self._answers = Counter(
            "aion_answers", "Answers from the documents", ("used", "reason"), registry=registry
        )
        self._confidence = Histogram(
            "aion_answer_confidence", "C of answers from the documents", buckets=_TENTHS, registry=registry
        )
        self._stage = Histogram(
            "aion_answer_stage_seconds",
            "What a stage of an answer from the documents took",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        registry.register(EngineFigures(services))
        registry.register(ModelFigures(services))
        registry.register(StoreFigures(services))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def began(self) -> None:
        self._in_progress.inc()

    def ended(self, record: RequestRecord) -> None:
        """Count a request whose record is complete."""
        self._in_progress.dec()
        route = record.route or OTHER
        self._requests.labels(route, record.method, str(record.status)).inc()
        self._seconds.labels(route).observe(record.ended - record.started)
        if record.cut:
            self._cut.labels(route, record.cut).inc()
        if record.is_stream and record.first_byte is not None:
            self._first_token.labels(route).observe(record.first_byte - record.started)
        if record.n_prompt:
            self._prompt_tokens.labels(route).inc(record.n_prompt)
        if record.n_completion:
            self._completion_tokens.labels(route).inc(record.n_completion)
        if record.answer is not None:
            self._answered(record.answer)

    def _answered(self, answer: Answer) -> None:
        self._answers.labels(answer.used, answer.reason).inc()
        self._confidence.observe(answer.confidence)
        for stage, ms in answer.ms.items():
            self._stage.labels(stage).observe(ms / 1000)
