from __future__ import annotations

import json

import pytest

from aion.errors import DocumentError
from aion.rag.readers import json as json_reader
from aion.rag.readers import jsonl
from aion.types import Section


def read(value: object) -> tuple[Section, ...]:
    return json_reader.read(json.dumps(value).encode(), "a.json").sections


def test_an_object_is_lines_of_keys_and_values() -> None:
    value = {
        "nome": "Pena",
        "aberto": True,
        "horas": {"seg": "9h30", "dom": None},
        "tags": ["a", "b"],
        "x": [],
    }
    assert read(value) == (Section(("Pena",), "aberto: true\nhoras:\n  seg: 9h30\ntags: a, b", 1),)


def test_a_list_of_records_is_a_section_each() -> None:
    records = [{"title": "Pena", "text": "Abre às 9h30.", "id": "p1"}, {"title": "Fim", "preço": 3}]
    assert read(records) == (
        Section(("Pena",), "Abre às 9h30.", 1),
        Section(("Fim",), "preço: 3", 2),
    )


def test_other_values_are_words_too() -> None:
    assert read(["um", 2, ["três"]]) == (Section((), "- um\n- 2\n- - três", 1),)
    assert read("só isto") == (Section((), "só isto", 1),)
    assert read(None) == ()


def test_lines_are_sections_with_their_numbers() -> None:
    data = '{"id": 1, "title": "A", "text": "um"}\n\n{"text": "dois", "ano": 2024}\n"três"\n'.encode()
    assert jsonl.read(data, "a.jsonl").sections == (
        Section(("A",), "um", 1),
        Section((), "dois\n\nano: 2024", 3),
        Section((), "três", 4),
    )


def test_what_is_no_json_is_refused_by_line() -> None:
    with pytest.raises(DocumentError, match=r"a\.jsonl has no JSON in line 2"):
        jsonl.read(b'{"a": 1}\n{', "a.jsonl")
    with pytest.raises(DocumentError, match=r"a\.json is no JSON \(Expecting"):
        json_reader.read(b"{", "a.json")
