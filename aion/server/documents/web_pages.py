"""Wires the crawler to the operator's documents."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from httpcore2 import NetworkBackend

from aion.rag.draft import READING
from aion.rag.readers.sandbox import Sandbox
from aion.rag.web.crawl import Crawler
from aion.rag.web.harvest import Sink
from aion.rag.web.pace import Clock
from aion.rag.web.reading import PageReader
from aion.rag.web.rules import rules_of
from aion.server.library import Library
from aion.settings import Settings
from aion.store.documents import Known
from aion.store.pages import Pages


@contextlib.contextmanager
def open_crawler(
    settings: Settings,
    library: Library,
    tags: Sequence[str] = (),
    *,
    network: NetworkBackend | None = None,
    clock: Clock | None = None,
) -> Iterator[Crawler]:
    """A crawler into `library` by the settings; it gives its documents `tags`, which they keep. `network` and
    `clock` are for tests; without them only public addresses are reached. Raises SettingsError."""
    rules = rules_of(settings)
    with Sandbox(settings.read_timeout_s, n_children=1) as sandbox:
        yield Crawler(
            settings.tenant,
            rules,
            Pages(library.store),
            PageReader(sandbox),
            sink_of(settings, library, tags),
            network=network,
            clock=clock,
        )


def sink_of(settings: Settings, library: Library, tags: Sequence[str] = ()) -> Sink:
    """The tenant's documents as the crawler sees them."""
    documents, tenant = library.documents, settings.tenant
    cut = [str(READING), str(settings.chunk_words)]

    def is_current(location: str) -> bool:
        found = find(location, library.embedder.name)
        return found is not None and not found.is_stale and found.content_hash.split("/")[1:3] == cut

    def tag(location: str) -> None:
        found = find(location, None) if tags else None
        if found is not None:
            documents.add_tags(tenant, [found.id], tags)

    def forget(location: str) -> bool:
        found = find(location, None)
        return found is not None and documents.delete_all(tenant, [found.id]) > 0

    find = _finder(library, tenant)
    return Sink(
        store=partial(library.ingester.store, tenant),
        tag=tag,
        is_stored=lambda location: find(location, None) is not None,
        is_current=is_current,
        forget=forget,
    )


def _finder(library: Library, tenant: str) -> Callable[[str, str | None], Known | None]:
    def find(location: str, embedder: str | None) -> Known | None:
        known = library.documents.known(tenant, location, embedder)
        return next((row for row in known if row.location == location), None)

    return find
