"""The adapters of a running model by name: loaded, proven, chosen a request, retired when replaced.

Thread-safe. A generation keeps the version it began with; a version is freed on the engine thread
once it is retired and its last user has ended (`Engine` sees to it).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from aion.engine.adapter import Adapter, Effect, file_hash
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.probe import effect_size
from aion.errors import InvalidRequest, ModelError
from aion.types import AdapterChoice

FINGERPRINT_KEY = "aion.lora.base_fingerprint"
_LEAST_EFFECT = 1e-4
_MAX_SCALE = 10.0
_logger = logging.getLogger(__name__)


class Adapters:
    """What is loaded, and `default`: the name requests get that name none ("" for the base alone).
    `merged` is the adapter that is part of the model, so that its name asks for nothing more."""

    def __init__(
        self,
        model: Model,
        gate: ComputeGate,
        n_threads: int,
        on_retired: Callable[[], None],
        fingerprint: str | None = None,
    ) -> None:
        """`fingerprint` is the base's, None when unknown; `on_retired` hears that something may be freed."""
        self._model = model
        self._gate = gate
        self._n_threads = n_threads
        self._on_retired = on_retired
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._current: dict[str, Adapter] = {}
        self._retired: list[Adapter] = []
        self._is_closed = False
        self.default = self.merged = ""

    def load(self, name: str, path: Path, *, make_default: bool = False) -> Adapter:
        """Load the GGUF adapter at `path` as `name`, prove its effect, and let new requests have it.

        A former one of that name goes on for the generations that began with it. Raises ModelError and
        changes nothing when the file is no adapter for this base or has no effect.
        """
        with self._loading:
            if self._is_closed:
                raise ModelError("AION is shutting down; load the adapter when it is back.")
            if not path.is_file():
                raise ModelError(
                    f"The adapter file {path} does not exist; convert one with scripts/convert_lora.py."
                )
            content_hash = file_hash(path)
            with self._gate:
                adapter = Adapter(self._model, name, path)
            adapter.content_hash = content_hash
            try:
                self._check(adapter)
            except BaseException:
                self._retire(adapter)
                raise
            self._replace(name, adapter, make_default)
            return adapter

    def _check(self, adapter: Adapter) -> None:
        trained_on = adapter.metadata(FINGERPRINT_KEY)
        if trained_on and self._fingerprint and trained_on != self._fingerprint:
            base = adapter.metadata("general.base_model.0.name") or "another base"
            raise ModelError(
                f"{adapter.path} was trained on {base} (fingerprint {trained_on[:12]}), and the loaded base "
                f"is {self._model.name} ({self._fingerprint[:12]}); load that base, or train it on this one."
            )
        adapter.effect_size = effect_size(self._model, Effect(((adapter, 1.0),)), self._n_threads, self._gate)
        if adapter.effect_size < _LEAST_EFFECT:
            raise ModelError(
                f"{adapter.path} changes no logit of a probe by more than {adapter.effect_size:.2g}; "
                "it is untrained or belongs to another model."
            )

    def _replace(self, name: str, adapter: Adapter, make_default: bool) -> None:
        with self._lock:
            former = self._current.get(name)
            self._current[name] = adapter
            if make_default:
                self.default = name
        _logger.info("Adapter %s is live: %s, effect %.3g.", name, adapter.path, adapter.effect_size)
        if former is not None:
            self._retire(former)

    def unload(self, name: str) -> None:
        """Give the name up; its memory comes back when the last generation that uses it has ended."""
        with self._lock:
            adapter = self._current.pop(name, None)
            if adapter is None:
                raise self._unknown(name)
            if self.default == name:
                self.default = ""
        self._retire(adapter)

    def _retire(self, adapter: Adapter) -> None:
        adapter.retire()
        with self._lock:
            self._retired.append(adapter)
        self._on_retired()

    def close(self) -> None:
        """Wait for a load under way and refuse later ones; the model frees what is still loaded."""
        with self._loading:
            self._is_closed = True

    def current(self) -> list[Adapter]:
        """What new requests can have, by name."""
        with self._lock:
            return [self._current[name] for name in sorted(self._current)]

    def acquire(self, choices: Sequence[AdapterChoice] | None) -> Effect:
        """The effect of `choices`, None for the default; each adapter counts one more user until
        `release`. Raises InvalidRequest for a name that is not loaded or a scale out of bounds."""
        with self._lock:
            if choices is None:
                choices = [AdapterChoice(self.default)] if self.default else []
            choices = [c for c in choices if c != AdapterChoice(self.merged)]
            parts = [(self._named(choice), _scale(choice)) for choice in choices if choice.scale != 0.0]
            if len({adapter for adapter, _ in parts}) < len(parts):
                names = ", ".join(choice.name for choice in choices)
                raise InvalidRequest(f"adapter names one twice ({names}); give each once.", param="adapter")
            for adapter, _ in parts:
                adapter.acquire()
        return Effect(tuple(parts), self.merged)

    @staticmethod
    def release(effect: Effect) -> None:
        for adapter, _ in effect.parts:
            adapter.release()

    def unused(self) -> list[Adapter]:
        """Retired adapters that nothing uses any more; the caller frees them."""
        with self._lock:
            found = [adapter for adapter in self._retired if adapter.is_unused]
            self._retired = [adapter for adapter in self._retired if adapter not in found]
        return found

    def _named(self, choice: AdapterChoice) -> Adapter:
        found = self._current.get(choice.name)
        if found is None:
            raise self._unknown(choice.name)
        return found

    def _unknown(self, name: str) -> InvalidRequest:
        loaded = ", ".join(sorted(self._current)) or "none"
        return InvalidRequest(
            f"adapter {name!r} is not loaded (loaded: {loaded}); POST /v1/adapters loads one.",
            param="adapter",
        )


def _scale(choice: AdapterChoice) -> float:
    if not -_MAX_SCALE <= choice.scale <= _MAX_SCALE:
        raise InvalidRequest(
            f"adapter {choice.name!r} has the scale {choice.scale:g}; it must lie between -{_MAX_SCALE:g} "
            f"and {_MAX_SCALE:g}.",
            param="adapter",
        )
    return choice.scale
