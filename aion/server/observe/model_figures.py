"""Which version, models and adapters serve, and what paid answers have cost since the start."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from aion import __version__
from aion.answer.paid.fallback import Spent
from aion.engine.library import version
from aion.server.services import Services


class ModelFigures(Collector):
    """Plain values, read as they are."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        services = self._services()
        yield InfoMetricFamily(
            "aion_build",
            "The version of AION, of Python and of llama.cpp",
            {"version": __version__, "python": platform.python_version(), "llama_cpp": version()},
        )
        elsewhere = services.elsewhere
        yield InfoMetricFamily(
            "aion_model",
            "The models that serve; `elsewhere` is that of AION_LOCAL_LLM_URL",
            {
                "chat": services.generator.model_name,
                "elsewhere": elsewhere.model_name if elsewhere else "",
                "embedder": services.library.embedder.name,
                "merged_adapter": services.adapters.merged,
            },
        )
        yield self._adapters(services)
        changes = CounterMetricFamily("aion_adapter_changes", "Adapters loaded and merged", labels=("kind",))
        for kind, n in sorted(services.adapters.n_changes.items()):
            changes.add_metric((kind.removeprefix("adapter."),), n)
        yield changes
        paid = services.fallback.spent if services.fallback else Spent()
        yield CounterMetricFamily("aion_fallback_calls", "Calls of the paid API", paid.n_tries)
        yield CounterMetricFamily(
            "aion_fallback_cost_micros",
            "What they cost, in millionths of the prices' currency",
            paid.cost_micros,
        )

    @staticmethod
    def _adapters(services: Services) -> Metric:
        loaded = GaugeMetricFamily(
            "aion_adapter_info", "The adapters loaded, each 1", labels=("adapter", "content")
        )
        for adapter in services.adapters.adapters.current():
            loaded.add_metric((adapter.name, adapter.content_hash[:12]), 1)
        return loaded
