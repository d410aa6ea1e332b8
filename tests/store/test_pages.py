from __future__ import annotations

from aion.store.connection import Store
from aion.store.pages import PageRow, Pages

ROOT = PageRow(
    "https://a.pt/", "https://a.pt/", "h1", '"v1"', "Sun, 22 Nov 2026 10:00:00 GMT", ("https://a.pt/é",)
)


def test_a_page_is_found_as_it_was_put(store: Store) -> None:
    pages = Pages(store)
    assert pages.find("default", ROOT.url) is None
    pages.put("default", ROOT)
    assert pages.find("default", ROOT.url) == ROOT
    assert pages.find("other", ROOT.url) is None


def test_a_page_replaces_what_was_known_of_it(store: Store) -> None:
    pages = Pages(store)
    pages.put("default", ROOT)
    pages.put("default", PageRow(ROOT.url))
    assert pages.find("default", ROOT.url) == PageRow(ROOT.url)
    pages.delete("default", ROOT.url)
    assert pages.find("default", ROOT.url) is None


def test_a_text_is_found_where_it_has_a_document(store: Store) -> None:
    pages = Pages(store)
    pages.put("default", ROOT)
    pages.put("default", PageRow("https://a.pt/copy", ROOT.url, "h1"))
    assert pages.find_text("default", "h1", but="https://a.pt/x") == ROOT.url
    assert pages.find_text("default", "h1", but=ROOT.url) is None
    assert pages.find_text("other", "h1", but="https://a.pt/x") is None


def test_pages_below_a_prefix_have_documents_and_a_tenant(store: Store) -> None:
    pages = Pages(store)
    for url in ("https://a.pt/pt/b", "https://a.pt/pt/a", "https://a.pt/pt%", "https://b.pt/pt/a"):
        pages.put("default", PageRow(url, url))
    pages.put("default", PageRow("https://a.pt/pt/none"))
    pages.put("other", PageRow("https://a.pt/pt/c", "https://a.pt/pt/c"))
    assert pages.under("default", "https://a.pt/pt/") == ("https://a.pt/pt/a", "https://a.pt/pt/b")


def test_a_touched_page_stays_as_it_is(store: Store) -> None:
    pages = Pages(store)
    pages.put("default", ROOT)
    pages.touch("default", ROOT.url)
    assert pages.find("default", ROOT.url) == ROOT
