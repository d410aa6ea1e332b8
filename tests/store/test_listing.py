from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.listing import Listed, Listing
from tests.store.rows import put


@pytest.fixture
def listing(store: Store) -> Listing:
    return Listing(store)


def paged(listing: Listing, limit: int, prefix: str = "", tag: str | None = None) -> Iterator[Listed]:
    after = ""
    while found := listing.page("t", limit, after, prefix, tag):
        assert len(found) <= limit
        yield from found
        after = found[-1].source


def test_pages_hold_every_document_once_in_order(store: Store, listing: Listing) -> None:
    sources = ["b", "a/z", "a", "a/á", "ç", "a0", "🏰"]
    for source in sources:
        put(store, "t", source, ["x"])
    put(store, "u", "of another tenant", ["x"])
    for limit in (1, 2, 100):
        found = [each.source for each in paged(listing, limit)]
        assert found == sorted(sources)
        assert all(first < second for first, second in pairwise(found))


@pytest.mark.parametrize("prefix", ["a", "a/", "a%", "a_", "á", "🏰", "\U0010ffff", "zz"])
def test_a_prefix_is_taken_as_it_is(store: Store, listing: Listing, prefix: str) -> None:
    sources = ["a", "a%", "a/b", "a_c", "ab", "á", "ácido", "🏰/x", "\U0010ffff"]
    for source in sources:
        put(store, "t", source, ["x"])
    found = [each.source for each in paged(listing, 2, prefix)]
    assert found == sorted(source for source in sources if source.startswith(prefix))


def test_a_tag_is_asked_for_whole(store: Store, listing: Listing) -> None:
    first, second = put(store, "t", "a", ["x"]), put(store, "t", "b", ["x"])
    Documents(store).add_tags("t", [first, second], ["preços"])
    Documents(store).add_tags("t", [second], ["2026"])
    assert [(each.source, each.tags) for each in paged(listing, 1, tag="preços")] == [
        ("a", ("preços",)),
        ("b", ("2026", "preços")),
    ]
    assert [each.source for each in paged(listing, 1, tag="2026")] == ["b"]
    assert list(paged(listing, 1, tag="preço")) == []


def test_a_document_and_its_chunks(store: Store, listing: Listing) -> None:
    document_id = put(store, "t", "a.md", ["um", "dois"])
    found = listing.find("t", "a.md")
    assert found is not None
    assert found == listing.by_id("t", document_id)
    assert (found.id, found.source, found.title, found.n_chunks, found.tags) == (
        document_id, "a.md", "A.MD", 2, (),
    )  # fmt: skip
    chunks = listing.chunks("t", document_id)
    assert [(chunk.text, chunk.line, chunk.page, chunk.twin_of) for chunk in chunks] == [
        ("um", 1, None, None),
        ("dois", 2, None, None),
    ]


def test_nothing_is_seen_of_another_tenant(store: Store, listing: Listing) -> None:
    document_id = put(store, "t", "a.md", ["um"])
    assert listing.find("u", "a.md") is None
    assert listing.by_id("u", document_id) is None
    assert listing.chunks("u", document_id) == ()
    assert listing.page("u", 10) == ()
