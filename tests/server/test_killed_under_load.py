from __future__ import annotations

from pathlib import Path

from tests.server.killing import kills
from tests.server.ledger import Ledger
from tests.store.copying import filled


def test_nothing_acknowledged_is_lost_by_kills_under_load(tmp_path: Path) -> None:
    for kill in kills(tmp_path, n_kills=3, seed=7, most=3):
        assert (kill.problems, kill.lost, kill.answers) == ([], [], True)
        assert sum(kill.acknowledged.values()) > 0


def test_what_is_lost_is_noticed(tmp_path: Path) -> None:
    ledger, path = Ledger(), filled(tmp_path / "aion.db", 2)
    ledger.event(1, "note")
    ledger.sends("a.md", "A")  # under way: it may be there or not
    assert ledger.lost(path, "t") == []
    ledger.event(3, "answer")
    ledger.stored("a.md", "A")
    ledger.key("k", is_revoked=False)
    ledger.paid(5)
    found = ledger.lost(path, "t")
    assert [text.split()[0] for text in found] == ["event", "document", "key", "paid"]
