"""What the port answers before there is an app behind it, and when there is none any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from aion.server.app import create_app
from aion.server.lifecycle.front import Front
from aion.server.lifecycle.start import Start
from tests.server.live import DEADLINE_S, Live, serving_app, settings_in


@dataclass(frozen=True)
class Loading:
    front: Front
    start: Start
    http: httpx.Client


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[Loading]:
    start = Start()
    front = Front(settings_in(tmp_path, base_model="owner/big"), start)
    with serving_app(front) as url, httpx.Client(base_url=url, timeout=DEADLINE_S) as http:
        yield Loading(front, start, http)


def test_health_says_that_it_loads_and_how_far_it_is(loading: Loading) -> None:
    answer = loading.http.get("/health")
    health = answer.json()
    assert (answer.status_code, health["status"]) == (200, "loading")
    assert (health["base_model"], health["adapter_loaded"]) == ("owner/big", False)
    assert (health["stage"], health["progress"]) == ("program", None)
    loading.start.converting("blk.0", 3, 40)
    health = loading.http.get("/health").json()
    assert (health["stage"], health["progress"]) == ("conversion", {"what": "blk.0", "done": 3, "total": 40})
    loading.start.enter("documents")
    assert loading.http.get("/health").json()["progress"] is None


def test_health_does_not_say_where_files_lie(tmp_path: Path) -> None:
    front = Front(settings_in(tmp_path, base_model=str(tmp_path / "own.gguf")), Start())
    with serving_app(front) as url:
        assert httpx.get(f"{url}/health").json()["base_model"] == "own.gguf"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/ready"), ("POST", "/api/ai/chat"), ("GET", "/v1/models"), ("POST", "/health")],
)
def test_all_else_is_told_to_come_back(loading: Loading, method: str, path: str) -> None:
    answer = loading.http.request(method, path, json={"message": "Olá"} if method == "POST" else None)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["error"]["type"] == "overloaded_error"
    assert answer.headers["x-request-id"]


def test_the_page_waits_with_its_own_files_only(loading: Loading) -> None:
    page = loading.http.get("/")
    assert (page.status_code, page.headers["retry-after"]) == (503, "2")
    assert "carregando" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for file in ("waiting.js", "style.css", "icon.svg"):
        assert f"panel/{file}" in page.text
        assert loading.http.get(f"/panel/{file}").status_code == 200
    assert loading.http.get("/panel/index.html").status_code == 503
    assert loading.http.get("/panel/..%2f..%2fapp.py").status_code == 503


def test_a_name_that_is_not_its_own_gets_nothing(loading: Loading) -> None:
    answer = loading.http.get("/health", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (421, "Host")


def test_a_start_that_failed_says_why(loading: Loading) -> None:
    loading.start.failure = "The model file x.gguf does not exist."
    health = loading.http.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "failed")
    assert health.json()["failure"] == loading.start.failure
    assert loading.http.get("/ready").json()["error"]["message"] == loading.start.failure


def test_the_app_takes_over_and_a_stop_closes_it(loading: Loading, desk: Live) -> None:
    loading.front.hand_over(create_app(desk.services))
    assert loading.http.get("/ready").json() == {"status": "ready"}
    assert loading.http.get("/health").json()["status"] == "ok"
    assert loading.http.get("/").status_code == 200
    loading.front.stop()
    refused = loading.http.get("/ready")
    assert (refused.status_code, refused.json()["error"]["type"]) == (503, "overloaded_error")
    assert loading.http.post("/generate", json={"prompt": "Olá"}).status_code == 503
    assert loading.http.get("/health").json()["status"] == "ok"
