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
from aion.engine.outbox import LoopOutbox
from aion.engine.placement import Placement
from aion.engine.status import EngineStatus
from aion.engine.template import ChatTemplate

_GRACE_S = 5.0


@dataclass(slots=True, eq=False)
class Loaded:
    """A model with its engine and its chat template; `placement` says how and why it is held so, where
    that was chosen for it."""

    model: Model
    engine: Engine
    template: ChatTemplate
    placement: Placement | None = None
    n_leases: int = field(default=0, init=False)

    def close(self) -> None:
        """Abort what still runs and free everything."""
        self.engine.close()
        self.model.close()


class Serving:
    """Invariant: `current` is open until `close`, and so is whatever is leased. All that generates from it
    shares `outboxes`, so that a step wakes the event loop once."""

    def __init__(self, loaded: Loaded) -> None:
        self.outboxes = LoopOutbox()
        self._current = loaded
        self._retired: list[Loaded] = []
        self._freed: EngineStatus | None = None
        self.n_swaps = 0
        self._is_closed = False
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
        """New leases are of `loaded` from now on; the former is freed in the background after its last."""
        with self._changed:
            if self._is_closed:
                loaded.close()
                return
            former, self._current = self._current, loaded
            self._retired.append(former)
            self.n_swaps += 1
        threading.Thread(target=self._free, args=(former,), name="aion-retire", daemon=True).start()

    def status(self) -> EngineStatus:
        """That of all engines there are and were as if they were one: what was done never grows less."""
        with self._changed:
            status = self._current.engine.status()
            for former in self._retired:
                status += former.engine.status()
            return status if self._freed is None else status + self._freed

    @property
    def n_retired(self) -> int:
        """Former models that still end what they began."""
        return len(self._retired)

    def _free(self, former: Loaded) -> None:
        with self._changed:
            self._changed.wait_for(lambda: former.n_leases == 0 or self._is_closed)
            if self._is_closed:
                return
            self._retired.remove(former)
            ended = former.engine.status().ended()
            self._freed = ended if self._freed is None else self._freed + ended
        former.close()

    def close(self) -> None:
        """Abort what runs and free every model. Nothing may lease one afterwards."""
        with self._changed:
            self._is_closed = True
            remaining = [self._current, *self._retired]
            self._changed.notify_all()
        for loaded in remaining:
            loaded.engine.close()
        with self._changed:
            self._changed.wait_for(lambda: not any(each.n_leases for each in remaining), timeout=_GRACE_S)
        for loaded in remaining:
            loaded.model.close()
