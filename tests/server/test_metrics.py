"""The log in figures, over a real server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.events.logged import Log, passage
from tests.server.live import Live

DAYS = "from=2026-03-09&to=2026-03-11"


@pytest.fixture(scope="module")
def logged(_desk: Live) -> Live:
    """Three answers and what was said of them in March 2026."""
    log = Log(_desk.services.library.store, _desk.services.settings.tenant)
    first = log.answer("2026-03-09T23:30:00.000Z", passages=[passage(1, score=0.95), passage(2, 2, 0.5)])
    log.answer(C=0.3, reason="low_confidence", source="fallback", n_completion=30)
    log.answer(C=0.2, reason="over_budget", tau=0.5)
    log.paid()
    log.feedback(first, thumb="up", passages=[{"n": 2, "relevant": True}, {"n": 1, "relevant": False}])
    return _desk


def get(live: Live, path: str) -> Any:
    response = live.http.get(f"/api/metrics/{path}")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_question_is_in_the_figures_of_today(sintra: Live) -> None:
    before = get(sintra, "summary")["questions"]
    assert sintra.post("/api/ai/chat", {"message": "Quanto custa o tour full-day?"}).status_code == 200
    after = get(sintra, "summary")
    assert after["questions"] == before + 1
    latency = after["latency_ms"]
    assert isinstance(latency, dict)
    assert all(found["p50"] > 0 for found in latency.values())


def test_the_summary_of_a_period(logged: Live) -> None:
    found = get(logged, f"summary?{DAYS}&k=1")
    assert (found["from"], found["to"], found["tz"]) == ("2026-03-09", "2026-03-11", "UTC")
    assert {name: found[name] for name in ("questions", "local", "fallback", "declined")} == {
        "questions": 3, "local": 1, "fallback": 1, "declined": 1,
    }  # fmt: skip
    assert (found["fallback_share"], found["tau_fallback"]) == (0.6667, 0.18)
    assert found["ndcg"] == {"k": 1, "value": 0.0, "answers": 1, "unclear": 0, "tau": 0.82}
    assert found["paid"] == {"calls": 1, "failed": 0, "cost": 0.0015, "tokens_in": 90, "tokens_out": 12}
    assert found["tokens"] == {"prompt": 150, "completion": 50, "per_s": 100.0}


def test_confidence_latency_and_days(logged: Live) -> None:
    confidence = get(logged, f"confidence?{DAYS}")
    (method,) = confidence["methods"]
    assert (method["method"], sum(method["bins"]), sum(method["local"])) == ("calibrated", 3, 1)
    assert confidence["taus"] == [{"tau": 0.62, "answers": 2}, {"tau": 0.5, "answers": 1}]
    stages = get(logged, f"latency?{DAYS}")["latency_ms"]
    assert stages["local"]["total"] == {"answers": 1, "p50": 110.0, "p95": 110.0}
    days = get(logged, f"questions?{DAYS}&tz=Europe/Madrid")["days"]
    assert [day["questions"] for day in days] == [0, 3, 0]


def test_the_heat_map(logged: Live) -> None:
    found = get(logged, f"heatmap?{DAYS}&limit=1")
    assert found["days"] == ["2026-03-09", "2026-03-10", "2026-03-11"]
    assert found["documents"] == [
        {"source": "d1.md", "passages": 7, "mean_score": 0.5643, "by_day": [1, 6, 0]}
    ]
    assert (found["n_documents"], found["others_by_day"]) == (2, [1, 0, 0])
    ranks = found["ranks"]
    assert isinstance(ranks, list)
    assert (ranks[0][9], [sum(row) for row in ranks]) == (1, [3, 3, 2])


@pytest.mark.parametrize("name", ["summary", "confidence", "latency", "questions", "heatmap"])
@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=2026-13-01", "from"),
        ("to=tomorrow", "to"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("tz=Lisboa", "tz"),
        ("form=2026-03-01", "form"),
    ],
)
def test_what_is_wrong_is_named(desk: Live, name: str, query: str, param: str) -> None:
    response = desk.http.get(f"/api/metrics/{name}?{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(("query", "param"), [("summary?k=0", "k"), ("heatmap?limit=9999", "limit")])
def test_numbers_have_their_limits(desk: Live, query: str, param: str) -> None:
    response = desk.http.get(f"/api/metrics/{query}")
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_another_tenant_must_have_documents(desk: Live) -> None:
    response = desk.http.get("/api/metrics/summary?tenant=nobody")
    assert (response.status_code, response.json()["error"]["param"]) == (404, "tenant")
