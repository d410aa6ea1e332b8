"""A whole life of `aion serve`: loading, readiness, settings read again, and every kind of end."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from aion.server.lifecycle.front import Front
from aion.server.lifecycle.start import Start
from aion.server.lifecycle.stopping import StoppableServer
from aion.server.wire.uvicorn_config import limits_of
from tests.server.lifecycle.process import Served, started, supervisor
from tests.server.live import DEADLINE_S, settings_in, wait_until

ENDLESS = 3000  # tokens: more than any test waits for


def asked(n_tokens: int, **more: object) -> dict[str, object]:
    said = [{"role": "user", "content": "Conte tudo sobre Sintra"}]
    return {"messages": said, "max_tokens": n_tokens, "min_tokens": n_tokens, **more}


class Asking(threading.Thread):
    """A client that waits for its answer, or reads its stream to the end."""

    def __init__(self, served: Served, body: dict[str, object]) -> None:
        super().__init__()
        self._served, self._body = served, body
        self.has_begun = threading.Event()
        self.status = 0
        self.headers = httpx.Headers()
        self.lines: list[str] = []
        self.start()

    def run(self) -> None:
        url = f"{self._served.url}/v1/chat/completions"
        with httpx.stream("POST", url, json=self._body, timeout=DEADLINE_S) as response:
            self.status, self.headers = response.status_code, response.headers
            for line in response.iter_lines():
                self.has_begun.set()
                if line:
                    self.lines.append(line.removeprefix("data: "))

    def last(self) -> Any:
        """What came before the end, as JSON."""
        self.join(DEADLINE_S)
        lines = self.lines[:-1] if self.lines[-1] == "[DONE]" else self.lines
        return json.loads(lines[-1])


def n_waiting(served: Served) -> int:
    return int(httpx.get(f"{served.url}/health", timeout=DEADLINE_S).json()["n_waiting"])


def test_it_answers_loads_rereads_its_settings_and_ends(tmp_path: Path) -> None:
    name = "aion.empresa.example"
    with (
        supervisor(tmp_path / "notify") as told,
        started(tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"), AION_PROT="1") as served,
    ):
        served.wait_ready()
        assert httpx.get(f"{served.url}/ready").json() == {"status": "ready"}
        assert httpx.get(f"{served.url}/health").json()["status"] == "ok"
        assert "AION_PROT (environment) is no setting of AION; did you mean AION_PORT?" in served.log
        wait_until(lambda: any("READY=1" in each for each in told), "readiness to be told")
        assert any(each.startswith("STATUS=Loading") and "EXTEND_TIMEOUT_USEC=" in each for each in told)
        n_told = len(told)

        assert served.status("/health", Host=name) == 421
        (tmp_path / ".env").write_text(f"AION_ALLOWED_HOSTS={name}\nAION_CTX=512\n")
        served.process.send_signal(signal.SIGHUP)
        wait_until(lambda: served.status("/health", Host=name) == 200, "the new host to be taken over")
        served.wait_log("Changed: AION_ALLOWED_HOSTS. Waiting for a restart: AION_CTX.")
        wait_until(lambda: len(told) >= n_told + 2, "the reload to be told")
        assert told[n_told].startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert told[n_told + 1].startswith("READY=1")

        (tmp_path / ".env").write_text(f"AION_ALLOWED_HOSTS={name}\nAION_TAU_CONFIDENCE=7\n")
        served.process.send_signal(signal.SIGHUP)
        served.wait_log("The settings stay as they were: AION_TAU_CONFIDENCE='7' cannot be used")
        assert served.status("/ready", Host=name) == 200

        served.process.send_signal(signal.SIGTERM)
        assert served.ended() == 0
        wait_until(lambda: told[-1].startswith("STOPPING=1"), "the end to be told")
        assert "Traceback" not in served.log
        assert not (tmp_path / "aion.db-wal").exists()


def test_at_a_stop_answers_end_in_time_or_with_an_error(tmp_path: Path) -> None:
    with started(tmp_path, AION_GRACE_S="1", AION_PARALLEL="4") as served:
        served.wait_ready()
        short = Asking(served, asked(20, stream=True))
        streams = [Asking(served, asked(ENDLESS, stream=True)) for _ in range(3)]
        for each in (short, *streams):
            assert each.has_begun.wait(DEADLINE_S)
        plain = [Asking(served, asked(ENDLESS)) for _ in range(4)]  # most of them wait for their turn
        wait_until(lambda: n_waiting(served) >= 3, "requests to wait")
        served.process.send_signal(signal.SIGTERM)
        wait_until(lambda: served.status("/ready") != 200, "nobody to be sent here any more")
        assert served.ended() == 0
        assert short.last()["choices"][0]["finish_reason"] == "length"
        for stream in streams:
            assert "shutting down" in stream.last()["error"]["message"]
            assert stream.lines[-1] == "[DONE]"
        for one in plain:
            assert one.last()["error"]["type"] == "overloaded_error"
            assert (one.status, one.headers["retry-after"]) == (503, "5")
        assert "Traceback" not in served.log
        assert not (tmp_path / "aion.db-wal").exists()


def test_a_second_signal_waits_for_nobody(tmp_path: Path) -> None:
    with started(tmp_path, AION_GRACE_S="600") as served:
        served.wait_ready()
        stream = Asking(served, asked(ENDLESS, stream=True))
        assert stream.has_begun.wait(DEADLINE_S)
        served.process.send_signal(signal.SIGINT)
        wait_until(lambda: served.status("/ready") != 200, "the stop to begin")
        served.process.send_signal(signal.SIGTERM)
        assert served.ended() in (0, 128 + signal.SIGTERM)
        assert "shutting down" in stream.last()["error"]["message"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_ended_while_it_loads(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as served:
        served.process.send_signal(number)
        assert served.ended() == 0
        assert "Traceback" not in served.log


def test_a_closed_terminal_ends_it_and_is_no_reload(tmp_path: Path) -> None:
    """SIGHUP means both; only whether the terminal is still there tells them apart."""
    ours, theirs = os.openpty()
    with started(tmp_path, terminal=theirs) as served:
        os.close(theirs)
        served.wait_ready()
        served.process.send_signal(signal.SIGHUP)
        served.wait_log("Settings read again. Nothing has changed.")
        os.close(ours)
        assert served.ended() == 0


def test_under_nohup_it_outlives_its_terminal(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with started(tmp_path, terminal=theirs, UNDER_NOHUP="1") as served:
        os.close(theirs)
        served.wait_ready()
        os.close(ours)
        served.wait_log("Settings read again. Nothing has changed.")
        assert served.status("/ready") == 200


def test_a_signal_before_the_loop_runs_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None: ...

    settings = settings_in(tmp_path)
    server = StoppableServer(
        Front(settings, Start()), limits_of(settings), started=nothing, stopping=nothing, grace_s=lambda: 0.0
    )
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_: signal.raise_signal(signal.SIGTERM))
    server.run()
    assert server.should_exit
