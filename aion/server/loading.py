"""Loads a base model into an engine, as the settings ask."""

from __future__ import annotations

from pathlib import Path

from aion.answer.prompt import plain_prompt
from aion.convert.fingerprint import fingerprint
from aion.engine.engine import Engine
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.serving import Loaded
from aion.engine.template import ChatTemplate
from aion.settings import Settings, n_physical_cores


def load_model(settings: Settings, path: Path, gate: ComputeGate) -> Loaded:
    """The GGUF at `path` with an engine of its own. Raises ModelError."""
    model = Model(path, gpu_layers(settings))
    try:
        engine = Engine(
            model,
            n_ctx=settings.ctx,
            n_parallel=settings.parallel,
            n_threads=n_threads(settings),
            n_waiting_max=settings.queue,
            n_kept=settings.kept_prefixes,
            speculates=settings.speculation,
            gate=gate,
            fingerprint=fingerprint(path),
        )
    except BaseException:
        model.close()
        raise
    return Loaded(model, engine, ChatTemplate(model, plain_prompt))


def n_threads(settings: Settings) -> int:
    """Compute threads: AION_THREADS, or the physical cores."""
    return settings.threads or n_physical_cores()


def gpu_layers(settings: Settings) -> int:
    """llama.cpp takes any large number for "all"; a build without GPU support ignores it."""
    return 9999 if settings.gpu_layers < 0 else settings.gpu_layers
