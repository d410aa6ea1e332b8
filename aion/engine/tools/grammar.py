"""The grammar of tool calls: the names there are, and arguments that their JSON schemas accept."""

from __future__ import annotations

from collections.abc import Sequence

from aion.engine.gbnf import check_grammar
from aion.engine.json_schema import base_rules, schema_rules
from aion.engine.json_strings import json_literal, literal
from aion.engine.tools.format import ToolFormat
from aion.errors import InvalidRequest
from aion.types import Tool


def calls_grammar(style: ToolFormat, tools: Sequence[Tool], *, is_open: bool, several: bool) -> str:
    """One call or `several` of `tools`; `is_open` when the opening stands before the grammar begins.

    A schema that no grammar can say is any JSON object, unless its tool is strict: then InvalidRequest is
    raised, as it is for a grammar too large.
    """
    rules: dict[str, str] = {}
    calls = []
    for index, tool in enumerate(tools):
        arguments = _arguments(tool, index, rules)
        rules[f"call-{index}"] = _call(style, tool, arguments)
        calls.append(f"call-{index}")
    rules["call"] = " | ".join(calls)
    root = _root(style, is_open=is_open, several=several)
    grammar = "\n".join(
        f"{name} ::= {body}" for name, body in ({"root": root} | rules | base_rules()).items()
    )
    check_grammar(grammar, "tools")
    return grammar


def _arguments(tool: Tool, index: int, rules: dict[str, str]) -> str:
    if tool.parameters.get("properties") == {} and not tool.parameters.get("additionalProperties"):
        return '"{" space "}"'
    try:
        expression, more = schema_rules(tool.parameters, f"tools.{index}.function.parameters", f"t{index}-")
    except InvalidRequest:
        if tool.is_strict:
            raise
        return "object"
    if not _is_object(tool):
        if tool.is_strict:
            raise InvalidRequest(
                f"tools.{index}.function.parameters is no schema of an object; give it the type 'object'.",
                param=f"tools.{index}.function.parameters",
            )
        return "object"
    rules |= more
    return expression


def _is_object(tool: Tool) -> bool:
    return tool.parameters.get("type", "object" if "properties" in tool.parameters else None) == "object"


def _call(style: ToolFormat, tool: Tool, arguments: str) -> str:
    if style.form == "named":
        identity = '("[CALL_ID]" [a-zA-Z0-9]{9})?'
        return f'{literal(tool.name)} {identity} "[ARGS]" space ({arguments})'
    name, key = json_literal(tool.name), json_literal(style.arguments)
    return (
        f'"{{" space "\\"name\\"" space ":" space {name} space "," space {key} space ":" space '
        f'({arguments}) space "}}"'
    )


def _root(style: ToolFormat, *, is_open: bool, several: bool) -> str:
    opening = literal(style.opening) if style.opening else ""
    first = "" if is_open else opening
    if style.form == "list":
        more = '(space "," space call)*' if several else ""
        return f'{first} space "[" space call {more} space "]"'
    if style.form == "named":
        return f"{first} call" + (f" ({opening} call)*" if several else "")
    if style.form == "tagged":
        closing = literal(style.closing)
        more = f' ("\\n" {opening} space call space {closing})*' if several else ""
        return f"{first} space call space {closing}{more}"
    return "space call"
