"""`aion serve` with AION_WATCH_DIR keeps a folder ingested and says so in /health."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.cli.test_serve import served
from tests.server.live import wait_until


def test_a_watched_folder_is_kept_while_it_serves(tmp_path: Path, documents: Path) -> None:
    with served(tmp_path, AION_WATCH_DIR=str(documents)) as (process, url):

        def watch() -> dict[str, object]:
            found: dict[str, object] = httpx.get(f"{url}/health").json()["watch"]
            return found

        wait_until(lambda: watch()["n_documents"] == 2, "the folder to be taken in")
        assert (watch()["folder"], watch()["problem"], watch()["failures"]) == (str(documents), "", [])
        (documents / "full-day.md").unlink()
        (documents / "mau.docx").write_bytes(b"PK\x03\x04")
        wait_until(lambda: watch()["n_failures"] == 1, "the failure")
        wait_until(lambda: httpx.get(f"{url}/health").json()["n_documents"] == 1, "the document to go")
        process.terminate()
        assert process.wait(timeout=60) == 0
    err = (tmp_path / "log.txt").read_text()
    assert f"Keeping {documents} ingested; " in err
    assert "mau.docx" in err
    assert "Traceback" not in err
