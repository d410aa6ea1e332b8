from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from aion.rag.readers.sandbox import Sandbox
from aion.rag.web.client import Limits
from aion.rag.web.crawl import Crawler
from aion.rag.web.domains import Domains
from aion.rag.web.harvest import Sink
from aion.rag.web.reading import PageReader
from aion.rag.web.rules import Rules
from aion.rag.web.summary import CrawlSummary, Progress
from aion.store.connection import Store
from aion.store.pages import Pages
from aion.types import LoadedDocument
from tests.rag.web.site import FakeClock, Site, serving


@dataclass
class Documents:
    """The documents of one tenant, in memory: what the crawler sees of a library."""

    by_location: dict[str, LoadedDocument] = field(default_factory=dict)

    def store(self, document: LoadedDocument) -> Literal["added", "changed", "unchanged"]:
        before = self.by_location.get(document.location)
        self.by_location[document.location] = document
        if before is None:
            return "added"
        return "unchanged" if before.content_hash == document.content_hash else "changed"

    def tag(self, location: str) -> None:
        """No test of the crawler asks for tags; tests/server/test_web_pages.py does."""

    def has(self, location: str) -> bool:
        return location in self.by_location

    def forget(self, location: str) -> bool:
        return self.by_location.pop(location, None) is not None


@dataclass
class Web:
    """A site, what crawls it, and what came of it."""

    site: Site
    pages: Pages
    reader: PageReader
    documents: Documents = field(default_factory=Documents)
    clock: FakeClock = field(default_factory=FakeClock)
    addresses: dict[str, list[str]] = field(default_factory=dict)
    limits: Limits | None = None

    def crawl(
        self,
        *urls: str,
        prune: bool = False,
        domains: str | None = None,
        progress: Progress | None = None,
        **rules: float,
    ) -> CrawlSummary:
        """Crawl `urls`, or the site's root; `domains` None allows sintra.test at the site's port."""
        documents = self.documents
        sink = Sink(documents.store, documents.tag, documents.has, documents.has, documents.forget)
        allowed = Domains.parse(f"sintra.test:{self.site.port}" if domains is None else domains)
        crawler = Crawler(
            "default",
            Rules(allowed, "AION/0.1 (test)", **rules),  # type: ignore[arg-type]
            self.pages,
            self.reader,
            sink,
            network=self.site.network(self.addresses),
            clock=self.clock,
            limits=self.limits,
        )
        return crawler.crawl(urls or (self.site.url(),), progress, prune=prune)

    @property
    def paths(self) -> list[str]:
        """The paths of the documents that are in."""
        root = self.site.url("")
        return sorted(location.removeprefix(root) for location in self.documents.by_location)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(n_children=1) as opened:
        yield opened


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


@pytest.fixture
def web(site: Site, tmp_path: Path, sandbox: Sandbox) -> Iterator[Web]:
    with Store(tmp_path / "aion.db") as store:
        yield Web(site, Pages(store), PageReader(sandbox))
