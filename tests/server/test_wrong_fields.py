"""What is wrong with a request is refused by the name of the field, for every field of every schema; what is
not known is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aion.server.endpoint import Endpoint
from aion.server.openapi.document import document
from aion.server.openapi.examples import EXAMPLES
from aion.server.query import PeriodQuery
from aion.server.routes import ENDPOINTS
from tests.server.live import Live

SAMPLES: tuple[object, ...] = (
    None, True, -1, 0, 1, 2.5, 1e9, "", "x", "0", [], [None], [1], [2.5], ["x"], [[]], [{}], {}, {"x": 1},
    [{"type": "x"}], {"type": "x"}, [{"role": "x"}], {"name": 1}, [["x"]],
)  # fmt: skip
NOT_SET_UP = {"/v1/rerank"}


@cache
def described() -> dict[str, Any]:
    return document(ENDPOINTS)


def bodies() -> list[Endpoint]:
    return [endpoint for endpoint in ENDPOINTS if endpoint.body]


def wrong(schema: dict[str, Any]) -> Iterator[object]:
    """The samples that a field does not take, as the document says."""
    whole = Draft202012Validator(schema | {"components": described()["components"]})
    return (sample for sample in SAMPLES if not whole.is_valid(sample))


def example(endpoint: Endpoint) -> dict[str, Any]:
    assert endpoint.body is not None
    return next(iter(EXAMPLES[endpoint.body].values()))[1]


@pytest.mark.parametrize("endpoint", bodies(), ids=lambda each: f"{each.method} {each.path}")
def test_a_wrong_field_is_refused_by_its_name(sintra: Live, endpoint: Endpoint) -> None:
    assert endpoint.body is not None
    properties = described()["components"]["schemas"][endpoint.body.__name__]["properties"]
    for name, schema in properties.items():
        for value in wrong(schema):
            answer = sintra.http.request(
                endpoint.method, endpoint.path, json=example(endpoint) | {name: value}
            )
            said = f"{name} = {value!r}: {answer.status_code} {answer.text}"
            assert answer.status_code == 400, said
            error = answer.json()["error"]
            assert error["param"].split(".")[0] == name, said
            assert error["param"] in error["message"], said


@pytest.mark.parametrize("endpoint", bodies(), ids=lambda each: f"{each.method} {each.path}")
def test_a_field_that_is_not_known_is_ignored(endpoint: Endpoint) -> None:
    assert endpoint.body is not None
    known = endpoint.body.model_validate(example(endpoint))
    assert endpoint.body.model_validate(example(endpoint) | {"not_known": [1]}) == known


@pytest.mark.parametrize("endpoint", bodies(), ids=lambda each: f"{each.method} {each.path}")
def test_a_field_that_is_missing_is_named(sintra: Live, endpoint: Endpoint) -> None:
    assert endpoint.body is not None
    for name in described()["components"]["schemas"][endpoint.body.__name__].get("required", ()):
        body = {field: value for field, value in example(endpoint).items() if field != name}
        answer = sintra.post(endpoint.path, body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ("/v1/chat/completions", {"messages": [{"role": "user"}]}, "messages.0.content"),
        ("/v1/chat/completions", {"messages": [{"role": "x", "content": ""}]}, "messages.0.role"),
        ("/v1/completions", {"prompt": ["a", [1, "b"]]}, "prompt.1"),
        ("/v1/completions", {"prompt": "a", "logit_bias": {"5": "x"}}, "logit_bias.5"),
        ("/v1/completions", {"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ("/v1/completions", {"prompt": "a", "max_completion_tokens": 0}, "max_completion_tokens"),
        ("/v1/responses", {"input": [{"role": "user", "content": 1}]}, "input.0.content"),
        (
            "/v1/responses",
            {"input": [{"type": "function_call", "call_id": "a", "name": "b"}]},
            "input.0.arguments",
        ),
        ("/generate", {"prompt": "a", "adapter": {"name": "b", "scale": "x"}}, "adapter.scale"),
        ("/generate", {"prompt": "a", "adapter": ["b", {"name": 1}]}, "adapter.1.name"),
        ("/api/search", {"query": "a", "filters": {"tags": [1]}}, "filters.tags.0"),
        ("/api/search", {"query": "a", "filters": {"nothing": 1}}, "filters.nothing"),
    ],
)
def test_a_field_inside_is_named_by_the_way_to_it(sintra: Live, path: str, body: object, param: str) -> None:
    answer = sintra.post(path, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "\udfff x"])
@pytest.mark.parametrize("endpoint", bodies(), ids=lambda each: f"{each.method} {each.path}")
def test_what_json_can_hold_and_utf8_cannot_is_no_fault_of_ours(
    sintra: Live, endpoint: Endpoint, text: str
) -> None:
    """In every text, streamed and not, and in names."""
    assert endpoint.body is not None
    properties = described()["components"]["schemas"][endpoint.body.__name__]["properties"]
    fields = [name for name, schema in properties.items() if "x" not in wrong(schema)]
    known = example(endpoint) | {name: 2 for name in properties if name.startswith("max_")}
    bodies = [known | {name: text} for name in fields] + [
        known | {"filters": {text: 1}, "metadata": {text: text}}
    ]
    for body in bodies:
        for sent in (body, body | {"stream": True} if "stream" in properties else body):
            answer = sintra.http.request(endpoint.method, endpoint.path, content=json.dumps(sent))
            assert answer.status_code < 500 or endpoint.path in NOT_SET_UP, f"{sent}: {answer.text}"


def queries() -> list[tuple[str, str]]:
    return [
        (path, each["name"])
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
        for each in operation["parameters"]
        if method == "get" and each["in"] == "query" and set(each["schema"]) - {"type", "default"}
    ]


@pytest.mark.parametrize(("path", "name"), queries())
def test_a_wrong_parameter_is_refused_by_its_name(sintra: Live, path: str, name: str) -> None:
    for value in ("x", "-1", "0", "1e3", "99999999999", "2026-02-30", "１"):
        answer = sintra.http.get(path, params={name: value})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name), f"{value}: {answer.text}"


def test_a_parameter_that_changes_figures_must_be_known(sintra: Live) -> None:
    paths = [each.path for each in ENDPOINTS if each.query and issubclass(each.query, PeriodQuery)]
    assert len(paths) == 5
    for path in paths:
        answer = sintra.http.get(path, params={"form": "2026-01-31"})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "form")
