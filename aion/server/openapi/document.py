"""The OpenAPI 3.1 document of the table of routes. All it says of requests comes from the schemas that
validate them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from aion import __version__
from aion.server.endpoint import Endpoint
from aion.server.openapi.answer import Answer, Event, Shape
from aion.server.openapi.components import ref, schemas
from aion.server.openapi.errors import errors_of, name_of, responses
from aion.server.openapi.examples import CALLS, EXAMPLES
from aion.server.openapi.shapes.error import Error
from aion.server.openapi.tags import TAGS, tag_of
from aion.server.query import Query

_ABOUT = (
    "AION answers questions from your own documents with a model on this machine. Every error has one form, "
    '`{"error": {"message", "type", "param", "code"}}`: the message says what was wrong and the way out, '
    "`param` names the field. Unknown fields are ignored, wrong ones are refused by name."
)
_SECURITY: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key of `aion keys add`."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same key."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "aion_session",
        "description": "What `POST /api/session` gives a browser for a key; by https `__Host-aion_session`.",
    },
}
_ID = {"schema": {"type": "integer", "minimum": 1}, "example": 1}
_PATH: dict[str, dict[str, Any]] = {
    "id": _ID,
    "name": {"schema": {"type": "string", "minLength": 1}, "example": "aion-rag"},
}
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole, as JSON has it."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = _PARAMETER.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    asked = [model for each in endpoints for model in (each.body, each.form) if model]
    return {
        "openapi": "3.1.0",
        "info": {"title": "AION", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": tag.name, "description": tag.told} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": schemas(asked, [Error, *_shapes(endpoints)]),
            "responses": responses(),
            "headers": _HEADERS,
            "securitySchemes": _SECURITY,
        },
    }


_HEADERS = {
    "RequestId": {
        "description": "The request's id, in the log too; the client's own where it sent one.",
        "schema": {"type": "string"},
    },
    "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WwwAuthenticate": {"description": "Bearer", "schema": {"type": "string"}},
}


def _shapes(endpoints: Sequence[Endpoint]) -> Iterator[type[Shape]]:
    for answer in (good for endpoint in endpoints for good in endpoint.answers.good):
        if answer.shape:
            yield answer.shape
        yield from (event.data for event in answer.events if not isinstance(event.data, str))


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    role = endpoint.role
    needs = f"Takes a key with the role `{role}`." if role else "Takes no key."
    shown: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "tags": [tag_of(endpoint.path).name],
        "summary": endpoint.summary,
        "description": f"{endpoint.answers.about}\n\n{needs}",
        "security": [{name: []} for name in _SECURITY] if role else [],
        "x-role": role,
        "parameters": [*_path_parameters(endpoint.path), *_query_parameters(endpoint.query)],
        "responses": _responses(endpoint),
    }
    if endpoint.body or endpoint.form:
        shown["requestBody"] = _request_body(endpoint)
    if call := CALLS.get((endpoint.method, endpoint.path)):
        shown["x-curl"] = call
    return shown


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "description": _told(path, name), **_PATH[name]}
        for name in _PARAMETER.findall(path)
    ]


def _told(path: str, name: str) -> str:
    what = path.partition("/{")[0].rpartition("/")[2].removesuffix("s")
    return f"The {what}'s {'number' if name == 'id' else name}."


def _query_parameters(query: type[Query] | None) -> list[dict[str, Any]]:
    """Null is what a query cannot say."""
    if query is None:
        return []
    whole = schemas([query], [])[query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in whole.get("required", ()),
            "description": schema.pop("description"),
            "schema": _never_null(schema),
        }
        for name, schema in whole["properties"].items()
    ]


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    return schema | (kinds[0] if kinds else {})


def _request_body(endpoint: Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if endpoint.body:
        content["application/json"] = {"schema": ref(endpoint.body)}
        if examples := EXAMPLES.get(endpoint.body):
            content["application/json"]["examples"] = {
                name: {"summary": told, "value": value} for name, (told, value) in examples.items()
            }
    if endpoint.form:
        content["multipart/form-data"] = {"schema": ref(endpoint.form)}
    return {"required": not endpoint.is_optional, "content": content}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for answer in endpoint.answers.good:
        found = shown.setdefault(str(answer.status), {"description": answer.told, "headers": _ANSWER_HEADERS})
        if answer.media_type:
            found.setdefault("content", {})[answer.media_type] = _content(answer)
    shown |= {
        str(status): {"$ref": f"#/components/responses/{name_of(status)}"} for status in errors_of(endpoint)
    }
    return dict(sorted(shown.items()))


_ANSWER_HEADERS = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}


def _content(answer: Answer) -> dict[str, Any]:
    if answer.shape:
        return {"schema": ref(answer.shape)}
    if answer.media_type == "text/event-stream":
        return {"schema": {"description": answer.told, "anyOf": [_event(each) for each in answer.events]}}
    return {"schema": {"type": "object" if answer.media_type == "application/json" else "string"}}


def _event(event: Event) -> dict[str, Any]:
    """OpenAPI 3.1 has no word for events; tools that know them take the schema of a stream for each one's."""
    if isinstance(event.data, str):
        data: dict[str, Any] = {"const": event.data}
    else:
        data = {"type": "string", "contentMediaType": "application/json", "contentSchema": ref(event.data)}
    if not event.name:
        return {"type": "object", "properties": {"data": data}, "required": ["data"]}
    name = {"type": "string"} if event.name == "*" else {"const": event.name}
    return {"type": "object", "properties": {"event": name, "data": data}, "required": ["event", "data"]}
