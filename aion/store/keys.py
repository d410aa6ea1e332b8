"""Keys of the HTTP interface: rows in, rows out. Knows no token and no secret, only a secret's hash."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import apsw

from aion.errors import InvalidRequest, NotFound
from aion.store.connection import Store

_COLUMNS = "id, name, secret_sha256, roles, tenants, created_at, last_used_at, expires_at, revoked_at"
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ')"


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is on record. Times are UTC, ISO 8601, so that they compare as texts; None: never."""

    id: str
    name: str
    secret_sha256: str
    roles: tuple[str, ...]
    tenants: tuple[str, ...]
    created_at: str
    last_used_at: str | None = None
    expires_at: str | None = None
    revoked_at: str | None = None

    def is_live(self, at: str) -> bool:
        """Whether it lets its holder in at that time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def utc_text(moment: datetime | None = None) -> str:
    """That moment, or now, as the store has times."""
    moment = (moment or datetime.now(UTC)).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class Keys:
    """The keys of one file. Stateless: what another process changed is seen at once. Safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        key_id: str,
        name: str,
        secret_sha256: str,
        roles: Sequence[str],
        tenants: Sequence[str],
        expires_at: str | None = None,
    ) -> Key:
        """Raises InvalidRequest when a key of that name is in use; one that has expired makes room for it."""
        with self._store.write() as db:
            db.execute(
                f"UPDATE keys SET revoked_at = {_NOW} "  # noqa: S608
                f"WHERE name = ? AND revoked_at IS NULL AND expires_at <= {_NOW}",
                (name,),
            )
            if _named(db, name) is not None:
                raise InvalidRequest(
                    f"There is a key named {name!r} already; take another name, or first run "
                    f"`aion keys revoke {shlex.quote(name)}`.",
                    param="name",
                )
            db.execute(
                f"INSERT INTO keys (id, name, secret_sha256, roles, tenants, created_at, expires_at) "  # noqa: S608
                f"VALUES (?, ?, ?, ?, ?, {_NOW}, ?)",
                (key_id, name, secret_sha256, json.dumps(list(roles)), json.dumps(list(tenants)), expires_at),
            )
            added = _by_id(db, key_id)
        assert added is not None
        return added

    def list(self) -> tuple[Key, ...]:
        """All there ever were, the oldest first."""
        with self._store.read() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY created_at, id").fetchall()  # noqa: S608
        return tuple(_key(row) for row in rows)

    def find(self, key_id: str) -> Key | None:
        """The key of that id, whatever has become of it."""
        with self._store.read() as db:
            return _by_id(db, key_id)

    def any_in_use(self) -> bool:
        """Whether there is a key that nobody revoked. An expired one counts: time alone opens no door."""
        with self._store.read() as db:
            return bool(db.execute("SELECT EXISTS (SELECT 1 FROM keys WHERE revoked_at IS NULL)").get)

    def revoke(self, named: str) -> Key:
        """End the key of that name or id, and all sessions begun with it. Raises NotFound when there is none
        that could be ended."""
        with self._store.write() as db:
            key = _named(db, named) or _by_id(db, named)
            if key is None or key.revoked_at is not None:
                raise NotFound(
                    f"There is no key {named!r} in use; `aion keys list` shows them.", param="name"
                )
            db.execute(f"UPDATE keys SET revoked_at = {_NOW} WHERE id = ?", (key.id,))  # noqa: S608
            db.execute("DELETE FROM sessions WHERE key_id = ?", (key.id,))
            revoked = _by_id(db, key.id)
        assert revoked is not None
        return revoked

    def used(self, key_id: str, at: str) -> None:
        """Note when it was used last."""
        with self._store.write() as db:
            db.execute("UPDATE keys SET last_used_at = ? WHERE id = ?", (at, key_id))


def _named(db: apsw.Connection, name: str) -> Key | None:
    return _one(db, "name = ? AND revoked_at IS NULL", name)


def _by_id(db: apsw.Connection, key_id: str) -> Key | None:
    return _one(db, "id = ?", key_id)


def _one(db: apsw.Connection, condition: str, value: str) -> Key | None:
    row = db.execute(f"SELECT {_COLUMNS} FROM keys WHERE {condition}", (value,)).fetchone()  # noqa: S608
    return None if row is None else _key(row)


def _key(row: apsw.SQLiteValues) -> Key:
    key_id, name, secret_sha256, roles, tenants, *times = row
    return Key(
        str(key_id), str(name), str(secret_sha256),
        tuple(json.loads(str(roles))), tuple(json.loads(str(tenants))),
        *(times),  # type: ignore[arg-type]
    )  # fmt: skip
