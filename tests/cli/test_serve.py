"""`aion serve` from its start to its end by a signal."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run, command, environment
from tests.server.checkpoints import write_checkpoint


@contextlib.contextmanager
def served(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `aion serve` and the address it printed; killed at the end if it still lives."""
    with (folder / "stderr.txt").open("w") as complaints:
        process = subprocess.Popen(
            command("serve", "--port", "0"), cwd=folder, env=environment(**more), text=True,
            stdout=subprocess.PIPE, stderr=complaints,
        )  # fmt: skip
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        found = re.search(r"answers at (http://\S+) with", process.stdout.readline())
        assert found, (folder / "stderr.txt").read_text()
        yield process, found[1]
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_well_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path) as (process, url):
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        # Not `communicate`, which would lose what `readline` has already taken from the pipe.
        assert process.stdout is not None
        out, err = process.stdout.read(), (tmp_path / "stderr.txt").read_text()
    assert f"curl -s {url}/api/ai/chat" in out
    assert "the small embedded model answers" in err
    assert "Traceback" not in err
    assert not (tmp_path / "aion.db-wal").exists()


def test_it_listens_on_this_machine_only_unless_told(tmp_path: Path) -> None:
    with served(tmp_path, AION_HOST="0.0.0.0") as (_, url):
        assert url.startswith("http://127.0.0.1:")


def test_settings_come_from_a_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AION_CTX=512\nAION_DB=other.db\nUNRELATED=1\n")
    with served(tmp_path) as (_, url):
        assert httpx.get(f"{url}/health").json()["n_ctx"] == 512
    assert (tmp_path / "other.db").exists()


def test_a_checkpoint_folder_is_converted_once_and_answers(
    tmp_path: Path, aion: Run, documents: Path
) -> None:
    write_checkpoint(tmp_path / "tiny")
    assert aion("ingest", documents).code == 0
    body = {"message": "Quanto dura o tour full-day?", "tau": 0, "seed": 1}
    for n_conversions in (1, 0):
        with served(tmp_path, AION_BASE_MODEL="tiny", AION_MAX_NEW_TOKENS="8") as (_, url):
            answer = httpx.post(f"{url}/api/ai/chat", json=body, timeout=60).json()
            health = httpx.get(f"{url}/health").json()
        assert (answer["used"], answer["model"]) == ("local", "tiny")
        assert (health["base_model"], health["embedded_model"], health["notice"]) == ("tiny", False, "")
        assert (tmp_path / "stderr.txt").read_text().count("Converting tiny, once") == n_conversions
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny-Q4_K_M.gguf"]
