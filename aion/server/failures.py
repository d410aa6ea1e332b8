"""AionError to HTTP, in one form: {"error": {"message", "type", "param"}}."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aion.errors import (
    AionError,
    EngineBusy,
    EngineFailed,
    Forbidden,
    InvalidRequest,
    ModelError,
    NotConfigured,
    NotFound,
    NotSignedIn,
    OutOfTime,
    PromptTooLong,
    StoreError,
    TooManyRequests,
)
from aion.events.kinds import ERROR
from aion.server.access.identity import known_identity
from aion.server.arrival import BodyTooLarge, BodyTooSlow, NotJson
from aion.server.whole_json import WholeJson
from aion.types import Event

if TYPE_CHECKING:
    from aion.server.services import Services  # the models' libraries, which the waiting page does without

_STORE_AGAIN_S = 5
_logger = logging.getLogger(__name__)
_KINDS: tuple[tuple[type[AionError], int, str], ...] = (
    (BodyTooLarge, 413, "invalid_request_error"),
    (BodyTooSlow, 408, "invalid_request_error"),
    (NotJson, 415, "invalid_request_error"),
    (NotSignedIn, 401, "authentication_error"),
    (Forbidden, 403, "permission_error"),
    (TooManyRequests, 429, "rate_limit_error"),
    (NotFound, 404, "invalid_request_error"),
    (InvalidRequest, 400, "invalid_request_error"),
    (NotConfigured, 501, "not_supported_error"),
    (EngineBusy, 503, "overloaded_error"),
    (OutOfTime, 504, "timeout_error"),
    (EngineFailed, 500, "server_error"),
    (ModelError, 503, "model_error"),
    (StoreError, 503, "server_error"),
)
_CODES: tuple[tuple[type[AionError], str], ...] = (
    (PromptTooLong, "context_length_exceeded"),
    (NotSignedIn, "invalid_api_key"),
    (TooManyRequests, "rate_limit_exceeded"),
)


def status_and_type(error: AionError) -> tuple[int, str]:
    """The HTTP status and OpenAI-style type of an error."""
    return next(((s, t) for kind, s, t in _KINDS if isinstance(error, kind)), (500, "server_error"))


def error_body(
    message: str, kind: str, param: str | None = None, code: str | None = None
) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def aion_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AionError)
    status, kind = status_and_type(error)
    headers: dict[str, str] = {}
    message = error.message
    if isinstance(error, EngineBusy | TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="AION"'
    if isinstance(error, StoreError):
        headers["Retry-After"] = str(_STORE_AGAIN_S)
        message = _store_message(request, error)
    return WholeJson(error_body(message, kind, error.param, _code(error)), status, headers)


def _store_message(request: Request, error: StoreError) -> str:
    """Logged, for it is the operator's matter; in which folder the file is, who works with files is told."""
    _logger.error("%s", error.message)
    identity = known_identity(request)
    if identity is not None and identity.may("ingest"):
        return error.message
    return f"AION cannot use its file now; try again in {_STORE_AGAIN_S} s, its log says why."


def _code(error: AionError) -> str | None:
    """OpenAI's word for what clients act on: LangChain cuts a conversation that was too long, and so on."""
    if isinstance(error, NotFound):
        return "model_not_found" if error.param == "model" else None
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


def http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _methods(request) or headers.get("Allow", "another method")
    message = {
        404: f"There is nothing at {request.url.path}; {_instead(request)}.",
        405: f"{request.url.path} does not take {request.method}; it takes {headers.get('Allow')}.",
    }.get(error.status_code, error.detail)
    kind = "invalid_request_error" if error.status_code < 500 else "server_error"
    return JSONResponse(error_body(message, kind), error.status_code, headers)


def _instead(request: Request) -> str:
    """Where a client means to be whose base URL lacks the /v1."""
    path = f"/v1{request.url.path}"
    if any(isinstance(route, Route) and route.path == path for route in request.app.routes):
        return f"it is at {path}, so let the client's base URL end in /v1"
    return "GET /docs shows what there is"


def _methods(request: Request) -> str:
    """All that the routes of this path take; Starlette names those of the first one only."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    taken = [route.methods or () for route in routes if route.path_regex.match(request.url.path)]
    return ", ".join(sorted({method for methods in taken for method in methods}))


def unexpected_error(request: Request, error: Exception) -> Response:
    """A mistake of ours: logged whole, told in one sentence, and on record by where it happened, for its own
    words may quote what was sent."""
    _logger.error("A request failed unexpectedly.", exc_info=error)
    services: Services = request.app.state.services
    where = traceback.extract_tb(error.__traceback__)[-1]
    message = f"{type(error).__name__} in {where.name} ({Path(where.filename).name}, line {where.lineno})"
    told: dict[str, object] = {"route": request.url.path, "message": message, "type": type(error).__name__}
    services.library.log.post(services.settings.tenant, Event(ERROR, 0.0, told))
    return JSONResponse(error_body("AION failed on this request; its log says why.", "server_error"), 500)
