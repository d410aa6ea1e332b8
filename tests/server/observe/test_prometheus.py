"""`GET /metrics`: valid, exact, the same size whatever is asked, and there when the engine is busy."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from aion import __version__
from aion.server.observe.figures import Figures
from aion.server.services import open_services
from tests.server.access.keyed import keyed_server
from tests.server.live import Live, Narrow, live, settings_in, wait_until

PRICE = {"message": "Quanto custa o tour half-day?", "tau": 0.0}
NOTHING = {"message": "Qual é a capital da Mongólia?", "tau": 1.0}
DOCUMENT = "O tour half-day dura quatro horas e custa 55 €."


class Scrape:
    """The values of one look, by name and labels."""

    def __init__(self, text: str) -> None:
        self.families: list[Metric] = list(parse(text))
        self.values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.values[name, frozenset(labels.items())]


def scrape(running: Live) -> Scrape:
    response = running.http.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scrape(response.text)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that was asked nothing yet, with one document."""
    settings = settings_in(tmp_path_factory.mktemp("figures"), kept_prefixes=8)
    with open_services(settings) as services, live(services) as running:
        added = running.post("/api/documents", {"source": "tour.md", "text": DOCUMENT})
        assert added.status_code < 300, added.text
        yield running


def test_figures_after_known_traffic_are_exact(fresh: Live) -> None:
    answers = [fresh.post("/api/ai/chat", body).json() for body in (PRICE, PRICE, NOTHING)]
    local = [answer for answer in answers if answer["reason"] == "confident"]
    assert (len(local), answers[2]["reason"]) == (2, "low_confidence")
    streamed = fresh.post("/api/ai/chat", PRICE | {"stream": True}).text
    local.append(json.loads(streamed.rsplit("data: ", 1)[1]))
    written = fresh.post(
        "/v1/completions", {"prompt": "Olá", "max_tokens": 3, "n": 2, "ignore_eos": True}
    ).json()
    fresh.post("/generate", {})
    found = scrape(fresh)
    assert found("aion_requests_total", route="/api/ai/chat", method="POST", status="200") == 4
    assert found("aion_requests_total", route="/generate", method="POST", status="400") == 1
    assert found("aion_request_duration_seconds_count", route="/api/ai/chat") == 4
    assert found("aion_first_token_seconds_count", route="/api/ai/chat") == 1
    assert found("aion_requests_in_progress") == 1
    assert found("aion_answers_total", used="local", reason="confident") == 3
    assert found("aion_answers_total", used="local", reason="low_confidence") == 1
    assert found("aion_answer_confidence_count") == 4
    assert found("aion_answer_stage_seconds_count", stage="retrieval") == 4
    assert found("aion_answer_stage_seconds_count", stage="generation") == 3
    n_prompt = sum(answer["usage"]["prompt_tokens"] for answer in local)
    n_completion = sum(answer["usage"]["completion_tokens"] for answer in local)
    assert found("aion_prompt_tokens_total", route="/api/ai/chat") == n_prompt > 0
    assert found("aion_completion_tokens_total", route="/api/ai/chat") == n_completion > 0
    one_prompt = written["usage"]["prompt_tokens"]
    assert found("aion_prompt_tokens_total", route="/v1/completions") == one_prompt
    assert (
        found("aion_completion_tokens_total", route="/v1/completions")
        == (written["usage"]["completion_tokens"])
    )
    assert found("aion_engine_prompt_tokens_total") == n_prompt + 2 * one_prompt
    cached = sum(answer["usage"]["cached_tokens"] for answer in local)
    assert found("aion_prefix_cache_reused_tokens_total") >= cached > 0
    assert 0 < found("aion_prefix_cache_hits_total") < found("aion_engine_admitted_total") == 5


def test_the_engine_is_at_rest_between_requests(fresh: Live) -> None:
    fresh.post("/generate", {"prompt": "Olá", "max_new_tokens": 2})
    found = scrape(fresh)
    assert (found("aion_engine_running"), found("aion_engine_waiting")) == (0, 0)
    assert found("aion_kv_cells_used") == 0
    assert found("aion_kv_cells_capacity") > 0
    assert found("aion_engine_failed") == 0
    steps = found("aion_engine_step_sequences_count")
    assert found("aion_engine_step_sequences_bucket", le="+Inf") == steps > 0
    assert found("aion_engine_step_sequences_sum") >= steps
    assert found("aion_engine_computed_tokens_total") >= steps
    assert found("aion_engine_compute_seconds_total") > 0


