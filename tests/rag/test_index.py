from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from aion.errors import EngineFailed
from aion.rag.index import fill_vectors, rebuild_texts, rebuild_vectors
from aion.rag.stem import stems
from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.index import Index
from aion.store.lexical import Lexical
from aion.store.vectors import Vectors
from aion.types import Vectors as VectorArray
from tests.rag.hashing import HashingEmbedder
from tests.rag.indexed import put, texts

OLD, NEW = HashingEmbedder("old", 16), HashingEmbedder("new", 24)
Result = list[tuple[int, float]]


class FailingEmbedder(HashingEmbedder):
    """Fails after some batches, as a process that is killed does."""

    n_left = 2

    def embed_passages(self, texts: Sequence[str]) -> VectorArray:
        if self.n_left == 0:
            raise EngineFailed("stopped")
        self.n_left -= 1
        return super().embed_passages(texts)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "aion.db") as opened:
        put(opened, "a.md", texts(50), OLD)
        put(opened, "b.md", texts(40, first=30), OLD)  # 20 of them are twins
        put(opened, "c.md", texts(10, first=90), OLD, tenant="u")
        yield opened


def ignore(_done: int, _total: int) -> None:
    pass


def search(store: Store, embedder: HashingEmbedder) -> tuple[Result, Result]:
    question = "quanto custa o tour da Pena"
    nearest = Vectors(store).nearest("t", embedder.name, embedder.embed_query(question), 10)
    return nearest, Lexical(store).search("t", stems(question), 10)


def test_missing_vectors_are_filled_in_and_counted(store: Store) -> None:
    index, calls = Index(store), []
    assert index.count_texts() == index.count_vectors("old") == 80
    assert fill_vectors(index, NEW, "new", lambda *call: calls.append(call))
    assert calls[0] == (0, 80)
    assert calls[-1] == (80, 80)
    assert index.without_vector("new", 1) == []
    assert [(row.name, row.n_vectors) for row in index.embedders()] == [("new", 80), ("old", 80)]
    for text in index.without_vector("none", 100):
        vector = Vectors(store).fetch(text.tenant, "new", [text.id])[text.id]
        assert np.allclose(vector, NEW.embed_query(text.text))


def test_filling_goes_on_where_it_was_stopped(store: Store) -> None:
    index, failing = Index(store), FailingEmbedder("new", 24)
    with pytest.raises(EngineFailed):
        fill_vectors(index, failing, "new", ignore)
    n_before = index.count_vectors("new")
    assert 0 < n_before < 80
    again = HashingEmbedder("new", 24)
    assert fill_vectors(index, again, "new", ignore)
    assert again.n_embedded == 80 - n_before


def test_filling_ends_when_it_is_told_to(store: Store) -> None:
    index = Index(store)
    assert not fill_vectors(index, NEW, "new", ignore, lambda: False)
    assert 0 < index.count_vectors("new") < 80


def test_chunks_that_went_meanwhile_get_no_vector(store: Store) -> None:
    index = Index(store)
    stale = index.without_vector("new", 100)
    Documents(store).delete("t", "a.md")
    index.add_vectors("new", stale, NEW.embed_passages([text.text for text in stale]))
    assert index.count_vectors("new") == index.count_texts() == 50
    index.add_vectors("new", stale, NEW.embed_passages([text.text for text in stale]))
    assert index.count_vectors("new") == 50


def test_rebuilding_finds_the_same_and_drops_what_is_not_used(store: Store) -> None:
    index = Index(store)
    before = search(store, OLD)
    fill_vectors(index, NEW, "new", ignore)
    index.set_dense_weight("old", 0.4)
    rebuild_texts(index, ignore)
    assert rebuild_vectors(index, OLD, ignore) == ["new"]
    index.vacuum()
    assert search(store, OLD) == before
    (row,) = index.embedders()
    assert (row.name, row.n_vectors, row.dense_weight) == ("old", 80, 0.4)


def test_a_rebuild_goes_on_after_it_was_killed_and_others_ingest_meanwhile(store: Store) -> None:
    index, failing = Index(store), FailingEmbedder("old", 16)
    with pytest.raises(EngineFailed):
        rebuild_vectors(index, failing, ignore)
    put(store, "d.md", texts(20, first=200), OLD)
    Documents(store).delete("t", "b.md")
    before = search(store, OLD)
    again = HashingEmbedder("old", 16)
    rebuild_vectors(index, again, ignore)
    assert again.n_embedded < index.count_texts()
    assert search(store, OLD) == before
    assert [row.name for row in index.embedders()] == ["old"]


def test_copies_of_vectors_in_memory_follow_a_rebuild(store: Store) -> None:
    query = OLD.embed_query("quanto custa o tour da Pena")
    with Store(store.path) as other:  # a server that goes on
        serving = Vectors(other)
        serving.warm("t", "old")
        before = serving.nearest("t", "old", query, 10)
        rebuild_vectors(Index(store), OLD, ignore)
        after = serving.nearest("t", "old", query, 10)
        assert [cosine for _, cosine in after] == pytest.approx([cosine for _, cosine in before])
        serving.warm("t", "old")
        put(store, "d.md", ["quanto custa o tour da Pena"], OLD)
        newest = Index(store).without_vector("none", 100)[-1].id
        assert serving.nearest("t", "old", query, 1)[0][0] == newest


def test_the_text_index_is_rebuilt_beside_the_one_in_use(store: Store) -> None:
    index = Index(store)
    some = index.without_new_stems("t", 30)
    index.add_new_stems("t", some, [("errado", "errado")] * len(some))
    assert not index.take_new_texts("t")
    assert Lexical(store).search("t", ["errado"], 5) == []
    Documents(store).delete("t", "a.md")
    put(store, "d.md", texts(20, first=200), OLD)
    with Store(store.path) as other:  # another process, which has the old index open
        before = search(other, OLD)[1]
        assert before
        rebuild_texts(index, ignore)
        found = Lexical(other).search("t", ["errado"], 50)
    assert index.count_new_stems("t") == 0
    still = {text.id for text in index.without_vector("none", 1000)}
    assert {id_ for id_, _ in found} == {text.id for text in some} & still  # it went on, not from the start


def test_space_is_given_back(store: Store) -> None:
    index = Index(store)
    put(store, "big.md", [f"{text} {'x' * 90_000}" for text in texts(150, first=1000)], OLD)
    Documents(store).delete("t", "big.md")
    n_before = index.n_bytes()
    before = search(store, OLD)
    index.vacuum()
    assert index.n_bytes() < n_before / 2
    assert search(store, OLD) == before
    put(store, "d.md", texts(20, first=200), OLD)
    assert index.count_vectors("old") == index.count_texts()
