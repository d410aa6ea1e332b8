"""Looks at everything AION needs, one finding each, every problem with its remedy."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from aion import __version__
from aion.convert import Checkpoint
from aion.convert.architectures.registry import architecture_of
from aion.engine import library
from aion.engine.catalog import choose_embedder, choose_reranker
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.reranker import LlamaReranker
from aion.errors import AionError
from aion.machine import cpu_quota, memory
from aion.remote.generator import RemoteGenerator
from aion.server.lifecycle.listen import address_of, bind
from aion.server.loading import memory_left, n_threads, placement_of
from aion.server.local_llm import local_llm, look_at
from aion.server.model_files.provision import Conversion, find_base_model
from aion.server.money import missing
from aion.settings import Settings
from aion.settings.env_file import env_file
from aion.settings.origin import unknown, unreadable
from aion.store.connection import Store
from aion.store.documents import Documents


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Literal["ok", "note", "problem"]
    subject: str
    text: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order a person would look."""
    parts = (
        _versions, _named, _llama, _compute, _chat_model, _embed_model, _rerank_model, _writers, _store,
        _watch, _address,
    )  # fmt: skip
    return [finding for part in parts for finding in part(settings)]


def _versions(_settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", "aion", f"{__version__}, Python {platform.python_version()} on {platform.platform()}")
    names = ("llama-cpp-python", "apsw", "sqlite-vec", "starlette", "uvicorn")
    yield Finding("ok", "packages", ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names))


def _named(_settings: Settings) -> Iterator[Finding]:
    """The file of the settings, and what nobody reads in it and in the environment."""
    file = env_file()
    yield Finding("ok", "settings", _read_from(file))
    for sentence in (*(name.sentence for name in unknown()), *unreadable()):
        yield Finding("note", "settings", sentence)


def _read_from(file: Path) -> str:
    there = f"{file} and the environment" if file.is_file() else f"the environment; there is no {file}"
    return f"from {there} (aion config)"


def _llama(_settings: Settings) -> Iterator[Finding]:
    on = [name for name, value in library.features().items() if value == "1"]
    yield Finding("ok", "llama.cpp", f"{library.version()}: {', '.join(on)}")
    if library.has_amx():
        text = (
            "built with AMX kernels, which crash in some builds; AION runs without them and without repacking"
        )
        remedy = (
            "Faster: CMAKE_ARGS='-DCMAKE_C_FLAGS=-U__AMX_INT8__ -DCMAKE_CXX_FLAGS=-U__AMX_INT8__' "
            "pip install --force-reinstall --no-cache-dir llama-cpp-python"
        )
        yield Finding("note", "llama.cpp", text, remedy)


def _compute(settings: Settings) -> Iterator[Finding]:
    n, cores = n_threads(settings), os.cpu_count() or 1
    yield Finding("ok", "threads", f"{n} of {cores} processors ({_why_threads(settings, n)})")
    if n > cores:
        yield Finding(
            "problem", "threads", f"AION_THREADS={n} is more than {cores}", f"Set it to {cores} or to 0."
        )
    if library.compute_devices():
        yield Finding("ok", "GPU", "this llama.cpp places layers on the GPU (AION_GPU_LAYERS)")
    else:
        remedy = (
            "With an NVIDIA card: CMAKE_ARGS=-DGGML_CUDA=on "
            "pip install --force-reinstall --no-cache-dir llama-cpp-python"
        )
        yield Finding("note", "GPU", "not used: llama.cpp was built for the CPU", remedy)


def _why_threads(settings: Settings, n: int) -> str:
    quota = cpu_quota()
    if settings.threads:
        return "AION_THREADS"
    if quota is not None and n == max(1, int(quota)):
        return f"the container may use {quota:g} CPUs"
    return "the physical cores"


def _chat_model(settings: Settings) -> Iterator[Finding]:
    try:
        found = find_base_model(settings)
        if isinstance(found, Conversion):
            path = settings.models_dir / found.file_name
            yield _to_convert(found, path)
        else:
            path = found.path
            yield _opened("chat model", path)
            if found.notice:
                yield Finding("note", "chat model", found.notice)
        if path.exists():
            yield from _placement(settings, path)
    except AionError as error:
        yield Finding("problem", "chat model", error.message)


def _placement(settings: Settings, path: Path) -> Iterator[Finding]:
    """How the model would be held if it were loaded now. Raises ModelError when it does not fit."""
    placement = placement_of(settings, path, memory_left(settings, memory()))
    for subject, text in placement.reasons:
        yield Finding("ok", subject, text)
    if placement.notice:
        yield Finding("note", "memory", placement.notice)


