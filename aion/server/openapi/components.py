"""Pydantic's schemas as components of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from aion.server.openapi.answer import Shape

Schema = dict[str, Any]
_REF = "#/components/schemas/{model}"


class _Asked(GenerateJsonSchema):
    """Of requests. Titles that repeat the field's name are left out."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """null is what any absent field is."""
        shown = super().default_schema(schema)
        if shown.get("default", "") is None:
            del shown["default"]
        return shown


class _Answered(_Asked):
    """Of answers, where a default only says that the field may be absent."""

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def schemas(asked: Iterable[type[BaseModel]], answered: Iterable[type[Shape]]) -> dict[str, Schema]:
    """All of them by name, those they are made of too."""
    found: dict[str, Schema] = {}
    for models, generator in ((asked, _Asked), (answered, _Answered)):
        wanted = [(model, "validation") for model in dict.fromkeys(models)]
        made = models_json_schema(wanted, ref_template=_REF, schema_generator=generator)[1]  # type: ignore[arg-type]
        named = made.get("$defs", {})
        assert not found.keys() & named.keys(), "two schemas have one name"
        found |= named
    for schema in found.values():
        schema.pop("title", None)
        schema["description"] = " ".join(schema.get("description", "").split())
    for schema in found.values():
        for field in schema.get("properties", {}).values():
            if "$ref" in field:  # pydantic leaves out what the object says of itself in the same words
                field.setdefault("description", found[field["$ref"].rpartition("/")[2]]["description"])
    return dict(sorted(found.items()))


def ref(model: type[BaseModel]) -> Schema:
    return {"$ref": _REF.format(model=model.__name__)}