def test_what_serves_and_what_is_stored(fresh: Live) -> None:
    found = scrape(fresh)
    (build,) = [family for family in found.families if family.name == "aion_build_info"]
    assert build.samples[0].labels["version"] == __version__
    assert found("aion_documents", tenant="default") == found("aion_chunks", tenant="default") == 1
    assert found("aion_embedding_texts") == found("aion_embedding_texts_done") == 1
    assert found("aion_budget_left_micros", tenant="default", period="day") == 1_000_000
    assert found("aion_budget_left_calls", tenant="default", period="month") == 500
    assert found("aion_fallback_cost_micros_total") == 0
    assert found("aion_event_log_behind_seconds") == found("aion_event_log_lost_total") == 0
    assert found("aion_store_up") == 1
    assert found("process_open_fds") > 0


def test_openmetrics_comes_where_it_is_asked_for(fresh: Live) -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    response = fresh.http.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in parse_openmetrics(response.text)}  # type: ignore[no-untyped-call]
    assert {"aion_requests", "aion_build", "aion_engine_step_sequences", "aion_kv_cells_used"} <= names


def test_names_follow_the_rules(fresh: Live) -> None:
    for family in scrape(fresh).families:
        assert family.documentation, family.name
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total"), sample.name
            assert not sample.name.endswith(("_ms", "_created")), sample.name


def test_what_clients_write_makes_no_series(fresh: Live) -> None:
    fresh.http.get("/nothing/here")
    fresh.http.request("GET", "/api/documents/1")
    fresh.http.request("LOCK", "/nothing/here")
    fresh.http.get("/panel/none.js")
    before = scrape(fresh).values.keys()
    for n in range(100):
        fresh.http.get(f"/nothing/{n}/ana@example.com")
        fresh.http.get(f"/api/documents/{n + 1000}")
        fresh.http.request("LOCK" if n % 2 else "PROPFIND", f"/{n}")
        fresh.http.get(f"/panel/{n}.js")
        fresh.http.get(f"/panel/../{n}")
    after = scrape(fresh)
    ours = {key for key in after.values.keys() - before if key[0].startswith("aion_")}
    assert {name for name, _ in ours} <= {"aion_request_duration_seconds_bucket"} | {
        f"aion_request_duration_seconds_{part}" for part in ("count", "sum")
    } | {"aion_requests_total"}
    assert len(ours) < 25  # of /metrics itself, which had not been asked before
    assert after("aion_requests_total", route="/panel/*", method="GET", status="404") == 101


def test_a_busy_engine_holds_nobody_up(endless: Narrow) -> None:
    engine, body = endless.engine, {"prompt": "Olá", "max_new_tokens": 500}
    endless.tap.shut()
    n_before = engine.status().n_tokens
    with contextlib.closing(endless.connect("/generate", body)):
        endless.tap.step_until(lambda: engine.status().n_tokens > n_before, "a token")
        with contextlib.closing(endless.connect("/generate", body)):
            wait_until(lambda: engine.status().n_pending == 2, "two sequences")
            found = scrape(endless)
            assert (found("aion_engine_running"), found("aion_engine_waiting")) == (1, 1)
            assert found("aion_kv_cells_used") > 0
            assert found("aion_requests_in_progress") == 3


def test_it_takes_a_role(tmp_path: Path) -> None:
    with open_services(settings_in(tmp_path)) as services, keyed_server(services) as running:
        chat, metrics = running.key("chat"), running.key("metrics")
        statuses = [running.ask("GET", "/metrics", key).status_code for key in (None, chat, metrics)]
        assert statuses == [401, 403, 200]


def test_a_store_that_cannot_be_read_hides_no_other_figure(tmp_path: Path) -> None:
    with open_services(settings_in(tmp_path)) as services:
        registry = Figures(lambda: services).registry
        services.library.store.close()
        found = Scrape(generate_latest(registry).decode())
    assert found("aion_store_up") == 0
    assert found("aion_engine_running") == 0
    assert not [family for family in found.families if family.name == "aion_documents"]


def test_the_page_for_operators_names_figures_that_there_are(fresh: Live) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operate.md").read_text()
    text = fresh.http.get("/metrics").text
    there = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) | {key[0] for key in scrape(fresh).values}
    named = set(re.findall(r"\baion_[a-z_]+[a-z]\b", page))
    assert len(named) > 35
    assert {name.removesuffix("_bucket") for name in named} <= there
    assert {name for name in there if name.startswith("aion_") and "aion_" in name} - named <= {
        f"{name}_{part}" for name in there for part in ("bucket", "sum", "count")
    }
