from __future__ import annotations

import json

import pytest

from tests.server.live import Live
from tests.server.test_failures import error_of

QUESTION = "Quanto custa o tour full-day?"
KEYS = {"n", "chunk", "document", "source", "title", "line", "score", "cosine", "bm25", "text"}


def test_passages_come_with_their_scores(sintra: Live) -> None:
    answer = sintra.post("/api/search", {"query": QUESTION, "k": 3})
    assert answer.status_code == 200
    found = answer.json()
    assert found["query"] == QUESTION
    assert found["ms"]["total"] > 0
    assert [passage["n"] for passage in found["passages"]] == [1, 2, 3]
    for passage in found["passages"]:
        assert set(passage) >= KEYS
        shown = sintra.http.get(f"/api/documents/{passage['document']}").json()
        assert shown["source"] == passage["source"]
        assert passage["chunk"] in [chunk["chunk"] for chunk in shown["passages"]]
    assert any("95 €" in passage["text"] for passage in found["passages"])


def test_without_k_it_is_as_many_as_an_answer_reads(sintra: Live) -> None:
    assert len(sintra.post("/api/search", {"query": QUESTION}).json()["passages"]) == 8


def test_filters_leave_what_they_ask_for(sintra: Live) -> None:
    source = sintra.post("/api/search", {"query": QUESTION}).json()["passages"][0]["source"]
    only = sintra.post("/api/search", {"query": QUESTION, "filters": {"source": source}}).json()["passages"]
    assert {passage["source"] for passage in only} == {source}
    prefix = {"path_prefix": source[:-3]}
    begin = sintra.post("/api/search", {"query": QUESTION, "filters": prefix}).json()["passages"]
    assert {passage["source"] for passage in begin} == {source}
    none = sintra.post("/api/search", {"query": QUESTION, "filters": {"tags": ["nada"]}})
    assert none.json()["passages"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": "  "}, "query"),
        ({"query": 1}, "query"),
        ({"query": "a", "k": 0}, "k"),
        ({"query": "a", "k": 51}, "k"),
        ({"query": "a", "k": "8"}, "k"),
        ({"query": "a", "filters": {"sorce": "a"}}, "filters.sorce"),
        ({"query": "a", "filters": {"source": ""}}, "filters.source"),
        ({"query": "a", "filters": {"tags": "a"}}, "filters.tags"),
        ({"query": "a", "filters": {"tags": [1]}}, "filters.tags.0"),
        ({"query": "a", "filters": {"date_from": "ontem"}}, "filters.date_from"),
        ({"query": "a", "filters": {"date_to": "2026-W01-1"}}, "filters.date_to"),
        ({"query": "a", "filters": {"date_from": "2026-02-01", "date_to": "2026-01-01"}}, "filters.date_to"),
        ({"query": "a", "filters": []}, "filters"),
    ],
)
def test_what_is_wrong_is_named(sintra: Live, body: dict[str, object], param: str) -> None:
    assert error_of(sintra.post("/api/search", body), 400)["param"] == param


@pytest.mark.parametrize(
    "query", ['"', "NEAR(a b) AND OR NOT *", "title:pena", "🏰🏰", "palavra " * 10_000, "\x00", "\ud800"]
)
def test_any_words_are_a_question(sintra: Live, query: str) -> None:
    answer = sintra.http.post("/api/search", content=json.dumps({"query": query}))
    assert answer.status_code == 200, answer.text
