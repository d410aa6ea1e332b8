from __future__ import annotations

from aion.store.connection import Store
from aion.store.evaluations import Evaluations
from aion.store.judgments import Judgments


def test_a_judgment_takes_the_place_of_the_same_ones_before(store: Store) -> None:
    judgments = Judgments(store)
    judgments.add("t", "Quanto custa?", "precos.md", 1, "label")
    judgments.add("t", "Quanto custa?", "precos.md", 0, "feedback")
    judgments.add("t", "Quanto custa?", "precos.md", 2, "label", b"chunk")
    judgments.add("t", "Quanto custa?", "precos.md", 3, "label")
    found = [(j.grade, j.origin, j.text_hash) for j in judgments.list("t")]
    assert found == [(0, "feedback", None), (2, "label", b"chunk"), (3, "label", None)]


def test_judgments_are_listed_and_removed_by_tenant(store: Store) -> None:
    judgments = Judgments(store)
    first = judgments.add("a", "q1", "s", 1, "label")
    judgments.add("a", "q2", "s", 1, "label")
    assert [j.question for j in judgments.list("a", "q2")] == ["q2"]
    assert judgments.list("b") == ()
    assert not judgments.remove("b", first)
    assert judgments.remove("a", first)
    assert [j.question for j in judgments.list("a")] == ["q2"]


def test_the_newest_evaluations_come_oldest_first(store: Store) -> None:
    evaluations = Evaluations(store)
    for n in range(3):
        evaluations.add("t", "e5", 7, {"lexical": {"ndcg": n / 10}, "hybrid": {"ndcg": n / 5}})
    evaluations.add("other", "e5", 7, {"lexical": {"ndcg": 1}})
    listed = evaluations.list("t", limit=4)
    assert [(row.mode, row.figures["ndcg"]) for row in listed] == [
        ("lexical", 0.1), ("hybrid", 0.2), ("lexical", 0.2), ("hybrid", 0.4),
    ]  # fmt: skip
    assert {(row.embedder, row.n_questions) for row in listed} == {("e5", 7)}
