from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aion.errors import StoreError
from aion.store.connection import Store
from aion.store.copies.page_copy import snapshot
from aion.store.migrations import MIGRATIONS
from tests.small_disk import files_up_to
from tests.store.copying import names, old_store, schema_of

KEPT = f"aion.db.before-schema-{len(MIGRATIONS)}"


def text_of(path: Path) -> str:
    with snapshot(path) as db:
        return str(db.execute("SELECT text FROM chunks").get)


@pytest.mark.parametrize("schema", range(1, len(MIGRATIONS)))
def test_an_older_file_is_kept_before_it_is_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, schema: int
) -> None:
    path = old_store(tmp_path / "aion.db", schema)
    before = text_of(path)
    Store(path).close()
    assert names(tmp_path) == ["aion.db", KEPT]
    assert (schema_of(path), schema_of(tmp_path / KEPT)) == (len(MIGRATIONS), schema)
    assert text_of(path) == text_of(tmp_path / KEPT) == before
    assert (tmp_path / KEPT).stat().st_mode & 0o777 == 0o600
    assert f"aion restore {tmp_path / KEPT}" in caplog.text
    caplog.clear()
    Store(path).close()
    assert not caplog.records


def test_new_and_empty_files_need_no_copy(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("empty.db", "new.db"):
        Store(tmp_path / name).close()
    assert names(tmp_path) == ["empty.db", "new.db"]


def test_only_the_newest_copy_stays(tmp_path: Path) -> None:
    path = old_store(tmp_path / "aion.db", 2)
    for name in ("aion.db.before-schema-2", "aion.db.before-schema-my-own", "aion.db.before-restore-2026"):
        (tmp_path / name).touch()
    Store(path).close()
    assert names(tmp_path) == sorted(
        ["aion.db", KEPT, "aion.db.before-schema-my-own", "aion.db.before-restore-2026"]
    )


_OPEN = (
    "import sys; from pathlib import Path\n"
    "from aion.store.connection import Store; Store(Path(sys.argv[1])).close()"
)
_DIE = (
    "import os, signal, sys; from pathlib import Path\n"
    "from aion.store import migrations; from aion.store.connection import Store\n"
    "def die(db):\n"
    "    db.execute('CREATE TABLE half (a)'); os.kill(os.getpid(), signal.SIGKILL)\n"
    "migrations.MIGRATIONS = (*migrations.MIGRATIONS[:-1], ('die', die))\n"
    "Store(Path(sys.argv[1]))"
)


def _running(program: str, path: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", program, str(path)], env=environment)


def test_a_kill_in_the_midst_leaves_the_old_file(tmp_path: Path) -> None:
    path = old_store(tmp_path / "aion.db", 1)
    assert _running(_DIE, path).wait() == -signal.SIGKILL
    assert schema_of(path) == 1
    Store(path).close()
    assert (schema_of(path), schema_of(tmp_path / KEPT)) == (len(MIGRATIONS), 1)


def test_processes_that_open_it_at_once_upgrade_it_once(tmp_path: Path) -> None:
    path = old_store(tmp_path / "aion.db", 1)
    assert [process.wait() for process in [_running(_OPEN, path) for _ in range(4)]] == [0, 0, 0, 0]
    assert (schema_of(path), schema_of(tmp_path / KEPT)) == (len(MIGRATIONS), 1)
    with snapshot(path) as db:
        assert db.execute("SELECT count(*) FROM migrations").get == len(MIGRATIONS)


def test_without_room_for_the_copy_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_store(tmp_path / "aion.db", 1)
    with files_up_to(100_000), pytest.raises(StoreError, match=r"before-schema-\d+ could not be written"):
        Store(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, 10, 1, 1, 0, 0, 0, 0, 255)))
        with pytest.raises(StoreError, match=r"has schema 1 .* AION_DB"):
            Store(path)
    assert schema_of(path) == 1
    assert names(tmp_path) == ["aion.db"]


def test_a_damaged_file_is_not_upgraded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = old_store(tmp_path / "aion.db", 1)
    with path.open("r+b") as file:
        file.seek(-60_000, os.SEEK_END)
        file.write(b"\xff" * 60_000)
    before = path.read_bytes()
    with caplog.at_level(logging.WARNING), pytest.raises(StoreError, match=r"is damaged .* left as it was"):
        Store(path)
    assert path.read_bytes() == before
    assert names(tmp_path) == ["aion.db"]
