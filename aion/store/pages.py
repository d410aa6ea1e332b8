"""Pages of the web as they were last fetched: what to ask the server by next time, and where they led.

Knows nothing of robots or HTML; the documents made of pages are in `aion.store.documents`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from aion.store.connection import Store


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page by its canonical URL.

    `document` is the location of the document that has its text: its own URL, that of a page with the
    same text, or "" when nothing of it was kept. `links` are the canonical URLs it led to.
    """

    url: str
    document: str = ""
    text_hash: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    links: tuple[str, ...] = ()


class Pages:
    """The pages of each tenant. Stateless; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, tenant: str, url: str) -> PageRow | None:
        """The page as it was last fetched, None when it never was."""
        with self._store.read() as db:
            row = db.execute(
                "SELECT url, document, text_hash, etag, last_modified, links FROM pages "
                "WHERE tenant = ? AND url = ?",
                (tenant, url),
            ).fetchone()
        if row is None:
            return None
        page_url, document, text_hash, etag, last_modified, links = row
        return PageRow(page_url, document, text_hash, etag, last_modified, tuple(json.loads(links)))

    def find_text(self, tenant: str, text_hash: str, but: str) -> str | None:
        """The URL of a page other than `but` whose own document has this text."""
        with self._store.read() as db:
            row = db.execute(
                "SELECT url FROM pages WHERE tenant = ? AND text_hash = ? AND document = url AND url <> ? "
                "ORDER BY url LIMIT 1",
                (tenant, text_hash, but),
            ).fetchone()
        return row[0] if row else None

    def put(self, tenant: str, page: PageRow) -> None:
        """Keep a page as it was fetched now, in place of what was known of it."""
        links = json.dumps(page.links, ensure_ascii=False)
        with self._store.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO pages "
                "(tenant, url, document, text_hash, etag, last_modified, links, fetched_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))",
                (tenant, page.url, page.document, page.text_hash, page.etag, page.last_modified, links),
            )

    def touch(self, tenant: str, url: str) -> None:
        """Say that the page was asked for now and has not changed."""
        with self._store.write() as db:
            db.execute(
                "UPDATE pages SET fetched_at = strftime('%Y-%m-%dT%H:%M:%fZ') WHERE tenant = ? AND url = ?",
                (tenant, url),
            )

    def delete(self, tenant: str, url: str) -> None:
        """Forget a page; its document is not concerned."""
        with self._store.write() as db:
            db.execute("DELETE FROM pages WHERE tenant = ? AND url = ?", (tenant, url))

    def under(self, tenant: str, prefix: str) -> tuple[str, ...]:
        """The URLs that begin so and have a document of their own, in order."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT url FROM pages WHERE tenant = ? AND document = url AND substr(url, 1, ?) = ? "
                "ORDER BY url",
                (tenant, len(prefix), prefix),
            )
            return tuple(url for (url,) in rows)
