from __future__ import annotations

import random
import subprocess
import sys

import pytest

from aion.privacy import Finding, Kind, checksums, find
from tests.privacy.numbers import Numbers, spoilt


def found(text: str) -> list[tuple[Kind, str]]:
    return [(finding.kind, text[finding.start : finding.end]) for finding in find(text)]


def test_offsets_are_of_the_text_as_given() -> None:
    text = "Olá\u200b! CPF\u00a0５２９.９８２\u200b.２４７-２５, obrigado"
    assert find(text) == (Finding(Kind.CPF, 10, 25, "52998224725"),)
    assert text[10:25] == "５２９.９８２\u200b.２４７-２５"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CPF 11987610083", Kind.CPF),
        ("tel 11987610083", Kind.PHONE),
        ("CNH 52998224725", Kind.CNH),
        ("PIS 119.25449.92-5", Kind.PIS),
        ("NIF 918273641", Kind.NIF),
    ],
)
def test_the_word_beside_a_number_says_what_it_is(text: str, kind: Kind) -> None:
    assert [finding.kind for finding in find(text)] == [kind]


@pytest.mark.parametrize("order", ["pedido", "protocolo", "reserva nº", "order", "código da reserva:"])
def test_an_order_is_no_phone(order: str) -> None:
    assert found(f"{order} 11987654321") == []
    assert found("11987654321") == [(Kind.PHONE, "11987654321")]


def test_only_the_phone_is_masked_where_people_are_counted_after_it() -> None:
    assert found("+351 912 345 678 2 pessoas") == [(Kind.PHONE, "+351 912 345 678")]


def test_a_longer_number_is_no_document() -> None:
    assert found("1529982247251") == []
    assert found("3526 0152 9982 2472 5001 2550 0100 0012") == []


def test_an_address_takes_its_postal_code_along() -> None:
    text = "Rua das Flores, 12, 2.º Esq., 2710-523 Sintra."
    assert found(text) == [(Kind.ADDRESS, text[:-1])]


def test_a_number_in_a_url_is_part_of_it() -> None:
    assert found("https://example.com/r/912345678") == []
    assert found("https://wa.me/351912345678") == [(Kind.PHONE, "351912345678")]


@pytest.mark.parametrize("kind", ["cpf", "cnpj", "nif", "niss", "pis", "titulo", "cc", "iban"])
def test_a_checksum_holds_for_what_was_drawn_and_not_for_a_wrong_digit(kind: str) -> None:
    numbers = Numbers(random.Random(kind))
    for _ in range(50):
        number = getattr(numbers, kind)()
        check = getattr(checksums, f"is_{kind}")
        assert check(number)
        assert not check(spoilt(number, numbers.rng))


def test_importing_privacy_imports_no_library() -> None:
    code = "import sys, aion.privacy; print([m for m in ('phonenumbers', 'stdnum') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
