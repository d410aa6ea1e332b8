"""What a key's holder sends: `aion_<id>_<secret>`. The store has the id and the secret's SHA-256."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from aion.errors import InvalidRequest
from aion.server.access.identity import ALL_TENANTS, ROLES
from aion.store.keys import Key, Keys, utc_text

PREFIX = "aion_"
MAX_DAYS = 36_500
_MAX_NAME = 100
_MAX_TENANTS = 100
_ID_CHARS, _ID_LENGTH = string.ascii_lowercase + string.digits, 10
_SECRET_CHARS, _SECRET_LENGTH = string.ascii_letters + string.digits, 43  # 256 bits: no slow hash is needed
_NO_SECRET = hashlib.sha256(b"").hexdigest()  # of no token: `parsed` gives no empty secret


@dataclass(frozen=True, slots=True)
class Token:
    """Both parts of a token."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.key_id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Token({self.key_id!r})"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_ours(token: str) -> bool:
    """Whether a token claims to be of AION, be it whole or not."""
    return token.startswith(PREFIX)


def parsed(token: str) -> Token | None:
    """None for what is no token of AION."""
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    return Token(key_id, secret) if is_ours(token) and key_id and secret else None


def holds(key: Key | None, token: Token) -> bool:
    """Whether the token is that key's. It takes as long when there is no key, so that time tells no id."""
    return compare_digest(key.secret_sha256 if key else _NO_SECRET, token.sha256)


def add_key(
    keys: Keys, name: str, roles: Sequence[str], tenants: Sequence[str], days: int | None = None
) -> tuple[Key, Token]:
    """A new key and its token, which is told this once. It ends after `days`; None: never.

    Raises InvalidRequest for a name that is taken or cannot be one, a role that is none, too many tenants.
    """
    _check_line("name", name)
    for tenant in set(tenants) - {ALL_TENANTS}:
        check_tenant("tenant", tenant)
    if unknown := [role for role in roles if role not in ROLES]:
        raise InvalidRequest(f"{unknown[0]!r} is no role; give any of {', '.join(ROLES)}.", param="role")
    if not roles or not 0 < len(tenants) <= _MAX_TENANTS:
        raise InvalidRequest(
            f"A key needs a role, and 1 to {_MAX_TENANTS} tenants ('*' for all).", param="tenant"
        )
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidRequest(f"days is {days}; give 1 to {MAX_DAYS}, or none.", param="days")
    token = Token(_random(_ID_CHARS, _ID_LENGTH), _random(_SECRET_CHARS, _SECRET_LENGTH))
    expires_at = None if days is None else utc_text(datetime.now(UTC) + timedelta(days=days))
    roles, tenants = tuple(dict.fromkeys(roles)), tuple(dict.fromkeys(tenants))
    return keys.add(token.key_id, name, token.sha256, roles, tenants, expires_at), token


def check_tenant(param: str, name: str) -> None:
    """Raises InvalidRequest for what cannot be a tenant's name."""
    _check_line(param, name)
    if name == ALL_TENANTS:
        raise InvalidRequest(f"{param} is '*', which stands for all; name one.", param=param)


def _check_line(param: str, value: str) -> None:
    if not value or len(value) > _MAX_NAME or not value.isprintable() or value != value.strip():
        raise InvalidRequest(
            f"{param} is {value[:_MAX_NAME]!r}; give 1 to {_MAX_NAME} characters on one line, without spaces "
            "at its ends.",
            param=param,
        )


def _random(characters: str, length: int) -> str:
    return "".join(secrets.choice(characters) for _ in range(length))
