from __future__ import annotations

from aion.store.calibrations import Calibrations
from aion.store.connection import Store


def add(
    calibrations: Calibrations, tenant: str, embedder: str, reranker: str = "", origin: str = "made"
) -> int:
    return calibrations.add(
        tenant, embedder, reranker, origin=origin, n_answerable=3, n_unanswerable=2,
        model={"bias": 0.5}, figures={"auroc": 0.9},
    )  # fmt: skip


def test_the_newest_of_tenant_and_models_holds(store: Store) -> None:
    calibrations = Calibrations(store)
    first = add(calibrations, "t", "one")
    second = add(calibrations, "t", "one", origin="labels")
    reranked = add(calibrations, "t", "one", "judge")
    assert calibrations.newest_id("t", "one", "") == second
    assert calibrations.newest_id("t", "one", "judge") == reranked
    assert calibrations.newest_id("t", "two", "") is None
    assert calibrations.newest("u", "one", "") is None
    found = calibrations.newest("t", "one", "")
    assert found is not None
    assert (found.id, found.origin, found.n_answerable, found.n_unanswerable) == (second, "labels", 3, 2)
    assert (found.model, found.figures) == ({"bias": 0.5}, {"auroc": 0.9})
    assert [one.id for one in calibrations.list("t")] == [first, second, reranked]


def test_a_tenant_forgets_its_own(store: Store) -> None:
    calibrations = Calibrations(store)
    add(calibrations, "t", "one")
    kept = add(calibrations, "u", "one")
    assert calibrations.remove_all("t") == 1
    assert calibrations.list("t") == ()
    assert [one.id for one in calibrations.list("u")] == [kept]
