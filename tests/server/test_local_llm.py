"""`AION_LOCAL_LLM_URL`: the local answers come from another server, here another AION."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aion.errors import SettingsError
from aion.server.local_llm import elsewhere
from aion.server.services import open_services
from aion.settings import load_settings
from tests.remote.stand_in import StandIn, says, standing_in
from tests.server.live import SINTRA, Live, live, settings_in
from tests.server.test_chat import TOUR, stream

ASK: dict[str, object] = {"message": TOUR, "tau": 0}


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with standing_in() as running:
        yield running


@pytest.fixture(scope="module")
def front(server: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service that has the documents and lets `server` write."""
    settings = settings_in(tmp_path_factory.mktemp("front"), parallel=1, local_llm_url=server.url)
    with open_services(settings) as services, live(services) as running:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        yield running


def test_the_other_server_writes_under_the_same_rules(front: Live, server: StandIn) -> None:
    server.then(says("Custa 95 € [1]", " e não [99]."))
    before = front.services.engine.status().n_tokens
    answer = front.post("/api/ai/chat", ASK).json()
    assert (answer["used"], answer["reason"], answer["model"]) == ("local", "confident", "stand-in")
    assert answer["text"].startswith("Custa 95 € [1] e não.\n\nFontes: [1] sintra/")
    assert front.services.engine.status().n_tokens == before
    *deltas, (last, streamed) = stream(front, ASK)
    assert (last, "".join(data["text"] for _, data in deltas)) == ("answer", streamed["text"])


def test_it_is_told_by_health(front: Live, server: StandIn) -> None:
    assert front.http.get("/health").json()["local_llm"] == {"url": server.url, "model": "stand-in"}


def test_what_it_is_not_trusted_with_it_is_not_asked(front: Live, server: StandIn) -> None:
    n_asked = len(server.completions)
    assert front.post("/api/ai/chat", {"message": TOUR, "tau": 1}).json()["reason"] == "low_confidence"
    assert len(server.completions) == n_asked


def test_another_aion_will_do(sintra: Live, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_in(tmp_path_factory.mktemp("two"), parallel=1, local_llm_url=sintra.url)
    with open_services(settings) as services, live(services) as running:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        answer = running.post("/api/ai/chat", {**ASK, "seed": 3}).json()
    assert (answer["used"], answer["reason"]) == ("local", "confident")
    assert answer["model"] == sintra.services.generator.model_name
    assert answer["usage"]["completion_tokens"] > 0


def test_one_that_is_gone_is_a_refusal(tmp_path_factory: pytest.TempPathFactory) -> None:
    with standing_in() as gone:
        url = gone.url
    settings = settings_in(tmp_path_factory.mktemp("gone"), parallel=1, local_llm_url=url)
    with open_services(settings) as services, live(services) as running:
        services.library.ingester.ingest([SINTRA], settings.tenant)
        answer = running.post("/api/ai/chat", ASK).json()
    assert (answer["used"], answer["reason"]) == ("local", "local_error")
    assert answer["text"].startswith("O modelo local falhou")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8008", "http://LOCALHOST.:8008/v1/", "http://127.1:8008", "http://0.0.0.0:8008",
        "http://[::ffff:127.0.0.1]:8008", "http://aion.localhost:8008", "http://127.0.0.1:08008",
    ],
)  # fmt: skip
def test_its_own_address_is_nowhere_else(url: str) -> None:
    assert elsewhere(load_settings(local_llm_url=url, port=8008)) is None
    assert elsewhere(load_settings(local_llm_url=url, port=8009)) is not None


PAID = "https://paid.example/v1"


@pytest.mark.parametrize("fallback", ["off", "on"])
@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com", "https://API.openai.com.:443/v1", "https://eu.api.openai.com/v1",
        PAID, "https://Paid.Example:443/v1/", "https://paid.example.", "http://paid.example:443",
    ],
)  # fmt: skip
def test_a_paid_api_is_never_asked_beside_the_budget(url: str, fallback: str) -> None:
    with pytest.raises(SettingsError, match="address of the paid API"):
        elsewhere(load_settings(local_llm_url=url, fallback=fallback, fallback_base_url=PAID))


def test_another_door_of_the_same_house_is_another_place() -> None:
    settings = load_settings(local_llm_url="https://paid.example/own/v1", fallback_base_url=PAID)
    assert elsewhere(settings) is not None
