from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.rag.readers.content import Content, cleaned, day_of, from_json, split_tags, to_json
from aion.types import Section


@given(st.text(), st.text(), st.lists(st.text()))
def test_what_is_cleaned_is_text_and_crosses_unchanged(title: str, text: str, tags: list[str]) -> None:
    content = cleaned(Content(title, (Section((title,), text + "\ud800\x00", 1, 2),), None, tuple(tags)))
    content.sections[0].text.encode()
    assert from_json(json.loads(to_json(content))) == content


def test_accents_are_put_together() -> None:
    assert cleaned(Content(None, (Section((), "na\u0303o", 1),))).sections[0].text == "não"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31"),
        (" 2024/01/31", "2024-01-31"),
        ("20240131", "2024-01-31"),
        ("D:20240131120000+01'00'", "2024-01-31"),
        ("2024-13-01", None),
        ("2024-02-31", None),
        ("2024-01", None),
        ("ontem", None),
        ("", None),
        (None, None),
    ],
)
def test_days_are_read_from_iso_and_pdf_dates(text: str | None, day: str | None) -> None:
    assert day_of(text) == day


def test_tags_stand_between_commas_and_come_once() -> None:
    assert split_tags("Sintra, preços; Sintra ,, meio  dia") == ("Sintra", "preços", "meio dia")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"sections": None},
        {"sections": [1]},
        {"sections": [[["a"], "b", "1", None]], "tags": []},
        {"sections": [[[1], "b", 1, None]], "tags": []},
        {"sections": [], "tags": "ab"},
        {"sections": [], "tags": [], "title": 3},
    ],
)
def test_an_answer_of_another_form_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no "):
        from_json(answer)
