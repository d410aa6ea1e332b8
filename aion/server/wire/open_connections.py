"""How many connections there may be, and which goes when there are too many."""

from __future__ import annotations

import resource
from typing import Protocol

MOST = 4096
HEADROOM = 64  # connections past the limit, for those that ask how AION is
_OTHER_FILES = 256  # models, the store and its readers, children, documents


class Abortable(Protocol):
    def abort(self) -> None: ...


class OpenConnections:
    """The connections of one server and which of them ask for nothing at the moment, oldest first. Belongs to
    the event loop."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.n = 0
        self._idle: dict[Abortable, None] = {}

    def opened(self, connection: Abortable) -> bool:
        """Whether there is a place for it: where all are taken, the one that has been idle for longest gives
        its own."""
        self.n += 1
        is_full = self.n > self.most
        if is_full and self._idle:
            oldest = next(iter(self._idle))
            self.busy(oldest)
            oldest.abort()
            is_full = False
        self.idle(connection)
        return not is_full

    @property
    def is_overfull(self) -> bool:
        """Whether not even the headroom is left."""
        return self.n > self.most + HEADROOM

    def idle(self, connection: Abortable) -> None:
        self._idle[connection] = None

    def busy(self, connection: Abortable) -> None:
        self._idle.pop(connection, None)

    def closed(self, connection: Abortable) -> None:
        self.busy(connection)
        self.n -= 1


def room_for_connections() -> int:
    """How many connections the limit of open files leaves room for, after raising it as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + HEADROOM + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(16, min(MOST, soft - HEADROOM - _OTHER_FILES))
