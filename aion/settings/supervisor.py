"""Where the program that started this one wants to be told how it goes."""

from __future__ import annotations

import os


def notify_socket() -> str:
    """The datagram socket of systemd's readiness protocol, "" where nobody listens."""
    return os.environ.get("NOTIFY_SOCKET", "")
