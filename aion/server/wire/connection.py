"""One HTTP/1.1 connection: uvicorn's, with limits that uvicorn does not have.

A head has so many bytes and headers and so much time, framing may not outweigh what it frames, a peer that
does not read is dropped with what it was to get, and what is no HTTP is answered in AION's form. Knows no
body and no route.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aion.server.observe.access_log import write_refusal
from aion.server.wire.half_closed import StillThere
from aion.server.wire.limits import ConnectionLimits
from aion.server.wire.refusals import OnlyHealth, refusal

DROP = "aion.drop"  # an ASGI extension: a function that ends the connection at once
FILLER = "aion.filler"  # another: it takes bytes that say nothing wherever they stand in the body

_FRAMING_BYTES = 256 * 1024  # beside what a small chunk costs
_FRAMING_SHARE = 16  # "1\r\nx\r\n" are six bytes for one
_FAREWELL_S = 2.0
_OF_UPGRADES = (b"upgrade", b"connection", b"http2-settings")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # may come before any answer (RFC 9110, 15.2)
_READ_BYTES_PER_S = 1024  # a reader that takes less is as good as none


class GuardedConnection(HttpToolsProtocol):
    """A request is in its head, then in its body, then whole; between two there is none. `cycle`, of the base
    class, is the response to the latest one.

    One request at a time: who sends a second before the answer to the first gets the first only, and asks
    again (RFC 9112, 9.3.2). uvicorn would stop reading until that answer has ended, and not see the peer go.
    """

    limits: ClassVar[ConnectionLimits]

    _deadline: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    _still_there: StillThere | None = None
    _filler = b""
    _is_head = False
    _is_whole = True
    _is_last = False  # what still comes is not read
    _n_head = 0
    _n_fields = 0
    _n_fed = 0
    _n_body = 0
    _n_unread = 0
    _why: tuple[int, str] | None = None

    # --- the connection -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self.limits.connections.opened(self):
            self.app = OnlyHealth(self.app)
            if self.limits.connections.is_overfull:
                self.abort()
        self._arm(self.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.limits.connections.closed(self)
        self._disarm()
        self._unset_keepalive_if_required()
        if self._stall is not None:
            self._stall.cancel()
        if self._still_there is not None:
            self._still_there.end()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether it stays open: a whole request gets its answer as long as its peer is there, which HTTP/1.0
        has nothing to find out with."""
        if self._is_quiet or not self._is_whole or self.cycle.disconnected:
            return False
        if self.scope["http_version"] != "1.1":
            return False
        self._end_with_this_answer()
        self._still_there = StillThere(self.transport, self._nothing)
        return True

    def _nothing(self) -> bytes:
        """What may be sent now and says nothing."""
        cycle = self.cycle
        if cycle.disconnected or cycle.response_complete or self.flow.write_paused:
            return b""
        if not cycle.response_started:
            return _CONTINUE
        if not (cycle.chunked_encoding and self._filler):
            return b""
        return b"%x\r\n%b\r\n" % (len(self._filler), self._filler)

    def _fill(self, filler: bytes) -> None:
        self._filler = filler

    def abort(self) -> None:
        """End the connection at once, what is still to be sent with it."""
        self._leave_answer()
        self.transport.abort()

    def _leave_answer(self) -> None:
        """What is under way for this peer learns that nobody reads it."""
        if not self._is_quiet:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.flow.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._is_last or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        was_head, was_body = self._is_head, not self._is_head and not self._is_whole
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            self._stay_with_http(data[stop.args[0] :])
            return
        except httptools.HttpParserError:
            if not self._is_last:
                self._refuse(*(self._why or (400, "This is no HTTP request; send HTTP/1.1.")))
            return
        self._count(len(data), was_head=was_head and self._is_head, was_body=was_body and not self._is_whole)
        if self._deadline is None and (self._is_head or self._is_quiet):
            self._arm(self.limits.head_s)

    def _count(self, n_bytes: int, *, was_head: bool, was_body: bool) -> None:
        """Bytes that belong to one head, or one body, whole pieces only."""
        if was_head:
            self._n_fed += n_bytes
            if self._n_fed > self.limits.head_bytes:
                self._refuse(431, self._head_too_large)
        elif was_body:
            self._n_fed += n_bytes
            if self._n_fed > _FRAMING_BYTES + _FRAMING_SHARE * self._n_body:
                self._refuse(400, "The chunks of the body are smaller than their frames; send larger ones.")

    def _stay_with_http(self, rest: bytes) -> None:
        """An upgrade may be passed over (RFC 9110, 7.8). The parser stops at one, before the body that Java's
        client sends with its h2c, so another gets the head without it."""
        version = self.parser.get_http_version().encode()
        head = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        head += [b"%s: %s" % field for field in self.headers if field[0] not in _OF_UPGRADES]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            head.append(b"connection: close")
        self.parser = httptools.HttpRequestParser(self)
        with contextlib.suppress(AttributeError):  # as the base class does
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._is_whole = True
        self.data_received(b"\r\n".join([*head, b"", rest]))

    def _end_with_this_answer(self) -> None:
        self._is_last = True
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _should_upgrade(self) -> bool:
        return False

    # --- one request ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if not self._is_quiet:
            self._end_with_this_answer()
            raise ValueError("a second request before the first is answered")
        super().on_message_begin()
        self.scope["extensions"] = {DROP: self.abort, FILLER: self._fill}  # type: ignore[dict-item]
        self._is_head, self._is_whole = True, False
        self._n_head = self._n_fields = self._n_fed = self._n_body = 0
        self._filler = b""

    def on_url(self, url: bytes) -> None:
        if len(self.url) + len(url) > self.limits.target_bytes:
            self._stop(414, f"The address is over {self.limits.target_bytes} bytes; send less in its query.")
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_head:
            return  # a trailer: a header that no check has seen
        self._n_fields += 1
        self._n_head += len(name) + len(value) + 4
        if self._n_fields > self.limits.n_headers or self._n_head > self.limits.head_bytes:
            self._stop(431, self._head_too_large)
        if name.lower() != b"range":  # nothing here is large, and all may be given whole (RFC 9110, 14.2)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            return
        if self.parser.get_http_version() != "1.1":
            self.expect_100_continue = False  # it is to be ignored there (RFC 9110, 10.1.1)
        super().on_headers_complete()
        self._is_head, self._n_fed = False, 0
        self._disarm()
        self.limits.connections.busy(self)

    def on_body(self, body: bytes) -> None:
        self._n_body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_head:
            return  # of an upgrade
        super().on_message_complete()
        self._is_whole = True
        if self._is_quiet:
            self._disarm()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.limits.connections.idle(self)
        if not self._is_whole:
            self._arm(self.limits.linger_s)  # the rest of a body that nobody wants

    @property
    def _is_quiet(self) -> bool:
        """Whether no response is under way."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _head_too_large(self) -> str:
        limits = self.limits
        return f"The headers are over {limits.n_headers}, or over {limits.head_bytes} bytes; send fewer."

    # --- ends -----------------------------------------------------------------------------------------------

    def _stop(self, status: int, message: str) -> None:
        """From a callback of the parser, which ends by it."""
        self._why = status, message
        raise ValueError(message)

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be taken, where no other answer is under way, and close."""
        self._is_last = True
        is_in_body = not self._is_head and not self._is_whole
        is_answered = is_in_body and (self.cycle is None or self.cycle.response_started)
        self._leave_answer()
        if is_answered:
            self.transport.close()
            return
        if not is_in_body:  # a request that had begun has a line of its own
            write_refusal(self.client[0] if self.client else "", status)
        self.transport.write(refusal(status, message))
        self.transport.write_eof()  # closed at once, a peer that still sends would not get to read it
        self._arm(_FAREWELL_S)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._out_of_time)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _out_of_time(self) -> None:
        self._deadline = None
        if self._is_head and not self._is_last:
            seconds = self.limits.head_s
            self._refuse(408, f"The headers did not come within {seconds:g} s; send them at once.")
        else:
            self.transport.close()

    # --- what the peer reads --------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._n_unread = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(self.limits.send_timeout_s, self._look_at_reader)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _look_at_reader(self) -> None:
        """Drop a peer that reads nothing to speak of: it keeps what it was to get in memory."""
        n_unread = self.transport.get_write_buffer_size()
        if n_unread > self._n_unread - self.limits.send_timeout_s * _READ_BYTES_PER_S:
            self.abort()
            return
        self._n_unread = n_unread
        self._stall = self.loop.call_later(self.limits.send_timeout_s, self._look_at_reader)


def guarded(limits: ConnectionLimits) -> type[GuardedConnection]:
    """The connections of one server, for uvicorn's `http`."""
    return type("GuardedConnection", (GuardedConnection,), {"limits": limits})
