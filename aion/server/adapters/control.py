"""Loads, replaces, unloads and merges adapters of the running service; one such change at a time.

Blocking: routes call it in a thread of its own. Running generations are never ended by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from aion.convert.gguf_file import GgufFile
from aion.convert.merge import ScaledAdapter, merge_gguf
from aion.engine.adapter import Adapter, file_hash
from aion.engine.adapters import Adapters
from aion.engine.row_quantizer import quantize_rows
from aion.engine.serving import Loaded, Serving
from aion.errors import AionError, EngineBusy, InvalidRequest, ModelError
from aion.events.kinds import ADAPTER_LOADED, ADAPTER_MERGED, ADAPTER_RELOADED, ADAPTER_REMOVED
from aion.server.adapters.source import adapter_file

DEFAULT_ADAPTER = "default"
_CLOSE_S = 10.0
_logger = logging.getLogger(__name__)

Record = Callable[[str, dict[str, object]], None]
"""Called as (kind of event, its meta)."""


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
        self._is_closing = False
        self._record: Record = _unrecorded
        self.n_changes: dict[str, int] = {}
        """How many changes of each kind there were since the start."""

    def tell(self, record: Record) -> None:
        """Have what happens from now on recorded, and the adapters that are loaded."""
        self._record = record
        for adapter in self.adapters.current():
            record(ADAPTER_LOADED, _told(adapter))

    @property
    def adapters(self) -> Adapters:
        return self._serving.current.engine.adapters

    @property
    def merged(self) -> str:
        """The adapter that is part of the served model, "" when it is the base as it came."""
        return self.adapters.merged

    @property
    def is_loaded(self) -> bool:
        """Whether an adapter is applied at run time (a merged one is part of the model)."""
        return bool(self.adapters.current())

    def load_at_start(self, *, is_named: bool) -> str:
        """Load AION_ADAPTER_DIR when it exists, or when somebody named it; what is wrong with it is the
        answer, and the base serves."""
        try:
            if self._adapter_dir.exists() or is_named:
                self.reload()
        except (AionError, OSError) as error:
            said = str(error)
            _logger.warning("The adapter was not loaded: %s", said)
            return said
        return ""

    def close(self) -> None:
        """Give up a change under way; later ones are refused."""
        self._is_closing = True
        if self._lock.acquire(timeout=_CLOSE_S):
            self._lock.release()

    def reload(self, source: Path | None = None) -> Adapter:
        """Load AION_ADAPTER_DIR, or `source`, as the default adapter, on the base as it came.

        After a merge the base itself comes back first: an adapter was trained on that. Raises AionError;
        what served before goes on then.
        """
        with self._change():
            path = self._checked(adapter_file(source or self._adapter_dir, self._base))
            kind = ADAPTER_RELOADED if self.is_loaded or self.merged else ADAPTER_LOADED
            adapter = self._reloaded(path)
            self._note(kind, _told(adapter))
            return adapter

    def _reloaded(self, path: Path) -> Adapter:
        """The adapter of that file as the default one, on the base as it came."""
        if not self.merged:
            return self.adapters.load(DEFAULT_ADAPTER, path, make_default=True)
        loaded = self._load_model(self._base)
        try:
            adapter = loaded.engine.adapters.load(DEFAULT_ADAPTER, path, make_default=True)
        except BaseException:
            loaded.close()
            raise
        self._serving.replace(loaded)
        return adapter

    def load(self, name: str, source: Path) -> Adapter:
        """Load `source` (a GGUF, or a PEFT folder) as `name` beside the others."""
        with self._change():
            self._refuse_merged()
            adapter = self.adapters.load(name, self._checked(adapter_file(source, self._base)))
            self._note(ADAPTER_LOADED, _told(adapter))
            return adapter

    def unload(self, name: str) -> None:
        with self._change():
            self.adapters.unload(name)
            self._note(ADAPTER_REMOVED, {"name": name})

    def merge(self) -> Path:
        """Fold the default adapter into the base and serve that; the adapter is released.

        Writes a GGUF beside the other models, once for the same base and adapter; those of earlier merges
        of this base go. Generations under way end on the model they began with.
        """
        with self._change():
            self._refuse_merged()
            adapter = self._only_adapter()
            out = self._models_dir / self._merged_name(adapter)
            if not out.exists():
                self._models_dir.mkdir(parents=True, exist_ok=True)
                parts = [ScaledAdapter(adapter.path)]
                merge_gguf(self._base, parts, out, quantizer=quantize_rows, progress=self._still_wanted)
            loaded = self._load_model(out)
            loaded.engine.adapters.merged = adapter.name
            self._serving.replace(loaded)
            self._remove_others(out)
            self._note(ADAPTER_MERGED, _told(adapter) | {"model": str(out)})
            return out

    def _note(self, kind: str, meta: dict[str, object]) -> None:
        """Count and record a change."""
        self.n_changes[kind] = self.n_changes.get(kind, 0) + 1
        self._record(kind, meta)

    def _only_adapter(self) -> Adapter:
        """The default adapter, as it is in its file; others beside it would be lost by a merge."""
        found = {adapter.name: adapter for adapter in self.adapters.current()}
        adapter = found.pop(self.adapters.default, None)
        if adapter is None:
            raise InvalidRequest("No adapter is loaded, so there is nothing to merge; load one first.")
        if found:
            others = ", ".join(found)
            raise InvalidRequest(
                f"A merge would lose the other adapters loaded ({others}); unload them first."
            )
        if file_hash(adapter.path) != adapter.content_hash:
            raise ModelError(f"{adapter.path} has changed since it was loaded; POST /adapter/reload first.")
        return adapter

    def _merged_name(self, adapter: Adapter) -> str:
        stat = self._base.stat()
        base = f"{self._base.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        digest = hashlib.sha256(f"{base} {adapter.content_hash}".encode()).hexdigest()
        return f"merged-{digest[:16]}-{self._base.stem}.gguf"

    def _remove_others(self, kept: Path) -> None:
        """Whoever still computes with one has it open, and goes on."""
        for path in self._models_dir.glob(f"merged-{'[0-9a-f]' * 16}-{self._base.stem}.gguf"):
            if path != kept:
                path.unlink(missing_ok=True)

    def _still_wanted(self, _tensor: str, _number: int, _count: int) -> None:
        if self._is_closing:
            raise ModelError("AION is shutting down; merge again when it is back.")

    def _refuse_merged(self) -> None:
        if self.merged:
            raise InvalidRequest(
                f"Adapter {self.merged!r} is merged into the model; POST /adapter/reload to part them."
            )

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """One at a time; what the machine refuses meanwhile becomes a sentence."""
        if not self._lock.acquire(blocking=False):
            raise EngineBusy("Another change of adapters is under way; ask again when it has ended.", 5)
        try:
            self._still_wanted("", 0, 0)
            yield
        except (OSError, ValueError, ArithmeticError) as error:
            raise ModelError(f"The adapters stay as they are: {error}; mend that and ask again.") from error
        finally:
            self._lock.release()

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


def _told(adapter: Adapter) -> dict[str, object]:
    return {
        "name": adapter.name,
        "path": str(adapter.path),
        "sha256": adapter.content_hash,
        "effect": adapter.effect_size,
    }


def _unrecorded(_kind: str, _meta: dict[str, object]) -> None:
    """Before there is a log."""
