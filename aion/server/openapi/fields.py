"""The fields of a JSON schema as a reader wants them: what each takes, what it is without it, its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

Schema = dict[str, Any]
_NULL = {"type": "null"}
_OR = Markup(" | ")


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table; `kind` is HTML with links to the objects it names, the rest is text."""

    name: str
    kind: Markup
    is_required: bool
    default: str
    limits: str
    told: str


def fields_of(schema: Schema, *, is_asked: bool) -> list[Field]:
    """The properties of an object, those that must be there first. Where it `is_asked`, null is not told
    apart from leaving a field out."""
    required = set(schema.get("required", ()))
    rows = [
        _field(name, each, is_required=name in required, is_asked=is_asked)
        for name, each in schema.get("properties", {}).items()
    ]
    return sorted(rows, key=lambda row: not row.is_required) if is_asked else rows


def parameter(described: dict[str, Any]) -> Field:
    """A parameter of a path or a query."""
    schema = described["schema"] | {"description": described["description"]}
    return _field(described["name"], schema, is_required=described["required"], is_asked=True)


def _field(name: str, schema: Schema, *, is_required: bool, is_asked: bool) -> Field:
    shown = _without_null(schema) if is_asked and not is_required else schema
    default = schema.get("default")
    return Field(
        name,
        kind(shown),
        is_required,
        "" if default in (None, "", False) else json.dumps(default, ensure_ascii=False),
        "; ".join(dict.fromkeys(_limits(shown))),
        schema.get("description", ""),
    )


def _without_null(schema: Schema) -> Schema:
    kinds = [each for each in schema.get("anyOf", ()) if each != _NULL]
    return {"anyOf": kinds} if kinds else schema


def kind(schema: Schema) -> Markup:
    """What a schema takes, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#{0}">{0}</a>').format(name)
    if "enum" in schema or "const" in schema:
        return _OR.join(_literal(value) for value in schema.get("enum", [schema.get("const")]))
    if choices := _choices(schema):
        return _OR.join(dict.fromkeys(kind(each) for each in choices))
    return _of_type(schema)


def _of_type(schema: Schema) -> Markup:
    if schema.get("type") == "array":
        items = kind(schema.get("items", {}))
        return Markup("({})[]").format(items) if _OR in items else items + Markup("[]")
    if schema.get("type") == "object":
        return _object(schema)
    if schema.get("format") == "binary":
        return Markup("file")
    return escape(schema.get("type", "any"))


def _choices(schema: Schema) -> list[Schema]:
    """Those that differ in what they take, not only in how it is written."""
    return [each for each in _alternatives(schema) if set(each) - {"format"}]


def _alternatives(schema: Schema) -> list[Schema]:
    return schema.get("anyOf") or schema.get("oneOf") or []


def _object(schema: Schema) -> Markup:
    values = schema.get("additionalProperties")
    values = (
        values if isinstance(values, dict) else next(iter(schema.get("patternProperties", {}).values()), None)
    )
    return Markup("object of {}").format(kind(values)) if values else Markup("object")


def _literal(value: object) -> Markup:
    return Markup("<code>{}</code>").format(json.dumps(value, ensure_ascii=False))


def _limits(schema: Schema) -> Iterator[str]:
    """Of numbers, lengths and lists, in words that every reader knows."""
    for each in _alternatives(schema):
        yield from _limits(each)
    if told := _range(schema):
        yield told
    yield from _lengths(schema, "minLength", "maxLength", "characters")
    yield from _lengths(schema, "minItems", "maxItems", "items")
    if schema.get("format") in ("date", "date-time"):
        yield schema["format"]
    yield from _limits(schema["items"]) if isinstance(schema.get("items"), dict) else ()


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    parts = [
        f"≥ {least:g}" if least is not None else "",
        f"> {above:g}" if above is not None else "",
        f"≤ {most:,}".replace(".0", "") if most is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _lengths(schema: Schema, least: str, most: str, unit: str) -> Iterator[str]:
    if most in schema:
        yield f"{schema.get(least, 0)}–{schema[most]:,} {unit}"
    elif schema.get(least) == 1:
        yield "not empty"
    elif schema.get(least):
        yield f"≥ {schema[least]} {unit}"
