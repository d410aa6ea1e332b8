"""Wires the rooms together: from settings to running parts. Nothing else does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from aion.answer.confidence.judges import Calibrated, MeanCosine
from aion.answer.paid.fallback import Fallback
from aion.answer.router import Router
from aion.engine.engine import Engine
from aion.engine.gate import ComputeGate
from aion.engine.generator import LocalGenerator
from aion.engine.serving import Serving
from aion.server.adapters.control import AdapterControl
from aion.server.evaluation.calibration import stale_notice
from aion.server.fallback import open_fallback
from aion.server.library import Library, open_library
from aion.server.loading import load_model
from aion.server.local_llm import open_local_llm
from aion.server.model_files.one_maker import GgufProgress
from aion.server.model_files.provision import provide_base_model
from aion.server.money import open_budget
from aion.settings import Settings
from aion.store.calibrations import Calibrations
from aion.types import Event, Generator

LoadingStage = Literal["model", "documents"]


@dataclass(frozen=True, slots=True)
class Services:
    """The running parts behind the routes. `start_notice` tells of what the start found: a stand-in model,
    little memory, a bad adapter; "" of nothing. `elsewhere` writes the local answers where AION_LOCAL_LLM_URL
    names another place."""

    settings: Settings
    library: Library
    serving: Serving
    adapters: AdapterControl
    generator: Generator
    router: Router
    is_embedded_model: bool
    start_notice: str
    elsewhere: Generator | None = None
    fallback: Fallback | None = None

    @property
    def notice(self) -> str:
        """What an operator should know now, or "". Raises StoreError."""
        library = self.library
        stale = stale_notice(self.settings, library)
        problem = self.fallback.problem if self.fallback and self.settings.fallback == "on" else None
        paid = problem.sentence if problem else ""
        return " ".join(
            filter(None, [self.start_notice, paid, library.reembedding.notice, stale, library.log.notice])
        )

    @property
    def engine(self) -> Engine:
        """That of the model which answers now."""
        return self.serving.current.engine


def open_router(settings: Settings, library: Library, writer: Generator, fallback: Fallback) -> Router:
    """The router over these documents, with `writer` for the local answers."""
    judge = MeanCosine() if settings.confidence == "mean-cosine" else Calibrated(Calibrations(library.store))
    return Router(
        library.retriever,
        writer,
        library.log,
        judge,
        fallback,
        tau=settings.tau_confidence,
        system_prompt=settings.system_prompt,
    )


def _own_model(settings: Settings, elsewhere: Generator | None) -> Settings:
    """Where another server writes the answers, this process takes its small model unless one was named."""
    is_named = "base_model" in settings.model_fields_set
    return settings if elsewhere is None or is_named else settings.model_copy(update={"base_model": ""})


@contextlib.contextmanager
def open_services(
    settings: Settings,
    progress: GgufProgress | None = None,
    enter: Callable[[LoadingStage], None] = lambda _: None,
) -> Iterator[Services]:
    """Load everything a question needs; on leaving, running generations are aborted and all is closed.

    `progress` is told of a base model that has to be converted first, `enter` of what is loaded next.
    """
    with contextlib.ExitStack() as stack:
        enter("model")
        gate = ComputeGate()
        elsewhere = open_local_llm(settings)
        choice = provide_base_model(_own_model(settings, elsewhere), progress)
        load = partial(load_model, settings, gate=gate)
        serving = Serving(load(choice.path))
        stack.callback(serving.close)
        adapters = AdapterControl(serving, choice.path, settings.adapter_dir, settings.models_dir, load)
        stack.callback(adapters.close)
        trouble = adapters.load_at_start(is_named="adapter_dir" in settings.model_fields_set)
        enter("documents")
        library = stack.enter_context(open_library(settings, gate))
        adapters.tell(lambda kind, meta: library.log.post(settings.tenant, Event(kind, 1.0, meta)))
        generator = LocalGenerator(serving)
        fallback = open_fallback(settings, open_budget(settings, library.store))
        router = open_router(settings, library, elsewhere or generator, fallback)
        placement = serving.current.placement
        of_memory = placement.notice if placement else ""
        notice = " ".join(filter(None, [choice.notice, of_memory, trouble]))
        yield Services(
            settings, library, serving, adapters, generator, router, choice.is_embedded, notice, elsewhere,
            fallback,
        )  # fmt: skip
