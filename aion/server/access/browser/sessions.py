"""Sessions of the page over the store: begun with a key, found by the cookie's token, ended.

The token is random and means nothing; the store has its SHA-256, so that whoever reads the file cannot sign
in with it. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import secrets

from aion.store.connection import Store
from aion.store.keys import Key, Keys, utc_text
from aion.store.sessions import Sessions


def begin_session(store: Store, key: Key, hours: int, former: str = "") -> str:
    """A new session of that key, and its token. The session of the token `former`, which the browser had
    before, ends: no token outlives a sign-in, and none is taken from the browser."""
    token = secrets.token_urlsafe(32)
    sessions = Sessions(store)
    if former:
        sessions.end(_sha256(former))
    sessions.begin(_sha256(token), key.id, hours)
    return token


def session_key(store: Store, token: str) -> Key | None:
    """The key that a session was begun with, while both hold. Reads the store."""
    key_id = Sessions(store).key_id(_sha256(token))
    key = None if key_id is None else Keys(store).find(key_id)
    return key if key is not None and key.is_live(utc_text()) else None


def close_session(store: Store, token: str) -> None:
    """Whoever has the token from now on has nothing."""
    Sessions(store).end(_sha256(token))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
