"""`aion backup`, `aion restore` and `aion check` as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_a_backup_comes_back(aion: Run, documents: Path, tmp_path: Path) -> None:
    assert "aion.db does not exist; name the store" in aion("backup", "b.db").err
    aion("ingest", documents)
    made = aion("backup", "b.db")
    assert made.code == 0
    assert "b.db: " in made.out
    assert "2 documents, 2 events, schema" in made.out
    again = aion("backup", "b.db")
    assert again.code == 1
    assert "b.db is there already; name another file, or replace it with --force" in again.err
    assert aion("backup", "b.db", "--force").code == 0
    assert aion("documents", "delete", "docs/full-day.md").code == 0
    restored = aion("restore", "b.db")
    assert restored.code == 0
    assert "aion.db holds what b.db did" in restored.out
    (kept,) = tmp_path.glob("aion.db.before-restore-*")
    assert kept.name in restored.out
    assert "full-day.md" in aion("search", "quanto custa o full-day").out
    assert aion("check").code == 0


def test_what_is_printed_for_programs(aion: Run, documents: Path, tmp_path: Path) -> None:
    aion("ingest", documents)
    made = json.loads(aion("backup", "--json", tmp_path).out)
    assert (made["documents"], made["events"], Path(made["file"]).parent) == (2, 2, tmp_path)
    done = json.loads(aion("restore", "--json", "--no-keep", made["file"]).out)
    assert (done["kept"], done["documents"], done["note"]) == (None, 2, "")
    report = json.loads(aion("check", "--json").out)
    assert (report["ok"], report["problems"], report["documents"]) == (True, [], 2)
    assert report["restored_at"] > report["made_at"]


def test_what_cannot_be_done_is_one_sentence(aion: Run, documents: Path, tmp_path: Path) -> None:
    aion("ingest", documents)
    assert "There is no file nope.db" in aion("restore", "nope.db").err
    assert "aion.db is the store itself" in aion("restore", "aion.db").err
    assert "aion.db is the store itself" in aion("backup", "--force", "aion.db").err
    assert "There is no folder no" in aion("backup", "no/b.db").err
    (tmp_path / "text.db").write_text("text " * 100)
    assert "text.db is damaged or no SQLite file" in aion("restore", "text.db").err


def test_a_damaged_store_has_exit_code_1_and_a_way_out(aion: Run, documents: Path, tmp_path: Path) -> None:
    aion("ingest", documents)
    with (tmp_path / "aion.db").open("r+b") as file:
        file.seek(-200_000, 2)
        file.write(b"\xff" * 200_000)
    done = aion("check")
    assert done.code == 1
    assert "aion restore" in done.out + done.err
