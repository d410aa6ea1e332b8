"""Who asks: a key, a session of the page, the operator at this machine, or a stranger. Pure ASGI.

Looked up in the store for every request, which takes 15 microseconds: a key that another process added or
revoked counts from the next request on.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from aion.errors import AionError, NotSignedIn
from aion.server.access.browser.origins import is_foreign
from aion.server.access.browser.session_cookie import session_token
from aion.server.access.browser.sessions import session_key
from aion.server.access.credentials import is_local, sent_token
from aion.server.access.identity import (
    LOCAL_OPERATOR,
    NOBODY,
    ROLES,
    SIGN_IN,
    Identity,
    anonymous,
    set_identity,
)
from aion.server.access.last_use import LastUse
from aion.server.access.tokens import holds, is_ours, parsed
from aion.server.failures import aion_error
from aion.server.observe.request_record import record_of
from aion.server.services import Services
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.keys import Key, Keys, utc_text


class Authentication:
    """Sets the identity of each request. Without one, only what `is_open`, a method and a path, is let
    through; what a role may do is asked where the route is."""

    def __init__(self, app: ASGIApp, is_open: Callable[[str, str], bool]) -> None:
        self._app = app
        self._is_open = is_open
        self._last_use = LastUse()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            set_identity(scope, NOBODY)
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            identity = self._identified(request)
        except AionError as error:
            await aion_error(request, error)(scope, receive, send)
            return
        set_identity(scope, identity)
        record_of(request).identity = identity.name if identity.key_id else ""
        await self._app(scope, receive, send)

    def _identified(self, request: Request) -> Identity:
        """Raises NotSignedIn for a wrong key, and for none where one is needed; StoreError."""
        services: Services = request.app.state.services
        store = services.library.store
        identity = _identity(request, store, services.settings)
        if identity is NOBODY and not self._is_open(request.method, request.scope["path"]):
            raise NotSignedIn(SIGN_IN)
        if identity.key_id:
            self._last_use.note(store, identity.key_id)
        return identity


def _identity(request: HTTPConnection, store: Store, settings: Settings) -> Identity:
    """Raises NotSignedIn for a key that is not good."""
    keys, token = Keys(store), sent_token(request.headers)
    is_guarded = keys.any_in_use()
    if token is not None and (is_guarded or is_ours(token)):
        return identity_of_key(checked_key(keys, token))
    is_own_page = not is_foreign(request.headers)
    if is_guarded and is_own_page and (session := session_token(request.scope)):
        key = session_key(store, session)
        return NOBODY if key is None else identity_of_key(key)
    if not is_guarded and is_own_page and is_local(request):
        return LOCAL_OPERATOR
    return anonymous(settings.tenant) if settings.allow_anonymous else NOBODY


def identity_of_key(key: Key) -> Identity:
    roles = frozenset(role for role in ROLES if role in key.roles)
    return Identity(key.name, roles, frozenset(key.tenants), key.id)


def checked_key(keys: Keys, sent: str) -> Key:
    """The key of a token somebody sent. Raises NotSignedIn for one that lets nobody in; only who has the
    secret is told what became of the key."""
    token = parsed(sent)
    key = keys.find(token.key_id) if token else None
    if token is None or not holds(key, token) or key is None:
        raise NotSignedIn("This key is not known here; `aion keys list` shows those that are.")
    if key.revoked_at is not None:
        raise NotSignedIn(f"The key {key.name!r} was revoked at {key.revoked_at}; make another.")
    if not key.is_live(utc_text()):
        raise NotSignedIn(f"The key {key.name!r} expired at {key.expires_at}; make another.")
    return key
