"""A real server whose keys a test makes and takes away."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx

from aion.server.access.tokens import add_key
from aion.server.services import Services
from aion.store.keys import Keys
from tests.server.live import DEADLINE_S, Live, serving

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Keyed(Live):
    """Requests say who asks, or nothing."""

    @property
    def keys(self) -> Keys:
        return Keys(self.services.library.store)

    def key(self, *roles: str, tenants: tuple[str, ...] = ("default",), name: str = "") -> str:
        """The token of a new key."""
        name = name or f"key {next(_numbers)}"
        return str(add_key(self.keys, name, roles, tenants)[1])

    def ask(self, method: str, path: str, token: str | None = None, **more: object) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

    def search(self, token: str | None = None, **fields: object) -> httpx.Response:
        return self.ask("POST", "/api/search", token, json={"query": "tour"} | fields)

    def revoke_all(self) -> None:
        for key in self.keys.list():
            if key.revoked_at is None:
                self.keys.revoke(key.id)


@contextlib.contextmanager
def keyed_server(services: Services, **settings: object) -> Iterator[Keyed]:
    """Serves `services` with some settings of its own; its keys are revoked at the end."""
    changed = replace(services, settings=services.settings.model_copy(update=settings))
    with serving(changed) as url, httpx.Client(base_url=url, timeout=DEADLINE_S) as http:
        running = Keyed(url, changed, http)
        try:
            yield running
        finally:
            running.revoke_all()
