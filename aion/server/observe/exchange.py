"""One request and its response as they pass: what was sent, when it began, whether it came to its end."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Send

from aion.server.observe.request_record import RequestRecord

ID_HEADER = "X-Request-ID"
_CLIENT_GONE = 499
_EVENTS = "text/event-stream"


class Exchange:
    """Stands in for `receive` and `send` of one request, and notes into its record. A stream passes here for
    every token, so little is done."""

    def __init__(self, record: RequestRecord, receive: Receive, send: Send) -> None:
        self._record = record
        self._receive = receive
        self._send = send
        self.is_complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self.is_complete:
            self._record.cut = self._record.cut or "client"
        return message

    async def send(self, message: Message) -> None:
        record = self._record
        if message["type"] == "http.response.start":
            record.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[ID_HEADER] = record.id
            record.is_stream = headers.get("content-type", "").startswith(_EVENTS)
        elif message["type"] == "http.response.body":
            if body := message.get("body"):
                if record.first_byte is None:
                    record.first_byte = time.monotonic()
                record.n_bytes += len(body)
            if not message.get("more_body"):
                self.is_complete = True
        await self._send(message)

    def end(self) -> None:
        """Note what came of it. A response that began and did not end, and nobody stopped: its client
        read nothing any more. One that never began: its client went, or uvicorn answers in AION's place."""
        record = self._record
        record.ended = time.monotonic()
        if record.status and not self.is_complete:
            record.cut = record.cut or "client"
        record.status = record.status or (_CLIENT_GONE if record.cut == "client" else 500)
