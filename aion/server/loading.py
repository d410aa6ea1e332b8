"""Loads a base model into an engine: placed as the settings ask and the machine allows."""

from __future__ import annotations

import logging
import re
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from aion.answer.prompt import plain_prompt
from aion.convert.fingerprint import gguf_fingerprint
from aion.convert.gguf_file import GgufFile
from aion.engine.catalog import choose_embedder, choose_reranker
from aion.engine.config import EngineConfig
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
    placement, file = _examined(settings, path, memory_left(settings, memory()))
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
        config = EngineConfig(
            n_ctx=placement.n_ctx,
            n_parallel=placement.n_parallel,
            n_threads=n_threads(settings),
            n_cells=placement.demand.n_cells,
            apart=placement.demand.apart,
            n_kept=settings.kept_prefixes,
            n_waiting_max=settings.queue,
            queue_timeout_s=settings.queue_timeout_s or None,
            speculates=settings.speculation,
            options=placement.wishes.options,
        )
        engine = Engine(model, config, gate=gate, fingerprint=gguf_fingerprint(file))
    except BaseException:
        model.close()
        raise
    return Loaded(model, engine, template, placement)


def placement_of(settings: Settings, path: Path, available: Memory) -> Placement:
    """How the GGUF at `path` would be held in the memory that is available. Nothing but its header is read.

    Raises ModelError when the file cannot be used or does not fit.
    """
    return _examined(settings, path, available)[0]


def _examined(settings: Settings, path: Path, available: Memory) -> tuple[Placement, GgufFile]:
    """The placement and the header it was found by."""
    options = ContextOptions(settings.kv_type, settings.flash_attention)
    layers = gpu_layers(settings)
    n_kept, n_cells = settings.kept_prefixes, settings.kv_tokens or None
    devices = gpus()
    apart = n_cells is None and (not devices or not layers)
    with closing(Rehearsal(path, layers, options, n_kept=n_kept, n_cells=n_cells, apart=apart)) as rehearsal:
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
        file = GgufFile(path)
        return place(str(path), wishes, weights_of(file), available, devices, rehearsal.demand), file


def memory_left(settings: Settings, found: Memory) -> Memory:
    """What of `found` is for the chat model: embedder and reranker are loaded after it and must find
    their places."""
    others = 0
    with suppress(AionError):  # one that is missing is another part's matter
        others += choose_embedder(settings.embed_model, settings.models_dir).path.stat().st_size
    with suppress(AionError):
        reranker = choose_reranker(settings.rerank_model)
        others += reranker.stat().st_size if reranker else 0
    return replace(found, available_bytes=max(0, found.available_bytes - others))


def weights_of(file: GgufFile) -> Weights:
    """The bytes of a model's tensors, by layer."""
    tensors = file.tensors
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
