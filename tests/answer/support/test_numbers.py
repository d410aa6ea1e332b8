from __future__ import annotations

import pytest

from aion.answer.support.numbers import numbers_known, numbers_told


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("1.250 €", "1250 euros"),
        ("45,50 €", "45.50 euros"),
        ("45 €", "R$45,00"),
        ("9h30", "9:30"),
        ("às 17h", "at 5 pm"),
        ("9:00", "das 9 às 18h"),
        ("8 horas", "oito horas"),
        ("oito horas", "8 horas"),
        ("10 mil pessoas", "10.000 pessoas"),
        ("1,5 milhão", "1.500.000"),
        ("século 19", "século XIX"),
        ("século XIX", "século 19"),
        ("07/02", "7 de fevereiro"),
        ("1995", "1990-95"),
        ("1 pessoa", "uma pessoa"),
        ("100 000", "100.000"),
        ("1º lugar", "first: 1st"),
        ("duzentas e cinquenta vagas", "250 lugares"),
        ("vinte e um", "21"),
        ("two hundred and five", "205"),
        ("dois mil e quinhentos", "2.500"),
        ("às dez e trinta", "10 e 30"),
        ("abre às nove e meia", "9h30"),
        ("half past six", "18:30"),
        ("1h30", "uma hora e meia"),
        ("9.30 am", "9:30"),
        ("século XIX", "desde 1838"),
    ],
)
def test_one_number_has_many_faces(told: str, known: str) -> None:
    there = numbers_known(known)
    assert numbers_told(told)
    assert all(there & forms for forms in numbers_told(told))


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("46 €", "45 €"),
        ("9h30", "9h"),
        ("1.250", "1.25"),
        ("quatro", "14"),
        ("2025", "2026"),
        ("4,5", "45"),
        ("vinte e cinco", "20 e 5"),
        ("século XVIII", "1838"),
        ("nove e meia", "9h"),
    ],
)
def test_another_number_is_another(told: str, known: str) -> None:
    there = numbers_known(known)
    assert any(not there & forms for forms in numbers_told(told))


def test_words_repeated_without_end_make_no_endless_number() -> None:
    assert numbers_told("dois " + "mil " * 5000)[0] == frozenset(["2000"])
    assert len(numbers_told("vinte " * 5000)) == 5000


def test_what_is_no_number_tells_none() -> None:
    assert numbers_told("Os dois castelos da MI6, um B2 e IC-19 em H2O") == [frozenset(["19"])]
    assert numbers_told("") == []
