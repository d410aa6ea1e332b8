"""A value of JSON in words: `key: value` lines, deeper ones indented, lists with dashes."""

from __future__ import annotations

from collections.abc import Mapping

from aion.rag.readers.content import one_line
from aion.types import Section

_TITLES = ("title", "name", "question", "titulo", "título", "nome", "pergunta")
_TEXTS = ("text", "content", "body", "answer", "texto", "conteudo", "conteúdo", "resposta")
_IDENTITIES = ("id", "_id", "uuid")
_MAX_HEADING_CHARS = 300


def section(record: object, line: int) -> Section:
    """A record's title as heading, then its text as it is, then its other fields with their names."""
    if not isinstance(record, Mapping):
        return Section((), described(record), line)
    title_key = next((key for key in _TITLES if _is_title(record.get(key))), None)
    text_key = next((key for key in _TEXTS if isinstance(record.get(key), str)), None)
    shown = (title_key, text_key, *(_IDENTITIES if text_key else ()))
    others = {key: value for key, value in record.items() if key not in shown}
    text = str(record[text_key]).strip() if text_key else ""
    headings = (one_line(str(record[title_key])),) if title_key else ()
    return Section(headings, "\n\n".join(filter(None, [text, described(others)])), line)


def described(value: object, indent: str = "") -> str:
    """`value` in lines; nothing, an empty list and an empty object have none."""
    if isinstance(value, Mapping):
        return "\n".join(filter(None, (_field(str(key), inner, indent) for key, inner in value.items())))
    if isinstance(value, list):
        return "\n".join(filter(None, (_item(inner, indent) for inner in value)))
    words = _scalar(value)
    return indent + words if words else ""


def _field(key: str, value: object, indent: str) -> str:
    if isinstance(value, Mapping | list):
        if isinstance(value, list) and not any(isinstance(inner, Mapping | list) for inner in value):
            words = ", ".join(filter(None, map(_scalar, value)))
            return f"{indent}{key}: {words}" if words else ""
        inner = described(value, indent + "  ")
        return f"{indent}{key}:\n{inner}" if inner else ""
    words = _scalar(value)
    return f"{indent}{key}: {words}" if words else ""


def _item(value: object, indent: str) -> str:
    inner = described(value, indent + "  ")
    return f"{indent}- {inner.lstrip()}" if inner else ""


def _scalar(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return one_line(str(value))


def _is_title(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= _MAX_HEADING_CHARS
