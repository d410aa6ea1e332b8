"""One loaded LoRA adapter, and the effect a generation is made under.

An effect is a set of adapters with their scales. What a KV cell holds depends on it, so whatever keeps
computed state keys it by `Effect.key`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from aion.engine import library
from aion.engine.library import lib
from aion.engine.model import Model
from aion.errors import ModelError

_META_BYTES = 1 << 16


class Adapter:
    """A version of an adapter: immutable, counted by the generations that use it.

    Invariant: `handle` is valid until `free`, which the registry calls when it is retired and unused.
    """

    def __init__(self, model: Model, name: str, path: Path) -> None:
        """Load `path` beside the weights of `model`. The caller holds the compute gate: llama.cpp
        reads the model's list of adapters while it computes. Raises ModelError."""
        library.forget_complaints()
        handle = lib.llama_adapter_lora_init(model.handle, os.fsencode(path))
        if not handle:
            reason = library.last_complaint() or "no reason was given"
            raise ModelError(
                f"{path} is not an adapter for {model.name} ({reason}); convert it for this base."
            )
        self.name = name
        self.path = path
        self.handle = handle
        self.content_hash = ""
        self.effect_size = 0.0
        self.is_retired = False
        self._n_users = 0
        self._lock = threading.Lock()

    def metadata(self, key: str) -> str | None:
        """A GGUF key of the adapter file as text, None when it is absent."""
        buffer = ctypes.create_string_buffer(_META_BYTES)
        n = lib.llama_adapter_meta_val_str(self.handle, key.encode(), buffer, _META_BYTES)
        return buffer.value.decode("utf-8", "replace") if n >= 0 else None

    def acquire(self) -> None:
        """Count one more user."""
        with self._lock:
            assert self.handle is not None
            self._n_users += 1

    def release(self) -> None:
        with self._lock:
            self._n_users -= 1
            assert self._n_users >= 0

    def retire(self) -> None:
        """No new generation will use it."""
        with self._lock:
            self.is_retired = True

    @property
    def is_unused(self) -> bool:
        """Retired, still loaded, and no generation uses it."""
        with self._lock:
            return self.is_retired and self._n_users == 0 and self.handle is not None

    def free(self) -> None:
        """Give the memory back. The caller holds the gate, and no context has it applied."""
        with self._lock:
            handle, self.handle = self.handle, None
        if handle is not None:
            lib.llama_adapter_lora_free(handle)


@dataclass(frozen=True, slots=True)
class Effect:
    """Adapters with their scales, in the order they were asked for; empty for the model alone. `merged`
    names the adapter that is part of the model."""

    parts: tuple[tuple[Adapter, float], ...] = ()
    merged: str = ""

    @property
    def key(self) -> tuple[tuple[str, float], ...]:
        """(content hash, scale) of each part: equal keys compute equal logits."""
        return tuple((adapter.content_hash, scale) for adapter, scale in self.parts)

    @property
    def label(self) -> str:
        """For people and events: "tours", "tours:0.5+tone", "tours (merged)", "" for the base alone."""
        names = [f"{self.merged} (merged)"] if self.merged else []
        names += [a.name if scale == 1.0 else f"{a.name}:{scale:g}" for a, scale in self.parts]
        return "+".join(names)

    def apply(self, context: int) -> None:
        """Set these adapters, and no others, on a context that is not computing."""
        n = len(self.parts)
        handles = (lib.llama_adapter_lora_p_ctypes * max(1, n))(*(a.handle for a, _ in self.parts))
        scales = (ctypes.c_float * max(1, n))(*(scale for _, scale in self.parts))
        lib.llama_set_adapters_lora(context, handles, n, scales)


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256).hexdigest()


NO_EFFECT = Effect()
