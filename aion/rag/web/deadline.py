"""A time limit over all that is done on a connection: the client's own limits are each for one piece."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable

import httpcore2
from httpcore2 import NetworkBackend, NetworkStream


class Deadline(NetworkBackend):
    """A network whose connections end at a point in time, however often a byte comes before it."""

    def __init__(self, network: NetworkBackend, seconds: float) -> None:
        self._network = network
        self._end = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """Seconds for the next step. Raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        stream = self._network.connect_tcp(host, port, self.left(timeout), local_address, socket_options)
        return _TimedStream(stream, self)


class _TimedStream(NetworkStream):
    """A connection under a deadline."""

    def __init__(self, stream: NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
