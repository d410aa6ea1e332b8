"""Which route a path belongs to, by its pattern: what a log line and a figure may name without naming what
somebody wrote into the path."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.routing import BaseRoute, Mount, Route

_CONVERTOR = re.compile(r":\w+}")


class RoutePatterns:
    """The patterns of an app's routes, `/api/documents/{id}` or `/panel/*`."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._fixed: dict[str, str] = {}
        self._others: list[tuple[re.Pattern[str], str]] = []
        for route in routes:
            if isinstance(route, Mount):
                self._others.append((route.path_regex, f"{route.path}/*"))
            elif isinstance(route, Route) and route.param_convertors:
                self._others.append((route.path_regex, _CONVERTOR.sub("}", route.path)))
            elif isinstance(route, Route):
                self._fixed[route.path] = route.path

    def of(self, path: str) -> str:
        """The pattern of the first route that has this path, whatever its method; "" where nothing is."""
        if path in self._fixed:
            return self._fixed[path]
        return next((pattern for regex, pattern in self._others if regex.match(path)), "")
