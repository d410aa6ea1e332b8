from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from aion.store import migrations
from aion.store.connection import Store
from aion.store.lexical import Lexical


def test_a_new_file_records_each_step(store: Store) -> None:
    with store.read() as db:
        rows = db.execute("SELECT version, name FROM migrations ORDER BY version").fetchall()
    assert rows == [(n, name) for n, (name, _) in enumerate(migrations.MIGRATIONS, 1)]


def test_opening_again_applies_nothing(tmp_path: Path) -> None:
    def applied() -> list[tuple[object, ...]]:
        with Store(tmp_path / "aion.db") as store, store.read() as db:
            return db.execute("SELECT * FROM migrations").fetchall()

    assert applied() == applied()


def test_a_failing_step_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(db: apsw.Connection) -> None:
        db.execute("CREATE TABLE half (a)")
        raise RuntimeError("power cut")

    Store(tmp_path / "aion.db").close()
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, ("failing", failing)))
        with pytest.raises(RuntimeError):
            Store(tmp_path / "aion.db")
    with Store(tmp_path / "aion.db") as store, store.read() as db:
        assert migrations.schema_version(db) == len(migrations.MIGRATIONS)
        assert not db.table_exists("main", "half")


def test_every_table_of_rows_has_a_tenant(store: Store) -> None:
    with store.read() as db:
        for table in ("documents", "chunks", "events", "retrievals", "paid_calls"):
            assert "tenant" in {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def test_stems_of_an_older_file_are_still_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        with Store(tmp_path / "aion.db") as old, old.write() as db:
            for n, tenant in enumerate("ttu", 1):
                db.execute(
                    "INSERT INTO documents VALUES (?, ?, ?, 'A', 'h', 1, '2026')", (n, tenant, f"{n}.md")
                )
                db.execute("INSERT INTO chunks VALUES (?, ?, ?, 0, 'A', 'Texto', 1)", (n, tenant, n))
                db.execute(
                    "INSERT INTO chunks_fts (rowid, title, text) VALUES (?, 'titul', ?)",
                    (n, f"castel palavr{n} castel ação"),
                )
            db.execute("INSERT INTO chunks_fts (rowid, title, text) VALUES (9, 'titul', 'castel')")
    with Store(tmp_path / "aion.db") as store:
        search = Lexical(store).search
        assert {n for n, _ in search("t", ["castel"], 5)} == {1, 2}
        assert [n for n, _ in search("t", ["palavr2"], 5)] == [2]
        assert [n for n, _ in search("u", ["titul", "ação"], 5)] == [3]
