"""What the engine has done and holds, as Prometheus reads it: a snapshot of plain integers, taken without
waiting for a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from aion.engine.status import STEP_SIZES, EngineStatus
from aion.server.services import Services

_GAUGES: tuple[tuple[str, str, Callable[[EngineStatus], float]], ...] = (
    ("aion_engine_running", "Sequences that have a slot", lambda s: s.n_running),
    ("aion_engine_waiting", "Sequences that wait for a slot", lambda s: max(0, s.n_pending - s.n_running)),
    ("aion_kv_cells_capacity", "Cells of the KV cache", lambda s: s.n_cells),
    ("aion_kv_cells_used", "Cells of the KV cache that running sequences hold", lambda s: s.n_cells_used),
)
_COUNTERS: tuple[tuple[str, str, Callable[[EngineStatus], float]], ...] = (
    ("aion_engine_prompt_tokens", "Tokens of the prompts admitted", lambda s: s.n_prompt),
    ("aion_engine_generated_tokens", "Tokens generated", lambda s: s.n_tokens),
    ("aion_engine_computed_tokens", "Tokens computed in steps, guesses included", lambda s: s.n_computed),
    ("aion_engine_compute_seconds", "Time that steps computed", lambda s: s.compute_s),
    ("aion_engine_admitted", "Sequences admitted", lambda s: s.n_admitted),
    ("aion_engine_preemptions", "Times a sequence lost its place and began again", lambda s: s.n_preempted),
    ("aion_prefix_cache_hits", "Sequences that began with what was computed before", lambda s: s.n_hits),
    ("aion_prefix_cache_reused_tokens", "Tokens of prompts that were computed before", lambda s: s.n_reused),
    ("aion_speculation_drafted_tokens", "Tokens guessed", lambda s: s.n_drafted),
    ("aion_speculation_accepted_tokens", "Tokens guessed right", lambda s: s.n_accepted),
)


class EngineFigures(Collector):
    """Of the model that answers and those that still end what they began, and of all before."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        serving = self._services().serving
        status = serving.status()
        for name, meaning, value in _GAUGES:
            yield GaugeMetricFamily(name, meaning, value(status))
        for name, meaning, value in _COUNTERS:
            yield CounterMetricFamily(name, meaning, value(status))
        yield _sizes(status)
        failed = bool(serving.current.engine.failure)
        yield GaugeMetricFamily("aion_engine_failed", "1 when the engine has stopped for good", float(failed))
        yield CounterMetricFamily(
            "aion_model_swaps", "Times a model replaced another while serving", serving.n_swaps
        )


def _sizes(status: EngineStatus) -> HistogramMetricFamily:
    """How many sequences were computed together, counted by step."""
    edges = [*(str(float(size)) for size in STEP_SIZES), "+Inf"]
    counts = [sum(status.step_sizes[: place + 1]) for place in range(len(edges))]
    return HistogramMetricFamily(
        "aion_engine_step_sequences",
        "Sequences computed together in a step",
        buckets=list(zip(edges, counts, strict=True)),
        sum_value=status.n_computed_together,
    )
