from __future__ import annotations

import pytest

from aion.errors import InvalidRequest
from aion.events.person import Wanted


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("maria@example.com", "Escreva para Maria@Example.COM."),
        ("José da Silva", "o hóspede JOSE  DA\nSILVA chegou"),
        ("jose", "José!"),
        ("123.456.789-09", "CPF 12345678909"),
        ("12345678909", "CPF: 123.456.789-09."),
        ("+351 912 345 678", "liga +351912345678"),
        ("912345678", "(351) 912-345-678"),
        ("PT50 0002 0123", "IBAN pt5000020123 1234"),
        ("AB123456", "passaporte AB-123 456"),
        ("Ana", "A Ana, que ligou."),
        ("Maria Silva", "Maria_Silva.pdf"),
        ("Maria Silva", "maria.silva@example.com"),
        ("Maria Silva", "*Maria* Silva"),
        ("Ana Maria", "Ana\u2011Maria"),
        ("Ana-Maria", "Ana Maria"),
        ("D'Ávila", "a D\u2019Avila"),
        ("Conceição", "Concei\u00adção"),
        ("Conceição", "Concei-\nção"),
        ("Maria Conceição", '{"nome": "Maria Concei\\u00e7\\u00e3o"}'),
        ("Maria Silva", '"Maria\\nSilva"'),
        ("maria@example.com", "https://x.pt/?de=maria%40example.com"),
        ("Maria Silva", "https://x.pt/?de=maria+silva"),
        ("912345678", "912\u2012345\u2012678"),
        ("912345678", "912\u200b345\u200b678"),
        ("912345678", "912 | 345 | 678"),
        ("maria123456@example.com", "maria123456@example.com"),
    ],
)
def test_it_is_found_however_it_is_written(wanted: str, text: str) -> None:
    assert Wanted([wanted]).is_in(text)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("Ana", "Uma banana e a Anabela."),
        ("maria@example.com", "mario@example.com"),
        ("123.456.789-09", "123.456.789-00"),
        ("2026", "12026"),
        ("a.bc", "axbc"),
        ("Ana", "ana2"),
        ("Maria Silva", "MariaSilvana"),
        ("912345678", "912 e 345678"),
    ],
)
def test_what_is_only_alike_is_not_found(wanted: str, text: str) -> None:
    assert not Wanted([wanted]).is_in(text)


def test_it_is_found_at_any_depth_and_in_numbers() -> None:
    wanted = Wanted(["Rui Sá", "912345678"])
    assert wanted.is_in_any({"payload": [{"messages": ({"content": "o rui sa pergunta"},)}]})
    assert wanted.is_in_any({"n": 912345678})
    assert not wanted.is_in_any({"Rui Sá": None, "x": [True, 1.5]})


@pytest.mark.parametrize("text", ["", " ", "a", "é.", "..."])
def test_what_would_be_found_everywhere_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="too short") as raised:
        Wanted([text])
    assert raised.value.param == "text"


def test_nothing_wanted_is_in_nothing() -> None:
    assert not Wanted([])
    assert not Wanted([]).is_in("a")
