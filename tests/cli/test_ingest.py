from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from aion.store.connection import Store
from aion.store.documents import Documents
from tests.cli.conftest import Run, command, environment


def test_the_summary_is_json_where_asked(aion: Run, documents: Path) -> None:
    (documents / "copy.md").write_bytes((documents / "full-day.md").read_bytes())
    (documents / "empty.md").write_text("")
    done = aion("ingest", documents, "--json", "--tag", "tours", "--tag", "2026")
    summary = json.loads(done.out)
    assert (done.code, summary["added"], summary["chunks"], summary["duplicates"]) == (1, 3, 3, 1)
    assert [failed["source"] for failed in summary["failed"]] == ["docs/empty.md"]
    with Store(documents.parent / "aion.db") as store, store.read() as db:
        assert db.execute("SELECT count(*) FROM document_tags WHERE is_given").get == 6


def test_files_of_other_kinds_are_told_with_what_helps(aion: Run, documents: Path) -> None:
    for name in ("a.doc", "b.DOC", "c.jpg", "LEIAME", "d.[bold]"):
        (documents / name).write_bytes(b"\xd0\xcf")
    done = aion("ingest", documents)
    assert done.code == 0
    kinds = re.search(r", 5 of unknown kinds \((.*)\) in ", done.out)
    assert kinds is not None
    assert sorted(kinds[1].split(", ")) == ["1 .[bold]", "1 .jpg", "1 without a suffix", "2 .doc"]
    assert done.err == "ignored .doc is an old Word file; save it as .docx.\n"
    assert json.loads(aion("ingest", documents, "--json").out)["ignored_kinds"][".doc"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([""], "A path is empty"), (["docs", "--depth", "1"], "--depth and --pages are for")],
)
def test_what_cannot_be_meant_is_refused(aion: Run, documents: Path, arguments: list[str], said: str) -> None:
    done = aion("ingest", *arguments)
    assert (done.code, said in done.err) == (2, True)
    assert n_documents(documents.parent / "aion.db") == 0


def test_what_is_gone_is_removed_where_asked(aion: Run, documents: Path) -> None:
    aion("ingest", documents)
    (documents / "half-day.txt").unlink()
    assert aion("ingest", documents).out.startswith("0 added, 0 changed, 1 unchanged, 0 failed")
    assert aion("ingest", documents, "--prune").out.startswith(
        "0 added, 0 changed, 1 unchanged, 1 removed, 0 failed"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_ingestion_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(300):
        sections = (f"## Secção {n}.{part}\n\n{'Mais uma frase de texto. ' * 30}" for part in range(4))
        (folder / f"{n:03}.md").write_text("\n\n".join(sections))
    process = subprocess.Popen(
        command("ingest", folder), cwd=tmp_path, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not (n_in := n_documents(tmp_path / "aion.db")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Stopped. What is in stays in; run the same command again to go on." in err
    assert "Traceback" not in err
    after = n_documents(tmp_path / "aion.db")
    assert out.startswith(f"{after} added, ")
    assert 0 < n_in <= after < 300


def n_documents(db: Path) -> int:
    if not db.exists():
        return 0
    with Store(db) as store:
        return Documents(store).count("default")
