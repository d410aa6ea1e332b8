"""The crawler on a real store with the real embedder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.rag.web.summary import CrawlSummary
from aion.server.documents.web_pages import open_crawler, sink_of
from aion.server.library import Library, open_library
from aion.settings import Settings
from tests.rag.web.site import Answer, FakeClock, Site, serving

TEXT = "O passeio de dia inteiro dura oito horas e custa 95 euros por adulto, com almoço."


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, site: Site) -> Settings:
    return Settings(db=tmp_path / "aion.db", crawl_domains=f"sintra.test:{site.port}", threads=1)


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with open_library(settings) as opened:
        yield opened


def crawl(settings: Settings, library: Library, site: Site, *tags: str, prune: bool = False) -> CrawlSummary:
    with open_crawler(settings, library, tags, network=site.network(), clock=FakeClock()) as crawler:
        return crawler.crawl([site.url("/precos")], prune=prune)


def test_a_page_is_found_by_a_question_and_forgotten_when_it_is_gone(
    settings: Settings, library: Library, site: Site
) -> None:
    site.page("/precos", TEXT, links=("/pre%C3%A7os",))
    site.page("/pre%C3%A7os", TEXT.replace("95", "90"))
    assert crawl(settings, library, site).added == 2
    found = library.retriever.retrieve(settings.tenant, "Quanto custa o passeio de dia inteiro?")
    assert {passage.source for passage in found.passages} == {site.url("/precos"), site.url("/preços")}
    assert crawl(settings, library, site).unchanged == 2
    site.answers.clear()
    assert crawl(settings, library, site, prune=True).removed == 1
    assert [row.source for row in library.documents.list(settings.tenant)] == [site.url("/preços")]


def test_a_document_cut_otherwise_is_not_current(settings: Settings, library: Library, site: Site) -> None:
    site.page("/precos", TEXT)
    crawl(settings, library, site)
    other = settings.model_copy(update={"chunk_words": 40})
    assert sink_of(settings, library).is_current(site.url("/precos"))
    assert not sink_of(other, library).is_current(site.url("/precos"))
    assert sink_of(other, library).is_stored(site.url("/precos"))
    assert not sink_of(settings, library).is_stored(site.url("/"))


@pytest.mark.parametrize("etag", [{}, {"ETag": '"1"'}], ids=["sent again", "answered 304"])
def test_tags_are_given_to_unchanged_pages_and_kept(
    settings: Settings, library: Library, site: Site, etag: dict[str, str]
) -> None:
    def tags() -> tuple[str, ...]:
        (listed,) = library.listing.page(settings.tenant, 9)
        return listed.tags

    site.page("/precos", TEXT)
    page = site.answers["/precos"]
    assert isinstance(page, Answer)
    page.headers = {**page.headers, **etag}
    site.answers["/precos"] = lambda told: Answer(status=304) if "if-none-match" in told else page
    assert crawl(settings, library, site, "site").added == 1
    assert tags() == ("site",)
    for given in ("2026",), ():
        assert crawl(settings, library, site, *given).unchanged == 1
        assert tags() == ("2026", "site")
