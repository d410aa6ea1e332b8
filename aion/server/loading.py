"""Loads a base model into an engine: placed as the settings ask and the machine allows."""

from __future__ import annotations

import logging
import re
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from aion.answer.prompt import plain_prompt
from aion.convert.fingerprint import fingerprint
from aion.convert.gguf_file import GgufFile
from aion.engine.catalog import choose_embedder
from aion.engine.context import ContextOptions
from aion.engine.devices import gpus
from aion.engine.engine import Engine
from aion.engine.fit import place
from aion.engine.gate import ComputeGate
from aion.engine.memory import Rehearsal
from aion.engine.model import Model
from aion.engine.placement import SHORT_CTX, Placement, Weights, Wishes
from aion.engine.serving import Loaded
from aion.engine.template import ChatTemplate
from aion.errors import AionError, ModelError
from aion.machine import Memory, memory, n_physical_cores
from aion.settings import Settings

_logger = logging.getLogger(__name__)
_LAYER = re.compile(r"blk\.(\d+)\.")


def load_model(settings: Settings, path: Path, gate: ComputeGate) -> Loaded:
    """The GGUF at `path` with an engine of its own. Raises ModelError, before loading when it cannot fit."""
    placement = placement_of(settings, path, memory_left(settings, memory()))
    if placement.notice:
        _logger.warning("%s", placement.notice)
    model = Model(path, placement.gpu_layers, mmap=placement.mmap, repack=placement.repack)
    try:
        if model.is_encoder:
            raise ModelError(
                f"{path} is an embedding model ({model.architecture}) and cannot write; "
                "name it in AION_EMBED_MODEL, and a chat model in AION_BASE_MODEL."
            )
        template = ChatTemplate(model, plain_prompt)
        engine = Engine(
            model,
            n_ctx=placement.n_ctx,
            n_parallel=placement.n_parallel,
            n_threads=n_threads(settings),
            n_waiting_max=settings.queue,
            n_kept=settings.kept_prefixes,
            speculates=settings.speculation,
            gate=gate,
            fingerprint=fingerprint(path),
            options=placement.wishes.options,
        )
    except BaseException:
        model.close()
        raise
    return Loaded(model, engine, template, placement)


def placement_of(settings: Settings, path: Path, available: Memory) -> Placement:
    """How the GGUF at `path` would be held in the memory that is available. Nothing but its header is read.

    Raises ModelError when the file cannot be used or does not fit.
    """
    options = ContextOptions(settings.kv_type, settings.flash_attention)
    layers = gpu_layers(settings)
    with closing(Rehearsal(path, layers, options, n_kept=settings.kept_prefixes)) as rehearsal:
        n_ctx = min(settings.ctx, rehearsal.n_ctx_train)
        is_set = "ctx" in settings.model_fields_set
        wishes = Wishes(
            n_ctx,
            n_ctx_least=n_ctx if is_set else min(n_ctx, SHORT_CTX),
            n_ctx_train=rehearsal.n_ctx_train,
            n_parallel=settings.parallel or None,
            gpu_layers=None if settings.gpu_layers < 0 else settings.gpu_layers,
            mmap=settings.mmap,
            options=options,
        )
        return place(str(path), wishes, weights_of(path), available, gpus(), rehearsal.demand)


def memory_left(settings: Settings, found: Memory) -> Memory:
    """What of `found` is for the chat model: the embedder is loaded after it and must find its place."""
    with suppress(AionError):  # one that is missing is another part's matter
        n_bytes = choose_embedder(settings.embed_model, settings.models_dir).path.stat().st_size
        return replace(found, available_bytes=max(0, found.available_bytes - n_bytes))
    return found


def weights_of(path: Path) -> Weights:
    """The bytes of a model's tensors, by layer. Raises CheckpointError."""
    tensors = GgufFile(path).tensors
    layers: dict[int, int] = {}
    for name, tensor in tensors.items():
        if found := _LAYER.match(name):
            number = int(found[1])
            layers[number] = layers.get(number, 0) + tensor.n_bytes
    head = tensors.get("output.weight") or tensors.get("token_embd.weight")
    total = sum(tensor.n_bytes for tensor in tensors.values())
    return Weights(tuple(layers[n] for n in sorted(layers)), head.n_bytes if head else 0, total)


def n_threads(settings: Settings) -> int:
    """Compute threads: AION_THREADS, or the physical cores."""
    return settings.threads or n_physical_cores()


def gpu_layers(settings: Settings) -> int:
    """llama.cpp takes any large number for "all"; a build without GPU support ignores it."""
    return 9999 if settings.gpu_layers < 0 else settings.gpu_layers
