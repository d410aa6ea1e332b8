"""The description as it is served: made when it is first asked for, and the same bytes from then on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from markupsafe import escape

from aion.server.endpoint import Endpoint
from aion.server.openapi.document import document
from aion.server.openapi.page import ORIGIN, page


class Interface:
    """Of one table of routes. Making it twice at once gives the same twice."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)

    @cached_property
    def document(self) -> dict[str, Any]:
        return document(self._endpoints)

    @cached_property
    def as_json(self) -> bytes:
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()

    def page(self, language: str, origin: str) -> bytes:
        """The page of that language ("pt" or "en") for whoever asks this server at `origin`."""
        with_origin = self._english if language == "en" else self._portuguese
        return with_origin.replace(ORIGIN, str(escape(origin))).encode()

    @cached_property
    def _english(self) -> str:
        return page(self.document, "en")

    @cached_property
    def _portuguese(self) -> str:
        return page(self.document, "pt")


def etag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'
