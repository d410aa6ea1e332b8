from __future__ import annotations

import json

import pytest

from aion.remote.card import Card, read_card, read_n_ctx
from aion.remote.reply import Broken

AION = [
    {"id": "nano", "owned_by": "aion"},
    {"id": "guide", "owned_by": "aion", "parent": "nano"},
]


def card(entries: object, wanted: str = "") -> Card:
    return read_card(json.dumps({"object": "list", "data": entries}).encode(), wanted)


def test_the_first_base_is_asked_for_when_none_is_named() -> None:
    told = card(list(reversed(AION)))
    assert (told.model, told.base, told.adapters) == ("nano", "nano", frozenset({"guide"}))
    assert (told.kind, told.more_at) == ("aion", "/health")


def test_the_model_that_is_named_is_asked_for_listed_or_not() -> None:
    assert (card(AION, "guide").model, card(AION, "guide").base) == ("guide", "nano")
    assert card(AION, "unheard").model == "unheard"
    assert card([], "unheard") == Card("unheard")


@pytest.mark.parametrize(
    ("entry", "n_ctx"),
    [
        ({"max_model_len": 8192}, 8192),
        ({"meta": {"n_ctx_train": 32768}}, 32768),
        ({"context_length": 4096}, 4096),
        ({"max_model_len": "8192"}, None),
        ({"max_model_len": -1, "meta": None}, None),
        ({}, None),
    ],
)
def test_the_context_is_read_where_it_is_told(entry: dict[str, object], n_ctx: int | None) -> None:
    assert card([{"id": "m"} | entry]).n_ctx == n_ctx


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"data": 3}', b"[" * 100_000])
def test_what_is_no_list_is_said_so(body: bytes) -> None:
    with pytest.raises(Broken, match="a list of models"):
        read_card(body, "")


def test_entries_that_are_none_are_passed_over() -> None:
    assert card([3, {"id": 7}, {"id": "m", "owned_by": None}]).model == "m"


@pytest.mark.parametrize(
    ("body", "n_ctx"),
    [
        (b'{"n_ctx": 2048}', 2048),
        (b'{"default_generation_settings": {"n_ctx": 512}}', 512),
        (b'{"n_ctx": true}', None),
        (b"[3]", None),
        (b"oops", None),
    ],
)
def test_the_context_served_is_told_beside_the_list(body: bytes, n_ctx: int | None) -> None:
    assert read_n_ctx(body) == n_ctx
