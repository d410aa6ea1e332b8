"""The model that answers now, and its replacement while it serves.

Who uses a model leases it; a replaced one is freed when its last lease ends. Any thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.engine.template import ChatTemplate

_GRACE_S = 5.0


@dataclass(slots=True, eq=False)
class Loaded:
    """A model with its engine and its chat template."""

    model: Model
    engine: Engine
    template: ChatTemplate
    n_leases: int = field(default=0, init=False)

    def close(self) -> None:
        """Abort what still runs and free everything."""
        self.engine.close()
        self.model.close()


class Serving:
    """Invariant: `current` is open until `close`, and so is whatever is leased."""

    def __init__(self, loaded: Loaded) -> None:
        self._current = loaded
        self._changed = threading.Condition()

    @property
    def current(self) -> Loaded:
        """The model new requests get; lease it to compute or to tokenise."""
        return self._current

    @contextlib.contextmanager
    def lease(self) -> Iterator[Loaded]:
        """The current model, kept open until the block ends even when it is replaced."""
        with self._changed:
            loaded = self._current
            loaded.n_leases += 1
        try:
            yield loaded
        finally:
            with self._changed:
                loaded.n_leases -= 1
                self._changed.notify_all()

    def replace(self, loaded: Loaded) -> None:
        """New leases are of `loaded`; returns when the former's last has ended and it is freed."""
        with self._changed:
            former, self._current = self._current, loaded
            self._changed.wait_for(lambda: former.n_leases == 0)
        former.close()

    def close(self) -> None:
        """Abort what runs and free the model. Nothing may lease it afterwards."""
        self._current.engine.close()
        with self._changed:
            self._changed.wait_for(lambda: self._current.n_leases == 0, timeout=_GRACE_S)
        self._current.model.close()
