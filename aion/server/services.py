"""Wires the rooms together: from settings to running parts. Nothing else does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from aion.answer.router import Router
from aion.engine.engine import Engine
from aion.engine.gate import ComputeGate
from aion.engine.generator import LocalGenerator
from aion.engine.serving import Serving
from aion.events.log import EventLog
from aion.server.adapter_control import AdapterControl
from aion.server.library import Library, open_library
from aion.server.loading import load_model
from aion.server.one_maker import GgufProgress
from aion.server.provision import provide_base_model
from aion.settings import Settings
from aion.store.events import Events
from aion.types import Generator


@dataclass(frozen=True, slots=True)
class Services:
    """The running parts behind the routes. `start_notice` tells of what the start found: a stand-in model,
    little memory, a bad adapter; "" of nothing."""

    settings: Settings
    library: Library
    serving: Serving
    adapters: AdapterControl
    generator: Generator
    router: Router
    is_embedded_model: bool
    start_notice: str

    @property
    def notice(self) -> str:
        """What an operator should know now, or "". Raises StoreError."""
        return " ".join(filter(None, [self.start_notice, self.library.reembedding.notice]))

    @property
    def engine(self) -> Engine:
        """That of the model which answers now."""
        return self.serving.current.engine


@contextlib.contextmanager
def open_services(settings: Settings, progress: GgufProgress | None = None) -> Iterator[Services]:
    """Load everything a question needs; on leaving, running generations are aborted and all is closed.

    `progress` is told of a base model that has to be converted first.
    """
    with contextlib.ExitStack() as stack:
        gate = ComputeGate()
        choice = provide_base_model(settings, progress)
        load = partial(load_model, settings, gate=gate)
        serving = Serving(load(choice.path))
        stack.callback(serving.close)
        adapters = AdapterControl(serving, choice.path, settings.adapter_dir, settings.models_dir, load)
        stack.callback(adapters.close)
        trouble = adapters.load_at_start(is_named="adapter_dir" in settings.model_fields_set)
        library = stack.enter_context(open_library(settings, gate))
        generator = LocalGenerator(serving)
        router = Router(
            library.retriever,
            generator,
            EventLog(Events(library.store)),
            tau=settings.tau_confidence,
            system_prompt=settings.system_prompt,
        )
        placement = serving.current.placement
        of_memory = placement.notice if placement else ""
        notice = " ".join(filter(None, [choice.notice, of_memory, trouble]))
        yield Services(settings, library, serving, adapters, generator, router, choice.is_embedded, notice)
