"""Loads, replaces, unloads and merges adapters of the running service; one such change at a time.

Blocking: routes call it in a worker thread. Running generations are never ended by it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from aion.convert.gguf_file import GgufFile
from aion.convert.merge import ScaledAdapter, merge_gguf
from aion.engine.adapter import Adapter
from aion.engine.adapters import Adapters
from aion.engine.row_quantizer import quantize_rows
from aion.engine.serving import Loaded, Serving
from aion.errors import AionError, InvalidRequest, ModelError
from aion.server.adapter_source import adapter_file

DEFAULT_ADAPTER = "default"
_logger = logging.getLogger(__name__)


class AdapterControl:
    """Adapters of `serving`. `load_model` makes a model of a path as the settings ask."""

    def __init__(
        self,
        serving: Serving,
        base: Path,
        adapter_dir: Path,
        models_dir: Path,
        load_model: Callable[[Path], Loaded],
    ) -> None:
        self._serving = serving
        self._base = base
        self._adapter_dir = adapter_dir
        self._models_dir = models_dir
        self._load_model = load_model
        self._lock = threading.Lock()
        self.merged = ""

    @property
    def adapters(self) -> Adapters:
        return self._serving.current.engine.adapters

    @property
    def is_loaded(self) -> bool:
        """Whether an adapter is applied at run time (a merged one is part of the model)."""
        return bool(self.adapters.current())

    def load_at_start(self) -> str:
        """Load AION_ADAPTER_DIR when it exists; what is wrong with it is the answer, and the base serves."""
        if not self._adapter_dir.exists():
            return ""
        try:
            self.reload()
        except AionError as error:
            _logger.warning("The adapter was not loaded: %s", error.message)
            return error.message
        return ""

    def reload(self, source: Path | None = None) -> Adapter:
        """Load AION_ADAPTER_DIR, or `source`, as the default adapter, on the base as it came.

        After a merge the base itself comes back first: an adapter was trained on that. Raises AionError;
        what served before goes on then.
        """
        with self._lock:
            path = self._checked(adapter_file(source or self._adapter_dir, self._base))
            if not self.merged:
                return self.adapters.load(DEFAULT_ADAPTER, path, make_default=True)
            loaded = self._load_model(self._base)
            try:
                adapter = loaded.engine.adapters.load(DEFAULT_ADAPTER, path, make_default=True)
            except AionError:
                loaded.close()
                raise
            self._serving.replace(loaded)
            self.merged = ""
            return adapter

    def load(self, name: str, source: Path) -> Adapter:
        """Load `source` (a GGUF, or a PEFT folder) as `name` beside the others."""
        with self._lock:
            self._refuse_merged()
            return self.adapters.load(name, self._checked(adapter_file(source, self._base)))

    def unload(self, name: str) -> None:
        with self._lock:
            self.adapters.unload(name)

    def merge(self) -> Path:
        """Fold the default adapter into the base and serve that; the adapter is released.

        Writes a GGUF beside the other models, once for the same base and adapter. Generations under way
        end on the model they began with.
        """
        with self._lock:
            self._refuse_merged()
            name = self.adapters.default
            if not name:
                raise InvalidRequest("No adapter is loaded, so there is nothing to merge; load one first.")
            adapter = next(a for a in self.adapters.current() if a.name == name)
            out = self._models_dir / f"merged-{adapter.content_hash[:12]}-{self._base.stem}.gguf"
            if not out.exists() or out.stat().st_mtime_ns < self._base.stat().st_mtime_ns:
                self._models_dir.mkdir(parents=True, exist_ok=True)
                parts = [ScaledAdapter(adapter.path)]
                merge_gguf(self._base, parts, out, quantizer=quantize_rows, overwrite=True)
            self._serving.replace(self._load_model(out))
            self.merged = name
            return out

    def _refuse_merged(self) -> None:
        if self.merged:
            raise InvalidRequest(
                f"Adapter {self.merged!r} is merged into the model; POST /adapter/reload to part them."
            )

    def _checked(self, path: Path) -> Path:
        """Refuse what llama.cpp would load and then abort the process for, or apply wrongly."""
        file = GgufFile(path)
        if file.metadata.get("general.type") != "adapter":
            raise ModelError(f"{path} is a GGUF, but no adapter; convert one with scripts/convert_lora.py.")
        on_embedding = any(name.startswith("token_embd.weight.") for name in file.tensors)
        if on_embedding and "output.weight" not in GgufFile(self._base).tensors:
            raise ModelError(
                f"{path} changes the embedding, which {self._base.name} uses as its output too; merge it: "
                f"aion merge {self._base} {path} --out MERGED.gguf"
            )
        if "adapter.alora.invocation_tokens" in file.pairs:
            raise ModelError(f"{path} is an aLoRA, which acts from a marker on; AION applies whole adapters.")
        return path
