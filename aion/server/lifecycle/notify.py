"""Tells systemd how the service is (sd_notify(3)): lines of NAME=VALUE in one datagram."""

from __future__ import annotations

import logging
import socket
import threading
import time

EVERY_S = 10.0
_MORE_S = 60  # what one sign of life asks for
_logger = logging.getLogger(__name__)


class Notifier:
    """Sends to the socket of that name; does nothing where it is "". Any thread."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._ended = threading.Event()

    def loading(self) -> None:
        """Ask for more time until `ready` or `stopping`: a first start may convert a model."""
        if self._address:
            threading.Thread(target=self._keep_asking, name="aion-notify", daemon=True).start()

    def ready(self) -> None:
        self._ended.set()
        self._send("READY=1", "STATUS=Answers questions.")

    def reloading(self) -> None:
        """`ready` has to follow, whatever came of it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, within_s: float) -> None:
        self._ended.set()
        self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int((within_s + _MORE_S) * 1e6)}")

    def _keep_asking(self) -> None:
        while not self._ended.is_set():
            self._send("STATUS=Loading the models.", f"EXTEND_TIMEOUT_USEC={_MORE_S * 1_000_000}")
            self._ended.wait(EVERY_S)

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.connect(self._address)
                sender.sendall("\n".join(lines).encode())
        except OSError as error:
            _logger.warning("The supervisor at NOTIFY_SOCKET cannot be told %s (%s).", lines[0], error)
