"""JSON Schema to GBNF: a text that follows the grammar is JSON that the schema accepts.

Properties come in the order of the schema. Where a schema allows what a model need not write
(properties it does not declare beside those it does), the grammar does not. `oneOf` is read as `anyOf`.
What cannot be said is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from aion.engine import json_strings
from aion.engine.gbnf import MAX_REPEATS, check_grammar
from aion.engine.json_keywords import count_at, integer_bounds, is_of, number_bounds
from aion.engine.json_numbers import integers, numbers
from aion.errors import InvalidRequest

_MAX_DEPTH = 48
_BLOCK = 500
_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "$defs"}
    | {"definitions", "deprecated", "readOnly", "writeOnly", "discriminator"}
)
_KEYWORDS = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
_CHOICES = ("$ref", "const", "enum", "anyOf", "oneOf", "allOf")
_KNOWN = _ANNOTATIONS.union(*_KEYWORDS.values(), _CHOICES, ("type", "nullable"))
_BASE = {
    "space": r'(" " | "\n" [ \t]{0,20})?',
    "char": json_strings.CHAR,
    "string": r'"\"" char* "\""',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": 'integer ("." [0-9]{1,16})? ([eE] [+-]? [0-9]{1,2})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "member": 'string ":" space value',
    "object": '"{" space (member ("," space member)* space)? "}"',
    "array": '"[" space (value ("," space value)* space)? "]"',
    "value": "object | array | string | number | boolean | null",
}


def json_object_grammar() -> str:
    """Any JSON object."""
    return _text({"root": "object"})


def schema_grammar(schema: object, param: str = "response_format") -> str:
    """The GBNF of `schema`. Raises InvalidRequest, naming `param`, for what it does not support."""
    root, rules = schema_rules(schema, param, "")
    grammar = _text({"root": root} | rules)
    check_grammar(grammar, param)
    return grammar


def schema_rules(schema: object, param: str, prefix: str) -> tuple[str, dict[str, str]]:
    """An expression for `schema` and the rules it needs beside `base_rules`, whose names begin with `prefix`.

    Raises InvalidRequest, naming `param`, for what is not supported.
    """
    try:
        converter = _Converter(schema, prefix)
        return converter.expression(schema, "#"), converter.rules
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{param}: the JSON schema cannot be followed: {error}.", param=param) from error


def base_rules() -> dict[str, str]:
    """The rules of JSON itself."""
    return dict(_BASE)


def _text(rules: Mapping[str, str]) -> str:
    return "\n".join(f"{name} ::= {body}" for name, body in {**rules, **_BASE}.items())


class _Converter:
    """Collects the rules of one schema. Raises ValueError that names the place."""

    def __init__(self, root: object, prefix: str) -> None:
        self._root = root
        self._prefix = prefix
        self.rules: dict[str, str] = {}
        self._refs: dict[str, str] = {}
        self._depth = 0

    def expression(self, schema: object, path: str) -> str:
        """One GBNF expression, in need of no brackets, for `schema` found at `path`."""
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise ValueError(f"{path} is {schema!r}, which allows nothing or is no schema")
        if unknown := sorted(set(schema) - _KNOWN):
            raise ValueError(f"{unknown[0]!r} at {path} is not supported")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"{path} is more than {_MAX_DEPTH} levels deep")
        found = self._choice(schema, path) or self._typed(schema, path)
        self._depth -= 1
        return f"({found} | null)" if schema.get("nullable") is True else found

    def _choice(self, schema: dict[str, object], path: str) -> str | None:
        """What `$ref`, `enum` and the like say, which stand alone."""
        kinds = [kind for kind in _CHOICES if kind in schema]
        if not kinds:
            return None
        kind = kinds[0]
        types = {"type"} if kind in ("enum", "const") else set()
        if beside := sorted(set(schema) - _ANNOTATIONS - types - {kind, "nullable"}):
            raise ValueError(f"{beside[0]!r} beside {kind!r} at {path} is not supported")
        value, here = schema[kind], f"{path}/{kind}"
        if kind == "$ref":
            return self._ref(value, path)
        if kind == "const":
            return json_strings.json_literal(value)
        if not isinstance(value, list) or not value:
            raise ValueError(f"{here} must be a list that is not empty")
        if kind == "enum":
            return self._either([json_strings.json_literal(v) for v in value if is_of(v, schema.get("type"))])
        if kind == "allOf" and len(value) > 1:
            raise ValueError(f"{here} of more than one schema is not supported")
        return self._either([self.expression(part, f"{here}/{i}") for i, part in enumerate(value)])

    def _either(self, parts: list[str]) -> str:
        if not parts:
            raise ValueError("an enum has no value of its type")
        return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"

    def _ref(self, pointer: object, path: str) -> str:
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            raise ValueError(f"$ref {pointer!r} at {path} leads out of the schema, which is not supported")
        if pointer not in self._refs:
            name = self._refs[pointer] = f"{self._prefix}ref-{len(self._refs)}"
            depth, self._depth = self._depth, 0
            self.rules[name] = self.expression(self._resolve(pointer, path), pointer)
            self._depth = depth
        return self._refs[pointer]

    def _resolve(self, pointer: str, path: str) -> object:
        target = self._root
        for part in pointer[1:].split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and key.isdigit() and int(key) < len(target):
                target = target[int(key)]
            elif isinstance(target, dict) and key in target:
                target = target[key]
            else:
                raise ValueError(f"$ref {pointer!r} at {path} leads to nothing")
        return target

    def _typed(self, schema: dict[str, object], path: str) -> str:
        kinds = schema.get("type")
        if kinds is None:
            kinds = next((kind for kind, words in _KEYWORDS.items() if words & set(schema)), None)
            if kinds is None:
                return "value"
        found = []
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if not isinstance(kind, str) or kind not in _KEYWORDS:
                raise ValueError(f"the type {kind!r} at {path} is not one of {', '.join(_KEYWORDS)}")
            found.append(self._of_type(kind, schema, path))
        return self._either(found)

    def _of_type(self, kind: str, schema: dict[str, object], path: str) -> str:
        if not _KEYWORDS[kind] & set(schema):
            return kind
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema, path)
        if kind == "string":
            return self._string(schema, path)
        return self._number(kind, schema, path)

    def _rule(self, body: str) -> str:
        name = f"{self._prefix}r-{len(self.rules)}"
        self.rules[name] = body
        return name

    def _object(self, schema: dict[str, object], path: str) -> str:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        others = schema.get("additionalProperties", True)
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise ValueError(f"{path} has properties that are no object, or required that is no list")
        declared = properties | {name: others for name in required if name not in properties}
        if not declared:
            if others is False:
                return '"{" space "}"'
            of = self.expression(others, f"{path}/additionalProperties")
            member = self._rule(f'string ":" space {of}')
            return self._rule(f'"{{" space ({member} ("," space {member})* space)? "}}"')
        members = [
            self._rule(
                f'{json_strings.json_literal(str(name))} ":" space ' + self.expression(of, f"{path}/{name}")
            )
            for name, of in declared.items()
        ]
        return self._rule(self._members(members, [name in required for name in declared]))

    def _members(self, members: list[str], is_required: list[bool]) -> str:
        """Members in order, commas between those that are there."""
        rests = [""]
        for member, required in zip(reversed(members), reversed(is_required), strict=True):
            pair = f'"," space {member}' if required else f'("," space {member})?'
            rests.append(self._rule(f"{pair} {rests[-1]}"))
        rests.reverse()
        n_first = is_required.index(True) + 1 if True in is_required else len(members)
        starts = " | ".join(f"{members[i]} {rests[i + 1]}" for i in range(n_first))
        return (
            f'"{{" space ({starts}) space "}}"'
            if True in is_required
            else f'"{{" space (({starts}) space)? "}}"'
        )

    def _array(self, schema: dict[str, object], path: str) -> str:
        if "prefixItems" in schema:
            return self._tuple(schema, path)
        item = self._rule(self.expression(schema.get("items", True), f"{path}/items"))
        least, most = count_at(schema, "minItems", path), count_at(schema, "maxItems", path)
        low = least or 0
        if most is not None and most < low:
            raise ValueError(f"{path} has minItems {low} over maxItems {most}")
        if most == 0:
            return '"[" space "]"'
        next_item = self._rule(f'"," space {item}')
        rest = self._repeated(next_item, max(low - 1, 0), None if most is None else most - 1)
        return self._rule(
            f'"[" space {item} {rest} space "]"' if low else f'"[" space ({item} {rest} space)? "]"'
        )

    def _tuple(self, schema: dict[str, object], path: str) -> str:
        items = schema["prefixItems"]
        if not isinstance(items, list) or not items or {"minItems", "maxItems"} & set(schema):
            raise ValueError(
                f"prefixItems at {path} must be a list that is not empty, without counts beside it"
            )
        parts = [self._rule(self.expression(item, f"{path}/prefixItems/{i}")) for i, item in enumerate(items)]
        return '"[" space ' + ' "," space '.join(parts) + ' space "]"'

    def _string(self, schema: dict[str, object], path: str) -> str:
        given = sorted(_KEYWORDS["string"] & set(schema))
        if len(given) > 1 and not set(given) <= {"minLength", "maxLength"}:
            raise ValueError(f"{given[0]!r} beside {given[1]!r} at {path} is not supported")
        if "format" in schema:
            kind = schema["format"]
            if kind not in json_strings.FORMATS:
                raise ValueError(
                    f"the format {kind!r} at {path} is not one of {', '.join(json_strings.FORMATS)}"
                )
            inside = json_strings.FORMATS[str(kind)]
        elif "pattern" in schema:
            try:
                inside = f"({json_strings.pattern(str(schema['pattern']))})"
            except ValueError as error:
                raise ValueError(f"the pattern {schema['pattern']!r} at {path} has {error}") from error
        else:
            least, most = count_at(schema, "minLength", path), count_at(schema, "maxLength", path)
            if most is not None and most < (least or 0):
                raise ValueError(f"{path} has minLength {least} over maxLength {most}")
            inside = self._repeated("char", least or 0, most)
        return self._rule(rf'"\"" {inside} "\""')

    def _repeated(self, rule: str, least: int, most: int | None) -> str:
        """`rule` so many times; what llama.cpp does not count to is counted in blocks."""
        blocks, rest = divmod(least, _BLOCK)
        if blocks > MAX_REPEATS:
            raise ValueError(f"a least length of {least} is over {_BLOCK * MAX_REPEATS}")
        block = self._rule(f"{rule}{{{_BLOCK}}}") if max(least, most or 0) > _BLOCK else rule
        fixed = (f"{block}{{{blocks}}} " if blocks else "") + (f"{rule}{{{rest}}}" if rest else "")
        if most is None or (most - least) // _BLOCK >= MAX_REPEATS:
            return f"{fixed} {rule}*"
        more, last = divmod(most - least, _BLOCK)
        if not more:
            return f"{fixed} {rule}{{0,{last}}}" if last else fixed
        some = f"{block}{{0,{more - 1}}} {rule}{{0,{_BLOCK - 1}}}"
        return f"{fixed} ({some} | {block}{{{more}}} {rule}{{0,{last}}})"

    def _number(self, kind: str, schema: dict[str, object], path: str) -> str:
        found = (
            integers(integer_bounds(schema, path))
            if kind == "integer"
            else numbers(number_bounds(schema, path))
        )
        if found is None:
            raise ValueError(f"no {kind} is within the bounds at {path}")
        return self._rule(found)
