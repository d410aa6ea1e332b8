"""One line a request, written at its end."""

from __future__ import annotations

import logging

from aion.server.observe.log_lines import FIELDS
from aion.server.observe.request_record import RequestRecord

OTHER = "other"
"""In place of the pattern of a path where nothing is: what somebody wrote there is nobody's business."""

_FREQUENT = frozenset({"/health", "/ready", "/metrics"})  # asked every few seconds
_AS_USUAL = frozenset({200, 304, 503})
_logger = logging.getLogger("aion.request")


def write_line(record: RequestRecord) -> None:
    """At the level info, error where AION failed, debug where a monitor asks what it always asks."""
    fields = line_of(record)
    if record.route in _FREQUENT and record.status in _AS_USUAL:
        level = logging.DEBUG
    else:
        level = logging.ERROR if record.status == 500 or record.cut == "failure" else logging.INFO
    if _logger.isEnabledFor(level):
        said = f"{record.method} {record.route or OTHER} {record.status}"
        _logger.log(level, "%s", said, extra={FIELDS: fields})


def write_refusal(address: str, status: int) -> None:
    """Of what came in and was no request that could be served."""
    fields = {"method": "-", "route": OTHER, "status": status, "ms": 0.0, "address": address}
    _logger.info("%s", f"no request {status}", extra={FIELDS: fields})


def line_of(record: RequestRecord) -> dict[str, object]:
    """What is known of the request; what does not apply to it is left out. Times are in milliseconds."""
    first = None if record.first_byte is None or not record.is_stream else record.first_byte
    fields: dict[str, object] = {
        "method": record.method,
        "route": record.route or OTHER,
        "status": record.status,
        "ms": _ms(record.started, record.ended),
        "first_byte_ms": "" if first is None else _ms(record.started, first),
        "bytes": record.n_bytes,
        "tokens_in": "" if record.n_prompt is None else record.n_prompt,
        "tokens_out": "" if record.n_completion is None else record.n_completion,
        "used": record.used,
        "reason": record.reason,
        "key": record.identity,
        "address": record.address,
        "cut": record.cut,
        "question": record.question,
        "answer": record.reply,
    }
    return {name: value for name, value in fields.items() if value != ""}


def _ms(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 1)
