"""A server that a key guards, and a browser's way of asking it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from aion.server.access.tokens import add_key
from aion.server.services import open_services
from aion.store.keys import Keys
from tests.server.live import Live, live, settings_in

OPENED = "https://app.empresa.pt"


@dataclass(frozen=True)
class Guarded(Live):
    """A live server with one key, of the role chat and every tenant."""

    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def new_key(self, name: str, *roles: str) -> str:
        """The token of one more key."""
        return str(add_key(Keys(self.services.library.store), name, roles or ("chat",), ("*",))[1])

    def revoke(self, name: str) -> None:
        Keys(self.services.library.store).revoke(name)

    @contextlib.contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """A client that keeps cookies and says, as AION's page does, where it comes from."""
        with httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=60) as client:
            yield client


def sign_in(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/api/session", json={"key": token})


@contextlib.contextmanager
def guarded(folder: Path, **overrides: object) -> Iterator[Guarded]:
    """One in `folder`, opened to a page of another host and to names of its own; as many requests as one
    likes."""
    opened: dict[str, object] = {
        "cors_origins": f"{OPENED}, http://localhost:3000",
        "allowed_hosts": "aion.empresa.pt,*.sintra.pt",
        "rate_address": 0,
        "rate_key": 0,
    }
    settings = settings_in(folder, **(opened | overrides))
    with open_services(settings) as services, live(services) as running:
        token = str(add_key(Keys(services.library.store), "maria", ("chat",), ("*",))[1])
        yield Guarded(running.url, services, running.http, token)
