"""The paid fallback as a client and an operator meet it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aion.server.services import open_services
from tests.remote.stand_in import StandIn, says, standing_in, status
from tests.server.live import SINTRA, Live, live, settings_in
from tests.server.test_chat import TOUR, stream

USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
UNSURE: dict[str, object] = {"message": TOUR, "tau": 1}


@pytest.fixture(scope="module")
def api() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture(scope="module")
def paying(api: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service that may ask the paid API, of the guide's documents."""
    settings = settings_in(
        tmp_path_factory.mktemp("paying"),
        parallel=1,
        fallback="on",
        fallback_base_url=api.url,
        fallback_api_key="sk-secret",
        fallback_model="stand-in",
        fallback_prices="stand-in=1/2",
        fallback_retries=0,
    )
    with open_services(settings) as services, live(services) as running:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        yield running


def test_what_is_not_trusted_is_paid_for_and_says_so(paying: Live, api: StandIn) -> None:
    api.then(says("Custa 95 € [1].", usage=USAGE))
    before = paying.http.get("/api/budget").json()["day"]
    response = paying.post("/api/ai/chat", UNSURE)
    answer = response.json()
    assert (answer["used"], answer["reason"], answer["model"]) == ("fallback", "low_confidence", "stand-in")
    assert response.headers["X-AION-Used"] == "fallback"
    assert response.headers["X-AION-Reason"] == "low_confidence"
    assert answer["cost"] == pytest.approx(0.00102)
    assert answer["text"].startswith("Custa 95 € [1].\n\nFontes: [1] ")
    after = paying.http.get("/api/budget").json()["day"]
    assert after["calls"] == before["calls"] + 1


def test_the_stream_says_the_same(paying: Live, api: StandIn) -> None:
    api.then(says("Custa ", "95 €", " [1].", usage=USAGE))
    *deltas, (last, answer) = stream(paying, UNSURE)
    assert (last, answer["used"]) == ("answer", "fallback")
    assert "".join(data["text"] for _, data in deltas) == answer["text"]


def test_a_developer_can_force_it(paying: Live, api: StandIn) -> None:
    api.then(says("Sim.", usage=USAGE))
    answer = paying.post("/api/ai/chat", {"message": TOUR, "tau": 0, "forceFallback": True}).json()
    assert (answer["used"], answer["reason"]) == ("fallback", "forced")


def test_the_documents_model_pays_under_the_same_rules(paying: Live, api: StandIn) -> None:
    api.then(says("Custa 95 € [1].", usage=USAGE))
    messages = [{"role": "user", "content": TOUR}]
    made = paying.post(
        "/v1/chat/completions", {"model": "aion-rag", "messages": messages, "aion": {"tau": 1}}
    )
    assert made.json()["aion"]["used"] == "fallback"
    assert made.json()["choices"][0]["message"]["content"].startswith("Custa 95 € [1].")


def test_the_key_is_in_no_answer_and_a_refused_one_names_its_setting(paying: Live, api: StandIn) -> None:
    api.then(status(401, {"error": {"message": "Incorrect API key provided: sk-secret"}}))
    response = paying.post("/api/ai/chat", UNSURE)
    assert response.json()["reason"] == "fallback_error"
    event = paying.http.get(f"/api/events/{response.json()['event_id']}")
    assert "AION_FALLBACK_API_KEY" in event.text
    for text in (response.text, event.text, paying.http.get("/health").text):
        assert "sk-secret" not in text


def test_a_fallback_that_lacks_something_says_what(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_in(tmp_path_factory.mktemp("lacking"), parallel=1, fallback="on")
    with open_services(settings) as services, live(services) as server:
        assert "AION_FALLBACK_API_KEY" in server.http.get("/health").json()["notice"]
        assert server.post("/api/ai/chat", UNSURE).json()["reason"] == "fallback_error"
