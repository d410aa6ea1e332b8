"""`aion openapi`: the description of the HTTP interface, for programs that make clients of it."""

from __future__ import annotations

import json

from aion.cli.console import out


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the HTTP interface, as `/openapi.json` of a running server has it."""
    from aion.server.openapi.document import document  # noqa: PLC0415
    from aion.server.routes import ENDPOINTS  # noqa: PLC0415

    out.print(json.dumps(document(ENDPOINTS), indent=2, ensure_ascii=False), markup=False)
