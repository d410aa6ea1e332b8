"""The cookie of the page's session: its name, how it is set, read and taken away."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import Response
from starlette.types import Scope

SESSION_COOKIE = "aion_session"
_BY_HTTPS = f"__Host-{SESSION_COOKIE}"  # browsers take one of that name from no other host and from no http


def session_token(scope: Scope) -> str:
    """The token in the request's cookies, "" where there is none."""
    return cookie_parser("; ".join(Headers(scope=scope).getlist("cookie"))).get(_name(scope), "")


def set_session(response: Response, request: HTTPConnection, token: str, max_age_s: int) -> None:
    """No script reads it, no other site's page sends it; by https only where it came by https."""
    response.set_cookie(
        _name(request.scope),
        token,
        max_age=max_age_s,
        path="/",
        secure=_is_https(request.scope),
        httponly=True,
        samesite="strict",
    )


def end_session(response: Response, request: HTTPConnection) -> None:
    """Have the browser forget it."""
    set_session(response, request, "", 0)


def _name(scope: Scope) -> str:
    return _BY_HTTPS if _is_https(scope) else SESSION_COOKIE


def _is_https(scope: Scope) -> bool:
    return bool(scope.get("scheme") == "https")
