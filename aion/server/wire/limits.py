"""What one connection may do: bytes, headers and seconds, the same for all of a server."""

from __future__ import annotations

from dataclasses import dataclass, field

from aion.server.wire.open_connections import OpenConnections
from aion.settings import Settings


@dataclass(slots=True)
class ConnectionLimits:
    """What each connection of a server may do; all of them share it, and changes count at once."""

    send_timeout_s: float = 30.0
    head_s: float = 20.0
    linger_s: float = 10.0
    head_bytes: int = 64 * 1024
    target_bytes: int = 16 * 1024
    n_headers: int = 100
    connections: OpenConnections = field(default_factory=OpenConnections)

    def follow(self, settings: Settings) -> None:
        """Take over what settings say of connections. Any thread."""
        self.send_timeout_s = settings.send_timeout_s
