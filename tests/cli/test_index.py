from __future__ import annotations

from pathlib import Path

from aion.store.connection import Store
from tests.cli.conftest import Run


def test_the_index_is_checked_and_rebuilt(aion: Run, documents: Path, tmp_path: Path) -> None:
    assert "aion.db does not exist" in aion("index", "check").err
    aion("ingest", documents)
    with Store(tmp_path / "aion.db") as store, store.write() as db:
        db.execute("DELETE FROM lexical_1 WHERE rowid = 1")
    broken = aion("index", "check")
    assert broken.code == 1
    assert "1 chunks are not in the index (tenant default)" in broken.out
    assert "→ aion index rebuild --text" in broken.out
    rebuilt = aion("index", "rebuild")
    assert (rebuilt.code, rebuilt.out.startswith("Rebuilt. ")) == (0, True)
    checked = aion("index", "check")
    assert (checked.code, checked.out) == (0, "The index is as it should be.\n")
    assert "full-day.md" in aion("search", "quanto custa o full-day").out
