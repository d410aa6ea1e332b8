"""`GET /openapi.json` and `GET /docs`: what this server can be asked, for programs and for people."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from aion.server.openapi.interface import Interface, etag


async def openapi_json(request: Request) -> Response:
    """The OpenAPI 3.1 document; 304 for whoever has this one."""
    interface: Interface = request.app.state.interface
    data = await asyncio.to_thread(lambda: interface.as_json)
    return _cached(request, data, "application/json")


async def docs(request: Request) -> Response:
    """The same for people, in the browser's language where it is English or Portuguese."""
    interface: Interface = request.app.state.interface
    language = language_of(request.headers.get("accept-language", ""))
    origin = f"{request.url.scheme}://{request.url.netloc}"
    data = await asyncio.to_thread(interface.page, language, origin)
    return _cached(request, data, "text/html; charset=utf-8", "Accept-Language")


def language_of(accepted: str) -> str:
    """Whichever of "pt" and "en" a browser wants more; "en" where it wants neither."""
    wanted = {"pt": 0.0, "en": 0.001}
    for part in accepted.split(","):
        name, _, weight = part.strip().partition(";q=")
        language = name.split("-")[0].lower()
        if language in wanted:
            wanted[language] = max(wanted[language], _weight(weight))
    return max(wanted, key=lambda language: wanted[language])


def _weight(given: str) -> float:
    try:
        return float(given) if given else 1.0
    except ValueError:
        return 0.0


def _cached(request: Request, data: bytes, media_type: str, vary: str = "") -> Response:
    headers = {"ETag": etag(data), "Cache-Control": "no-cache"} | ({"Vary": vary} if vary else {})
    known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] in known or f"W/{headers['ETag']}" in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)
