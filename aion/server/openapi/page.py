"""The page at `/docs`: the document for people, without scripts and without anything from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from aion.server.openapi.errors import MEANINGS
from aion.server.openapi.fields import Field, fields_of, kind, parameter
from aion.server.openapi.tags import TAGS, Tag
from aion.server.openapi.words import WORDS

ORIGIN = "http://origin.invalid"
"""Stands in the page for the address at which it is read."""

_ALWAYS = {"400", "401", "403", "408", "413", "415", "421", "429", "500", "503"}
_CODE = re.compile(r"`([^`]+)`")
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Told:
    """One way in which a route answers; `name` and `fields` are of its object, "" and empty without one."""

    status: str
    media_type: str
    told: str
    name: str
    fields: list[Field]
    events: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One form of a request's body."""

    media_type: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Operation:
    """A route as the page has it; `calls` are lines for a shell, each with what it does."""

    id: str
    method: str
    path: str
    summary: str
    told: str
    role: str | None
    parameters: list[Field]
    requests: list[Request]
    calls: list[tuple[str, str]]
    answers: list[Told]
    errors: list[tuple[str, str]]


def page(document: dict[str, Any], language: str) -> str:
    """The whole page in "pt" or "en", with ORIGIN for its address."""
    operations = [_operation(document, *each) for each in _operations(document)]
    families = [
        (tag, *_named(tag, language), [each for own, each in operations if own == tag.name]) for tag in TAGS
    ]
    return _PAGES.get_template("page.html").render(
        words=WORDS[language],
        language="pt-BR" if language == "pt" else "en",
        info=document["info"],
        families=families,
        common=[(status, told) for status, told in MEANINGS.items() if str(status) in _ALWAYS],
        objects=_objects(document),
        origin=ORIGIN,
        prose=_prose,
    )


def _named(tag: Tag, language: str) -> tuple[str, str]:
    return (tag.name_pt, tag.told_pt) if language == "pt" else (tag.name, tag.told)


def _prose(text: str) -> Markup:
    """Text with `code` in it, as HTML."""
    parts = enumerate(_CODE.split(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in parts
    )


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _operation(
    document: dict[str, Any], path: str, method: str, shown: dict[str, Any]
) -> tuple[str, Operation]:
    """With the family it is of."""
    contents = shown.get("requestBody", {}).get("content", {})
    asked = [
        Request(media_type, fields_of(_resolved(document, content["schema"]), is_asked=True))
        for media_type, content in contents.items()
    ]
    return shown["tags"][0], Operation(
        shown["operationId"],
        method,
        path,
        shown["summary"],
        shown["description"].rpartition("\n\n")[0],
        shown["x-role"],
        [parameter(each) for each in shown["parameters"]],
        asked,
        list(_calls(path, method, shown)),
        list(_answers(document, shown)),
        [(status, MEANINGS[int(status)]) for status in shown["responses"] if _is_special(shown, status)],
    )


def _is_special(shown: dict[str, Any], status: str) -> bool:
    """Whether it is a failure that not every route has."""
    return "$ref" in shown["responses"][status] and status not in _ALWAYS


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = _name(schema)
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _event(schema: dict[str, Any]) -> tuple[str, Markup]:
    """Its name, "" for none, and what its data is."""
    properties = schema["properties"]
    data = properties["data"]
    return properties.get("event", {}).get("const", ""), kind(data.get("contentSchema", data))


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "").rpartition("/")[2])


def _answers(document: dict[str, Any], shown: dict[str, Any]) -> Iterator[Told]:
    for status, answer in shown["responses"].items():
        if "$ref" in answer:
            continue
        if "content" not in answer:
            yield Told(status, "", answer["description"], "", [], ())
        for media_type, content in answer.get("content", {}).items():
            schema = content["schema"]
            events = tuple(_event(each) for each in schema.get("anyOf", ()))
            told = schema.get("description", answer["description"])
            fields = fields_of(_resolved(document, schema), is_asked=False)
            yield Told(status, media_type, told, _name(schema), fields, events)


def _calls(path: str, method: str, shown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines to copy: one for each example, or one without a body."""
    for described in shown["parameters"]:
        if described["in"] == "path":
            path = path.replace(f"{{{described['name']}}}", str(described["example"]))
    contents = shown.get("requestBody", {}).get("content", {})
    needed = [each["name"] for each in shown["parameters"] if each["in"] == "query" and each["required"]]
    query = f"?{'&'.join(f'{name}=NAME' for name in needed)}" if needed else ""
    line = f"curl {'' if method == 'GET' or contents else f'-X {method} '}'{ORIGIN}{path}{query}'"
    if shown["x-role"]:
        line += ' \\\n  -H "Authorization: Bearer $AION_KEY"'
    if "x-curl" in shown:
        yield "", f"{line} \\\n  {shown['x-curl']}"
    content = contents.get("application/json", {})
    for example in content.get("examples", {}).values():
        data = json.dumps(example["value"], ensure_ascii=False).replace("'", "'\\''")
        yield example["summary"], f"{line} \\\n  -H 'Content-Type: application/json' \\\n  -d '{data}'"
    if not content and "x-curl" not in shown:
        yield "", line


def _objects(document: dict[str, Any]) -> list[tuple[str, str, list[Field], bool]]:
    """Those that requests and answers name, but for whole requests, which stand where they are asked; and
    whether they are asked."""
    bodies = [
        content["schema"]
        for _, _, shown in _operations(document)
        for content in shown.get("requestBody", {}).get("content", {}).values()
    ]
    whole, asked = {_name(schema) for schema in bodies}, set(_named_in(document, bodies))
    return [
        (name, schema["description"], fields_of(schema, is_asked=name in asked), name in asked)
        for name, schema in document["components"]["schemas"].items()
        if name not in whole
    ]


def _named_in(document: dict[str, Any], value: object) -> Iterator[str]:
    """The objects that a schema names, and those that they name."""
    if isinstance(value, list):
        for each in value:
            yield from _named_in(document, each)
    elif isinstance(value, dict) and "$ref" in value:
        yield _name(value)
        yield from _named_in(document, _resolved(document, value))
    elif isinstance(value, dict):
        yield from _named_in(document, list(value.values()))
