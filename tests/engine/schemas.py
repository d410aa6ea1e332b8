"""JSON schemas with texts they take and texts they refuse."""

from __future__ import annotations

from typing import Any

CHAIN = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "v": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["v", "next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
TOUR: dict[str, Any] = {
    "title": "Tour",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "kind": {"enum": ["half-day", "full-day", 3, None]},
        "hours": {"type": "number", "minimum": 0, "exclusiveMaximum": 24},
        "seats": {"type": "integer", "minimum": 1, "maximum": 48},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3}$"},
        "on": {"type": "string", "format": "date"},
        "tags": {"type": "array", "items": {"enum": ["a", 'b"\\']}, "minItems": 1, "maxItems": 3},
        "open": {"type": ["boolean", "null"]},
    },
    "required": ["name", "hours", "tags"],
    "additionalProperties": False,
}
CASES: list[tuple[Any, list[str], list[str]]] = [
    (True, ["1", '"a"', "null", '[1, {"a": []}]'], ["", "a", "[1,]"]),
    ({}, ["-0.5e+10", "true"], ["01", "+1", ".5", "NaN"]),
    (
        {"type": "integer", "minimum": -3, "maximum": 120},
        ["-3", "0", "9", "99", "120"],
        ["-4", "121", "1.0", "007"],
    ),
    ({"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 11}, ["10"], ["9", "11", "1", "100"]),
    ({"type": "integer", "minimum": 1.5}, ["2", "10", "999999"], ["1", "0", "-5"]),
    ({"type": "integer", "maximum": -95}, ["-95", "-100", "-12345"], ["-94", "-9", "0", "95"]),
    ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, ["0", "0.5", "0.999"], ["1", "1.0", "-0.1"]),
    (
        {"type": "number", "exclusiveMinimum": -2, "maximum": 3},
        ["-1.9", "0", "3", "2.5"],
        ["-2", "3.1", "-2.0", "4"],
    ),
    ({"type": "number", "exclusiveMinimum": 0}, ["0.01", "7", "12.5"], ["0", "0.0", "-1"]),
    (
        {"type": "string", "maxLength": 2},
        ['""', '"ab"', r'"\n\""', '"é🙂"'],
        ['"abc"', "ab", r'"\q"', r'"\ud800"'],
    ),
    (
        {"type": "string", "minLength": 600, "maxLength": 1700},
        [f'"{"a" * n}"' for n in (600, 1001, 1700)],
        [f'"{"a" * n}"' for n in (599, 1701)],
    ),
    (
        {"type": "string", "pattern": '^(ab|c\\.)+[^a-z"]?$'},
        ['"ab"', '"c.ab"', '"abA"', r'"ab\\"'],
        ['"abz"', r'"ab\""'],
    ),
    ({"type": "string", "pattern": "x\\d"}, ['"x1"', '"abx1cd"'], ['"x"', '"1x"']),
    ({"type": "string", "pattern": '^"\\s\\S$'}, [r'"\" a"', r'"\"\tb"'], ['"a b"']),
    ({"type": "string", "pattern": "^a{2,3}|b$"}, ['"aaxx"', '"xxb"'], ['"ax"']),
    (
        {"type": "string", "format": "date"},
        ['"2024-02-28"', '"1999-12-31"'],
        ['"2024-02-30"', '"2024-13-01"'],
    ),
    (
        {"type": "string", "format": "date-time"},
        ['"2024-02-28T23:59:59Z"', '"2024-02-28T00:00:00.5-03:00"'],
        ['"2024-02-28"', '"2024-02-28T24:00:00Z"'],
    ),
    ({"type": "string", "format": "uuid"}, ['"123e4567-e89b-12d3-a456-426614174000"'], ['"123e4567"']),
    ({"type": "string", "format": "ipv4"}, ['"0.10.199.255"'], ['"256.1.1.1"', '"1.1.1"']),
    ({"const": {"a": [1, "x\n"]}}, [r'{"a": [1, "x\n"]}'], ["{}"]),
    ({"type": "string", "enum": ["a", 1]}, ['"a"'], ["1"]),
    (
        {
            "type": "object",
            "properties": {"a": {"const": 1}, "b": {"const": 2}, "c": {"const": 3}},
            "required": ["b"],
        },
        ['{"b": 2}', '{"a": 1, "b": 2}', '{"b":2,"c":3}', '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'],
        ["{}", '{"a": 1}', '{"b": 2, "a": 1}', '{"b": 2,}', '{"b": 2, "d": 1}'],
    ),
    (
        {"properties": {"a": {"const": 1}, "b": {"const": 2}}},
        ["{}", '{"a": 1}', '{"b": 2}', '{"a": 1, "b": 2}'],
        ['{"b": 2, "a": 1}'],
    ),
    ({"type": "object"}, ["{}", '{"x": {"y": [1]}}'], ["[]", '{"x"}', "{1: 2}"]),
    ({"type": "object", "additionalProperties": False}, ["{}"], ['{"a": 1}']),
    ({"additionalProperties": {"type": "integer"}}, ["{}", '{"x": 1, "y": -2}'], ['{"x": "1"}']),
    ({"required": ["z"], "additionalProperties": {"type": "null"}}, ['{"z": null}'], ["{}", '{"z": 1}']),
    (
        {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
        ["[true, false]", "[true,true,true]"],
        ["[]", "[true]", "[true,true,true,true]"],
    ),
    ({"type": "array", "maxItems": 0}, ["[]"], ["[1]"]),
    ({"type": "array", "items": {"const": 1}, "maxItems": 1}, ["[]", "[1]"], ["[1, 1]"]),
    ({"prefixItems": [{"type": "integer"}, {"type": "string"}]}, ['[1, "a"]'], ["[1]", '["a", 1]']),
    (
        {
            "oneOf": [{"type": "integer"}, {"$ref": "#/definitions/a~1b"}],
            "definitions": {"a/b": {"const": "x"}},
        },
        ["3", '"x"'],
        ['"y"'],
    ),
    ({"type": "integer", "nullable": True}, ["1", "null"], ['"a"']),
    ({"allOf": [{"type": "null"}]}, ["null"], ["1"]),
    (CHAIN, ['{"v": 1, "next": {"v": 2, "next": null}}'], ['{"v": 1}', '{"v": 1, "next": {}}']),
    ({"type": "array", "items": {"$ref": "#"}}, ["[]", "[[], [[]]]"], ["[1]"]),
]
