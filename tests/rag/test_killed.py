"""Ingestions that end without a word, and several at once: all is in once, whole, or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aion.store.connection import Store
from aion.store.documents import Documents
from aion.store.lexical import Lexical
from tests.store.rows import ids_by_table

N_FILES, N_CHUNKS = 40, 10
ROOT = Path(__file__).parents[2]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Files whose sections differ, but for the last, which all have."""
    folder = tmp_path / "muitos"
    folder.mkdir()
    for n in range(N_FILES):
        own = [f"## Secção {n}.{part}\n\nTexto {part} do ficheiro {n}." for part in range(N_CHUNKS - 1)]
        text = "\n\n".join(["# Guia", *own, "## Contacto\n\nTelefone 21 000 00 00."])
        (folder / f"{n:02}.md").write_text(text)
    return folder


def start(db: Path, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.rag.ingesting", str(db), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def read_to_line(process: subprocess.Popen[str], n: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"{n} "):
            return
    raise AssertionError(f"ended before document {n}")


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    summary: dict[str, Any] = json.loads(out.splitlines()[-1])
    return summary


def is_whole(db: Path) -> int:
    """How many documents are in; each of them with all its chunks, each text once."""
    with Store(db) as store:
        rows = Documents(store).list("t")
        assert all(row.n_chunks == N_CHUNKS for row in rows)
        assert len({row.source for row in rows}) == len(rows)
        if rows:
            _, stems, vectors = ids_by_table(store)
            assert stems == vectors
            assert len(stems) == len(rows) * (N_CHUNKS - 1) + 1
            assert len(Lexical(store).search("t", ["telefon"], 50)) == 1
        return len(rows)


def test_a_killed_ingestion_goes_on(tmp_path: Path, many: Path) -> None:
    db = tmp_path / "aion.db"
    n_before = 0
    for n in (3, 17, 29):
        process = start(db, many)
        read_to_line(process, n)
        process.kill()
        process.communicate()
        n_in = is_whole(db)
        assert n_before <= n_in < N_FILES
        n_before = n_in
    assert n_before > 0
    summary = finish(start(db, many))
    assert (summary["added"], summary["unchanged"]) == (N_FILES - n_before, n_before)
    assert is_whole(db) == N_FILES


def test_two_ingestions_at_once_store_everything_once(tmp_path: Path, many: Path) -> None:
    db = tmp_path / "aion.db"
    summaries = [finish(process) for process in [start(db, many) for _ in range(2)]]
    assert sum(summary["added"] for summary in summaries) == N_FILES
    assert sum(summary["unchanged"] for summary in summaries) == N_FILES
    assert [summary["failed"] for summary in summaries] == [[], []]
    assert is_whole(db) == N_FILES
