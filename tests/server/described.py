"""Holds answers against the description of the interface: no field is missing, and none is there that it does
not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from aion.server.openapi.answer import Shape
from aion.server.openapi.document import document
from aion.server.routes import ENDPOINTS


@cache
def strict_document() -> dict[str, Any]:
    """The description, with objects in answers that have no fields beside those that it tells."""
    whole = document(ENDPOINTS)
    shapes = {each.__name__ for each in subclasses(Shape)}
    for name in shapes & set(whole["components"]["schemas"]):
        whole["components"]["schemas"][name]["additionalProperties"] = False
    return whole


def subclasses(of: type[Shape]) -> Iterator[type[Shape]]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def check(answer: httpx.Response, method: str, path: str) -> Any:
    """The answer's JSON, or the data of its events, once it is as described."""
    media_type = answer.headers["content-type"].partition(";")[0]
    content = strict_document()["paths"][path][method]["responses"][str(answer.status_code)]["content"]
    schema = content[media_type]["schema"]
    if media_type != "text/event-stream":
        _validate(schema, answer.json())
        return answer.json()
    events = [
        dict(line.split(": ", 1) for line in block.splitlines())
        for block in answer.text.split("\n\n")
        if block
    ]
    for event in events:
        _validate(schema, event)
        shapes = [
            each["properties"]["data"]["contentSchema"]
            for each in _of_name(schema, event)
            if _has_shape(each)
        ]
        if event["data"] != "[DONE]":
            _validate({"anyOf": shapes}, json.loads(event["data"]))
    return [event["data"] for event in events]


def _of_name(schema: dict[str, Any], event: dict[str, str]) -> list[dict[str, Any]]:
    named = [
        each
        for each in schema["anyOf"]
        if each["properties"].get("event", {}).get("const") == event.get("event")
    ]
    return named or schema["anyOf"]


def _has_shape(schema: dict[str, Any]) -> bool:
    return "contentSchema" in schema["properties"]["data"]


def _validate(schema: dict[str, Any], value: object) -> None:
    whole = Draft202012Validator(schema | {"components": strict_document()["components"]})
    wrong = best_match(whole.iter_errors(value))
    assert wrong is None, f"{wrong.json_path}: {wrong.message[:300]}"
