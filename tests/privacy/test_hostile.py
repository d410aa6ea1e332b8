"""Texts made to keep a pattern busy. Each would take hours if a pattern looked at a place more than a bounded
number of times.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aion.privacy import Masks, Restorer, find, mask

SEEDS = (
    *(
        "a",
        "A",
        "Aa ",
        "É ",
        "’",
        "\n",
        " ",
        "\t",
        "\r\n",
        "\u200b",
        "1\u200b",
        "\ufffc",
        "-",
        "(",
        "((",
        "º",
        "[",
        "@",
    ),
    *(
        "1",
        "1 ",
        "1.",
        "1-",
        "1,",
        "1:",
        "0.",
        "9-",
        "99 ",
        "55",
        "A1",
        "12.345.",
        "+1 ",
        "(11) ",
        "00351 9",
        "0800 ",
    ),
    *(
        "a@",
        "a@a.",
        "a.a",
        "a arroba a ponto ",
        "a at b dot ",
        "joao [at] ",
        "0:",
        "::",
        "1.1.1.1",
        "http://a",
        "www.",
    ),
    *(
        "[CPF_",
        "[CPF_1",
        "CPF_1 ",
        "CPF n ",
        "CPF: 1 ",
        "NIF 1",
        "PT50 ",
        "PT5",
        "IBAN ",
        "4111 1111 1111 1111 ",
    ),
    *(
        "Rua da ",
        "Rua A, 1, ",
        "rua de a ",
        "Praça Aa, 1 - Aa",
        "10 Aa Aa ",
        "1000-000 Aa ",
        "12345-678",
        "placa ",
    ),
    *(
        "Sr. Aa ",
        "D. Aa ",
        "Nome: Aa de ",
        "meu nome é aa ",
        "Atenciosamente,\n",
        "em nome de Aa ",
        "Olá, Aa ",
        "e de ",
    ),
    *("nascido em 1", "1 de ", "passaporte n n n ", "passport aaaaa ", "tel 9", "meu nome é Ana Silva. Ana "),
)


def test_a_megabyte_of_what_is_hard_for_each_pattern_comes_to_an_end() -> None:
    length = 1_000_000 // len(SEEDS)
    text = "\n\n".join((seed * length)[:length] for seed in SEEDS)
    assert all(0 <= finding.start < finding.end <= len(text) for finding in find(text))


@pytest.mark.parametrize("seed", ["1", "a", "Aa ", "@", "1.", "CPF "])
def test_a_long_text_of_one_sort_comes_to_an_end(seed: str) -> None:
    assert find(seed * (50_000 // len(seed))) == ()


@given(st.text(alphabet="aA1 .-@:/(+[,é\n", min_size=1, max_size=6), st.sampled_from((1, 50, 2_000)))
@settings(max_examples=25)
def test_anything_repeated_comes_to_an_end_and_comes_back(unit: str, times: int) -> None:
    masks = Masks()
    assert masks.restore(mask(unit * times, masks)) == unit * times


def test_a_stream_of_beginnings_is_not_kept_for_ever() -> None:
    restorer = Restorer(Masks())
    given_out = sum(len(restorer.push("[CPF_")) for _ in range(2_000))
    assert given_out > 9_900
