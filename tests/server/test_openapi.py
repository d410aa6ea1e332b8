"""The description of the interface: whole, valid, and made of the schemas that validate."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31
from starlette.routing import Mount, Route
from typer.testing import CliRunner

from aion.cli import app
from aion.server.app import create_app
from aion.server.openapi.document import document
from aion.server.openapi.examples import EXAMPLES
from aion.server.routes import ENDPOINTS
from tests.server.live import Live

NEEDING_MORE = {
    "/v1/rerank": "a reranker",
    "/v1/adapters": "an adapter's file",
    "/adapter/reload": "an adapter's file",
    "/api/session": "a key",
}


@cache
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_every_route_is_described_and_nothing_else(sintra: Live) -> None:
    routes = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in create_app(sintra.services).routes
        if isinstance(route, Route) and route.path != "/"  # the page, as are its files
        for method in (route.methods or set()) - {"HEAD"}
    }
    mounts = {route.path for route in create_app(sintra.services).routes if isinstance(route, Mount)}
    assert {(method, path) for path, method, _ in operations()} == routes
    assert mounts == {"/panel"}


def test_every_route_says_what_it_answers_and_who_may_ask() -> None:
    for path, method, operation in operations():
        assert any(status < "400" for status in operation["responses"]), f"{method} {path}"
        assert "role" in operation["description"] or not operation["security"]
        assert len(operation["description"]) > len("Takes a key with the role `metrics`."), f"{method} {path}"


def test_it_is_openapi_3_1() -> None:
    jsonschema.Draft202012Validator(OPENAPI_31).validate(described())


def test_its_schemas_are_json_schemas() -> None:
    for schema in described()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_names_of_operations_are_unique() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_every_reference_points_at_something() -> None:
    for ref in references(described()):
        found: Any = described()
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_field_says_what_it_is() -> None:
    fields = [
        (name, field)
        for name, schema in described()["components"]["schemas"].items()
        for field, told in schema.get("properties", {}).items()
        if not told.get("description")
    ]
    assert fields == []


def test_every_body_has_an_example_that_its_schema_takes() -> None:
    for endpoint in ENDPOINTS:
        for _, value in EXAMPLES[endpoint.body].values() if endpoint.body else ():
            assert endpoint.body is not None
            endpoint.body.model_validate(value)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (path, name)
        for path, method, operation in operations()
        if method == "POST" and path not in NEEDING_MORE
        for name in operation.get("requestBody", {})
        .get("content", {})
        .get("application/json", {})
        .get("examples", ())
    ],
)
def test_an_example_works(sintra: Live, path: str, name: str) -> None:
    operation = described()["paths"][path]["post"]
    body = operation["requestBody"]["content"]["application/json"]["examples"][name]["value"]
    if path == "/api/feedback":
        answer = sintra.post("/api/ai/chat", {"message": "Quanto tempo dura o tour half-day?"}).json()
        body = body | {"event_id": answer["event_id"]}
    answered = sintra.post(path, body)
    assert answered.is_success, answered.text


def test_it_is_served_with_a_tag(sintra: Live) -> None:
    first = sintra.http.get("/openapi.json")
    again = sintra.http.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert first.json() == described()
    assert (again.status_code, again.content) == (304, b"")


def test_the_command_prints_it() -> None:
    printed = CliRunner().invoke(app, ["openapi"])
    assert json.loads(printed.output) == described()


def test_the_lines_to_copy_send_the_examples(sintra: Live) -> None:
    """As a shell reads them."""
    page = html.unescape(sintra.http.get("/docs").text)
    sent = [
        json.loads(words[words.index("-d") + 1])
        for line in re.findall(r"<code>(curl [^<]*)</code>", page)
        if "-d" in (words := shlex.split(line))
    ]
    for endpoint in ENDPOINTS:
        for _, value in EXAMPLES[endpoint.body].values() if endpoint.body else ():
            assert value in sent


def test_fields_with_two_names_are_told_by_both() -> None:
    properties = described()["components"]["schemas"]["CompletionRequest"]["properties"]
    assert properties["max_tokens"]["anyOf"] == properties["max_completion_tokens"]["anyOf"]


def test_what_adapters_take_is_told_as_it_is() -> None:
    kinds = described()["components"]["schemas"]["GenerateRequest"]["properties"]["adapter"]["anyOf"]
    assert [kind.get("type", "object") for kind in kinds] == ["string", "object", "array", "null"]


@pytest.mark.parametrize(
    ("accepted", "language", "word"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR", "Respostas"),
        ("en-GB,en;q=0.9,pt;q=0.1", "en", "Answers"),
        ("de", "en", "Answers"),
        ("en;q=nonsense, pt;q=0.2", "pt-BR", "Respostas"),
    ],
)
def test_the_page_speaks_the_browsers_language(sintra: Live, accepted: str, language: str, word: str) -> None:
    page = sintra.http.get("/docs", headers={"Accept-Language": accepted})
    assert f'<html lang="{language}">' in page.text
    assert word in page.text
    assert page.headers["vary"] == "Accept-Language"


def test_the_page_has_every_route_and_every_field(sintra: Live) -> None:
    page = sintra.http.get("/docs").text
    for path, _, operation in operations():
        assert f'id="{operation["operationId"]}"' in page
        assert path in page
    for name, schema in described()["components"]["schemas"].items():
        for field in schema.get("properties", ()):
            assert f'<code class="name">{field}</code>' in page, f"{name}.{field}"


def test_the_pages_links_lead_somewhere(sintra: Live) -> None:
    page = sintra.http.get("/docs").text
    places = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= places


def test_the_page_needs_nothing_from_elsewhere(sintra: Live) -> None:
    page = sintra.http.get("/docs")
    linked = set(re.findall(r'(?:src|href)="(?!#)([^"]+)"', page.text))
    assert linked == {"/", "/openapi.json", "/panel/docs.css", "/panel/icon.svg"}
    assert not re.search(r"<script|<style|style=|onclick", page.text)
    assert all(sintra.http.get(path).status_code == 200 for path in linked)
    assert "unsafe" not in page.headers["content-security-policy"]


def test_the_page_shows_lines_for_the_address_it_is_read_at(sintra: Live) -> None:
    page = sintra.http.get("/docs").text
    assert f"curl &#39;{sintra.url}/generate&#39;" in page
    assert "origin.invalid" not in page


def test_a_page_that_is_known_is_not_sent_again(sintra: Live) -> None:
    tag = sintra.http.get("/docs").headers["etag"]
    assert sintra.http.get("/docs", headers={"If-None-Match": f"W/{tag}"}).status_code == 304


def test_a_host_cannot_write_into_the_page(sintra: Live) -> None:
    port = httpx.URL(sintra.url).port
    page = sintra.http.get("/docs", headers={"Host": f"localhost:{port}'><script>"})
    assert page.status_code == 400
