"""Whose documents, answers and conversations a key sees."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from aion.server.services import Services
from tests.server.access.keyed import Keyed, keyed_server
from tests.server.test_failures import error_of

TOURS = {
    "default": "# Tour full-day\n\nO tour full-day dura oito horas e custa 95 euros.\n",
    "b": "# Tour de b\n\nO tour de b é secreto, dura três horas e custa 77 euros.\n",
}


@pytest.fixture(scope="module")
def server(keyed_services: Services) -> Iterator[Keyed]:
    """Documents of two tenants."""
    with keyed_server(keyed_services, tau_confidence=0.0) as running:
        token = running.key("admin", tenants=("*",))
        for tenant, text in TOURS.items():
            sent = {"text": text, "source": f"{tenant}.md", "tenant": tenant}
            assert running.ask("POST", "/api/documents", token, json=sent).status_code == 200
        yield running


@pytest.fixture(scope="module")
def of_b(server: Keyed) -> str:
    return server.key("chat", "ingest", "admin", tenants=("b",))


@pytest.fixture(scope="module")
def of_default(server: Keyed) -> str:
    return server.key("chat", "ingest", "admin")


def sources(response: dict[str, list[dict[str, object]]]) -> set[object]:
    return {each["source"] for each in response.get("documents") or response["passages"]}


def test_a_key_of_one_tenant_need_not_name_it(server: Keyed, of_b: str, of_default: str) -> None:
    assert sources(server.search(of_b).json()) == {"b.md"}
    assert sources(server.search(of_b, tenant="b").json()) == {"b.md"}
    assert sources(server.search(of_default).json()) == {"default.md"}
    assert sources(server.ask("GET", "/api/documents", of_b).json()) == {"b.md"}


def test_a_key_of_several_tenants_says_which(server: Keyed) -> None:
    token = server.key("chat", tenants=("b", "c"))
    assert error_of(server.search(token), 403)["param"] == "tenant"
    assert sources(server.search(token, tenant="b").json()) == {"b.md"}
    assert server.search(token, tenant="c").json()["passages"] == []
    both = server.key("chat", tenants=("b", "default"))
    assert sources(server.search(both).json()) == {"default.md"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/search", {"query": "tour", "tenant": "b"}),
        ("POST", "/api/ai/chat", {"message": "Quanto custa o tour?", "tenant": "b"}),
        ("POST", "/api/feedback", {"event_id": 1, "thumb": "up", "tenant": "b"}),
        ("POST", "/api/documents", {"text": "Texto.", "tenant": "b"}),
        ("POST", "/api/dataset/export", {"tenant": "b"}),
        ("GET", "/api/documents?tenant=b", None),
        ("GET", "/api/documents/1?tenant=b", None),
        ("DELETE", "/api/documents?source=b.md&tenant=b", None),
        ("DELETE", "/api/documents/1?tenant=b", None),
        ("GET", "/api/events/1?tenant=b", None),
        ("GET", "/api/budget?tenant=b", None),
        ("GET", "/api/metrics/summary?tenant=b", None),
        ("GET", "/api/metrics/confidence?tenant=b", None),
        ("GET", "/api/metrics/latency?tenant=b", None),
        ("GET", "/api/metrics/questions?tenant=b", None),
        ("GET", "/api/metrics/heatmap?tenant=b", None),
        (
            "POST",
            "/v1/chat/completions",
            {
                "model": "aion-rag",
                "messages": [{"role": "user", "content": "Quanto custa?"}],
                "aion": {"tenant": "b"},
            },
        ),
    ],
)
def test_another_tenant_is_refused_everywhere(
    server: Keyed, of_default: str, of_b: str, method: str, path: str, body: dict[str, object] | None
) -> None:
    refused = error_of(server.ask(method, path, of_default, json=body), 403)
    assert refused["param"] in ("tenant", "aion.tenant")
    unknown = path.replace("tenant=b", "tenant=never-heard-of")
    message = str(refused["message"])
    if unknown != path:  # what exists and what does not is told alike
        other = str(error_of(server.ask(method, unknown, of_default, json=body), 403)["message"])
        assert other == message.replace("'b'", "'never-heard-of'")
    if method == "GET":
        assert server.ask(method, path, of_b, json=body).status_code in (200, 404)


def test_documents_of_another_tenant_are_not_there(server: Keyed, of_default: str, of_b: str) -> None:
    (listed,) = server.ask("GET", "/api/documents", of_b).json()["documents"]
    path = f"/api/documents/{listed['document']}"
    assert server.ask("GET", path, of_b).status_code == 200
    assert error_of(server.ask("GET", path, of_default), 404)["param"] == "id"
    assert server.ask("DELETE", path, of_default).status_code == 404
    gone = server.ask("DELETE", "/api/documents", of_default, params={"source": "b.md"})
    assert error_of(gone, 404)["param"] == "source"
    assert server.ask("GET", path, of_b).status_code == 200


def test_an_upload_names_its_tenant_in_the_form(server: Keyed, of_default: str) -> None:
    token = server.key("chat", "ingest", tenants=("c", "d"))
    files = [("file", ("c.md", b"# C\n\nO tour de c.\n"))]
    assert error_of(server.ask("POST", "/api/documents", token, files=files), 403)["param"] == "tenant"
    sent = server.ask("POST", "/api/documents", token, files=files, data={"tenant": "c"})
    assert sent.status_code == 200
    assert sources(server.search(token, tenant="c").json()) == {"c.md"}
    assert sources(server.search(of_default).json()) == {"default.md"}
    (document,) = sent.json()["documents"]
    path = f"/api/documents/{document['document']}?tenant=c"
    assert server.ask("DELETE", path, token).status_code == 204


def test_only_who_may_use_all_begins_a_tenant_and_not_with_any_name(server: Keyed, of_default: str) -> None:
    everyone = server.key("ingest", tenants=("*",))
    for name in ("*", "", " x", "a\nb", "x" * 101):
        sent = server.ask("POST", "/api/documents", everyone, json={"text": "T.", "tenant": name})
        assert error_of(sent, 400)["param"] == "tenant"
    asked = server.search(server.key("chat", tenants=("*",)), tenant="never-heard-of")
    assert error_of(asked, 404)["param"] == "tenant"


def test_an_export_of_another_tenant_has_a_file_of_its_own(server: Keyed, of_b: str) -> None:
    exported = server.ask("POST", "/api/dataset/export", of_b)
    assert exported.status_code == 200
    assert exported.json()["path"] == str(server.services.settings.events_jsonl.with_name("events.b.jsonl"))


def answered(server: Keyed, token: str, message: str, **more: object) -> dict[str, object]:
    asked = server.ask("POST", "/api/ai/chat", token, json={"message": message} | more)
    assert asked.status_code == 200
    shown: dict[str, object] = asked.json()
    return shown


def test_a_conversation_is_that_of_its_key(server: Keyed) -> None:
    ana, rui = server.key("chat"), server.key("chat")
    more = {"conversation_id": "1"}
    answered(server, ana, "Quanto custa o tour full-day?", **more)
    own = answered(server, ana, "e para crianças?", **more)
    others = answered(server, rui, "e para crianças?", **more)
    assert "full-day" in str(query_of(server, own))
    assert query_of(server, others) == "e para crianças?"


def query_of(server: Keyed, answer: dict[str, object]) -> object:
    """What was searched for, as the log has it."""
    admin = server.key("admin")
    story = server.ask("GET", f"/api/events/{answer['event_id']}", admin).json()
    return story["retrieval"]["meta"]["query"]


def test_feedback_is_for_the_answers_of_ones_own_key(server: Keyed, of_b: str) -> None:
    ana, rui = server.key("chat"), server.key("chat")
    event = answered(server, ana, "Quanto custa o tour?")["event_id"]
    said = {"event_id": event, "thumb": "up"}
    assert server.ask("POST", "/api/feedback", ana, json=said).status_code == 201
    assert server.ask("POST", "/api/feedback", server.key("admin"), json=said).status_code == 201
    there = error_of(server.ask("POST", "/api/feedback", rui, json=said), 404)
    nowhere = error_of(server.ask("POST", "/api/feedback", rui, json=said | {"event_id": 10**9}), 404)
    assert str(there["message"]).replace(str(event), "") == str(nowhere["message"]).replace(str(10**9), "")
    assert server.ask("POST", "/api/feedback", of_b, json=said).status_code == 404
    assert server.ask("GET", f"/api/events/{event}", of_b).status_code == 404


def test_figures_are_those_of_ones_own_tenants(server: Keyed, of_b: str) -> None:
    def told(*tenants: str) -> tuple[set[str], int]:
        token = server.key("metrics", tenants=tenants)
        figures = server.ask("GET", "/metrics", token).text
        assert "aion_requests_total" in figures
        health = server.ask("GET", "/health", token).json()
        return set(re.findall(r'tenant="(.*?)"', figures)), health["n_documents"]

    n_of_b = len(server.ask("GET", "/api/documents", of_b).json()["documents"])
    assert told("b") == told("b", "c") == ({"b"}, n_of_b)
    assert told("default") == ({"default"}, 1)
    assert told("never-heard-of") == (set(), 0)
    assert told("*")[0] >= {"default", "b"}
