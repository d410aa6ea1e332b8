"""`aion serve` from its start to its end by a signal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run, command, environment
from tests.server.checkpoints import write_checkpoint
from tests.server.live import wait_until


@contextlib.contextmanager
def served(folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `aion serve` and the address it logged; killed at the end if it still lives."""
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command("serve", "--port", "0"), cwd=folder, env=environment(**more), text=True,
            stdout=log, stderr=log,
        )  # fmt: skip
    found: list[str] = []

    def has_address() -> bool:
        found.extend(re.findall(r"answers at (http://\S+) with", (folder / "log.txt").read_text()))
        return bool(found) or process.poll() is not None

    try:
        wait_until(has_address, "aion serve to be ready")
        assert found, (folder / "log.txt").read_text()
        yield process, found[0]
    finally:
        process.kill()
        process.wait()


def logged(folder: Path) -> list[str]:
    """The messages of the log, each line of which is a JSON object."""
    return [json.loads(line)["message"] for line in (folder / "log.txt").read_text().splitlines()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
    return port


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url).status_code == 200
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_well_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path) as (process, url):
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
    messages = logged(tmp_path)
    assert any("the small embedded model answers" in each for each in messages)
    assert any(each.startswith("There is no key") and "aion keys add" in each for each in messages)
    assert messages[-1] == "Stopping; answers under way have 10 s."
    assert "Traceback" not in (tmp_path / "log.txt").read_text()
    assert not (tmp_path / "aion.db-wal").exists()


def test_an_open_address_is_refused_until_there_is_a_key(aion: Run) -> None:
    ended = aion("serve", "--port", "0", AION_HOST="0.0.0.0")
    assert (ended.code, ended.out) == (1, "")
    assert "`aion keys add NAME`" in ended.err
    assert "AION_ALLOW_ANONYMOUS=true" in ended.err


def test_a_model_that_is_not_there_ends_the_start(aion: Run) -> None:
    ended = aion("serve", "--port", "0", AION_BASE_MODEL="nowhere.gguf")
    assert (ended.code, ended.out) == (1, "")
    last = json.loads(ended.err.splitlines()[-1])
    assert (last["level"], last["message"]) == (
        "critical",
        "The model file nowhere.gguf does not exist; correct AION_BASE_MODEL, or leave it empty.",
    )


def test_a_line_of_the_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AION_CTX=512\nthis is no setting\n")
    with served(tmp_path):
        pass
    assert [each for each in logged(tmp_path) if "line 2" in each or "dotenv" in each] == [
        ".env line 2 cannot be read; write NAME=VALUE."
    ]


def test_it_serves_with_its_streams_closed(tmp_path: Path) -> None:
    """What a socket would be given their numbers gets what is printed."""
    shut = "import os, sys; [os.close(n) for n in range(3)]; os.execv(sys.argv[1], sys.argv[1:])"
    port = free_port()
    serve = command("serve", "--port", str(port))
    process = subprocess.Popen([sys.executable, "-c", shut, *serve], cwd=tmp_path, env=environment())
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: process.poll() is not None or answers(f"{url}/ready"), "aion serve to be ready")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def test_a_person_is_shown_how_to_ask(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            command("serve", "--port", "0"), cwd=tmp_path, env=environment(), stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        try:
            seen = b""
            while b"Ctrl-C ends it." not in seen:
                seen += terminal.read(4096)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
    assert "/api/ai/chat" in seen.decode()


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
        assert sum("Converting tiny, once" in each for each in logged(tmp_path)) == n_conversions
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["tiny-Q4_K_M.gguf"]
