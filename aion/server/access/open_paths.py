"""What anybody may ask for without a key: AION's own page, and the endpoints that need no role."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import compile_path

from aion.server.endpoint import Endpoint

_PAGE, _PAGE_FILES = "/", "/panel/"
_READING = ("GET", "HEAD")


class OpenPaths:
    """Immutable. What is not known here is not open."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._patterns = tuple(
            (_READING if endpoint.method == "GET" else (endpoint.method,), compile_path(endpoint.path)[0])
            for endpoint in endpoints
            if endpoint.role is None
        )

    def __call__(self, method: str, path: str) -> bool:
        """Whether that may be asked for without a key."""
        if method in _READING and (path == _PAGE or path.startswith(_PAGE_FILES)):
            return True
        return any(method in methods and pattern.fullmatch(path) for methods, pattern in self._patterns)