def _to_convert(found: Conversion, out: Path) -> Finding:
    """A checkpoint, read as far as its configuration. Raises CheckpointError when it cannot be converted."""
    checkpoint = Checkpoint(found.folder)
    architecture_of(checkpoint)
    text = f"{found.folder}: a checkpoint ({checkpoint.architecture})"
    if out.exists():
        return Finding("ok", "chat model", f"{text}; the start uses {out}, made again if the folder changed")
    return Finding("note", "chat model", f"{text}; the first start converts it to {out}")


def _embed_model(settings: Settings) -> Iterator[Finding]:
    try:
        yield _opened("embedder", choose_embedder(settings.embed_model, settings.models_dir).path)
    except AionError as error:
        yield Finding("problem", "embedder", error.message)


def _rerank_model(settings: Settings) -> Iterator[Finding]:
    """Opened whole and asked once: only so is it known to rank."""
    try:
        path = choose_reranker(settings.rerank_model)
        if path is None:
            yield Finding("ok", "reranker", "none is set (AION_RERANK_MODEL)")
            return
        with (
            contextlib.closing(Model(path)) as model,
            contextlib.closing(LlamaReranker(model, n_threads(settings), ComputeGate())) as reranker,
        ):
            reranker.score("?", ["."])
            n_most = reranker.max_tokens
        found = _opened("reranker", path)
        yield replace(found, text=f"{found.text}, pairs of {n_most} tokens at most")
    except AionError as error:
        yield Finding("problem", "reranker", error.message)


def _opened(subject: str, path: Path) -> Finding:
    with contextlib.closing(Model(path, weights=False)) as model:
        size = f"{model.n_params / 1e6:.1f}M parameters, {model.n_bytes / 1e6:.1f} MB"
        return Finding(
            "ok", subject, f"{path}: {model.name}, {model.architecture}, {size}, context {model.n_ctx_train}"
        )


def _far_model(remote: RemoteGenerator, url: str) -> Finding:
    """The model server of AION_LOCAL_LLM_URL, asked now."""
    try:
        look_at(remote)
    except AionError as error:
        return Finding("problem", "local answers", error.message)
    return Finding("ok", "local answers", f"written by {remote.model_name} at {url}")


def _writers(settings: Settings) -> Iterator[Finding]:
    """Who else may write answers: a server of AION_LOCAL_LLM_URL, a paid API."""
    try:
        remote = local_llm(settings)
        lacking = missing(settings)
    except AionError as error:
        yield Finding("problem", "answers", error.message)
        return
    if remote is not None:
        yield _far_model(remote, settings.local_llm_url)
    if settings.fallback == "off":
        yield Finding("ok", "paid fallback", "off; nothing leaves the machine (AION_FALLBACK)")
    elif lacking:
        yield Finding("problem", "paid fallback", "on, and never asked", f"Set {', '.join(lacking)}.")
    else:
        most = f"{settings.budget_day} a day and {settings.budget_month} a month"
        yield Finding("ok", "paid fallback", f"{settings.fallback_model}, at most {most} (aion budget)")


def _store(settings: Settings) -> Iterator[Finding]:
    if not settings.db.exists():
        yield Finding(
            "note", "store", f"{settings.db} does not exist yet", "Add documents: aion ingest FOLDER"
        )
        return
    try:
        with contextlib.closing(Store(settings.db)) as store:
            n = Documents(store).count(settings.tenant)
    except AionError as error:
        yield Finding("problem", "store", error.message)
        return
    size = settings.db.stat().st_size / 1e6
    yield Finding("ok", "store", f"{settings.db}: {n} documents of tenant {settings.tenant!r}, {size:.1f} MB")
    if n == 0:
        yield Finding("note", "store", "no documents yet", "Add some: aion ingest FOLDER")


def _watch(settings: Settings) -> Iterator[Finding]:
    folder = settings.watch_dir
    if folder is None:
        return
    if folder.is_dir():
        yield Finding("ok", "watched folder", f"{folder} is kept ingested while aion serve runs")
    else:
        yield Finding(
            "problem", "watched folder", f"there is no folder {folder}", "Make it, or correct AION_WATCH_DIR."
        )


def _address(settings: Settings) -> Iterator[Finding]:
    try:
        host = address_of(settings)
    except AionError as error:
        yield Finding("problem", "address", error.message)
        return
    try:
        with contextlib.closing(bind(host, settings.port)) as bound:
            assert isinstance(bound, socket.socket)
        yield Finding("ok", "address", f"{host}:{settings.port} is free")
    except AionError as error:
        yield Finding("note", "address", error.message)
    if host != settings.host:
        text = f"there is no key, so AION listens on {host} alone"
        yield Finding("note", "address", text, "To be reached by others: aion keys add NAME")
