"""JSON that says again what a client sent, whatever that was."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class WholeJson(JSONResponse):
    """Halves of surrogate pairs, which JSON can hold and UTF-8 cannot, become question marks."""

    def render(self, content: Any) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(errors="replace")
