"""Sessions of the page: which key's holder a browser signed in as, and until when. Knows no token, only its
hash."""

from __future__ import annotations

from aion.store.connection import Store

_MOST_OF_A_KEY = 100  # browsers forget cookies without a word; a key's oldest sessions make room
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ')"


class Sessions:
    """The sessions of one file. Stateless: what another process ended is ended here. Safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, token_sha256: str, key_id: str, hours: int) -> None:
        """One more session of a key; those whose time is over go."""
        with self._store.write() as db:
            db.execute(f"DELETE FROM sessions WHERE expires_at <= {_NOW}")  # noqa: S608
            db.execute(
                """
                DELETE FROM sessions WHERE token_sha256 IN (
                    SELECT token_sha256 FROM sessions WHERE key_id = ?
                    ORDER BY created_at DESC, token_sha256 LIMIT -1 OFFSET ?
                )
                """,
                (key_id, _MOST_OF_A_KEY - 1),
            )
            db.execute(
                f"""
                INSERT INTO sessions (token_sha256, key_id, created_at, expires_at)
                VALUES (?, ?, {_NOW}, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?))
                """,  # noqa: S608
                (token_sha256, key_id, f"+{hours} hours"),
            )

    def key_id(self, token_sha256: str) -> str | None:
        """Whose session it is; None when there is none or its time is over."""
        with self._store.read() as db:
            found = db.execute(
                f"SELECT key_id FROM sessions WHERE token_sha256 = ? AND expires_at > {_NOW}",  # noqa: S608
                (token_sha256,),
            ).get
        return None if found is None else str(found)

    def end(self, token_sha256: str) -> None:
        """Sign out; of a session that is not there nothing is left to do."""
        with self._store.write() as db:
            db.execute("DELETE FROM sessions WHERE token_sha256 = ?", (token_sha256,))
