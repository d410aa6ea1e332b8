from __future__ import annotations

import pytest

from aion.rag.readers.csv import read


def text_of(data: bytes) -> str:
    (section,) = read(data, "a.csv").sections
    return section.text


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-8-sig"])
def test_each_row_says_its_columns(separator: str, encoding: str) -> None:
    rows = [["Tour", "Preço"], ["Pena", "35 €"], ["Praça", "0 €"]]
    data = "\r\n".join(separator.join(row) for row in rows).encode(encoding)
    assert text_of(data) == "Tour: Pena; Preço: 35 €\nTour: Praça; Preço: 0 €"


def test_a_decimal_comma_is_no_separator() -> None:
    assert text_of(b"Tour;Valor\nPena;12,50\nMonserrate;8,00\n") == (
        "Tour: Pena; Valor: 12,50\nTour: Monserrate; Valor: 8,00"
    )


def test_a_separator_may_be_told_or_stand_among_decimal_commas() -> None:
    assert text_of(b'sep=|\r\nTour|"Obs, nota"\r\nPena|"1,5"\r\n') == "Tour: Pena; Obs, nota: 1,5"
    assert text_of(b"Pena;12,50\nMonserrate;8,00\n") == "Pena; 12,50\nMonserrate; 8,00"


def test_quotes_hold_separators_and_lines_together() -> None:
    assert text_of(b'a,b\n"x, ""y""","um\ndois"\n') == 'a: x, "y"; b: um dois'


def test_rows_without_a_header_are_their_cells() -> None:
    assert text_of(b"1,2\n3,4\n") == "1; 2\n3; 4"


def test_short_and_long_rows_are_kept_whole() -> None:
    assert text_of(b"a,b\n1\n1,2,3\n") == "a: 1\na: 1; b: 2; 3"


def test_a_header_alone_is_text() -> None:
    assert text_of(b"Tour,Hora\n") == "Tour; Hora"
    assert text_of(b"so uma coluna\nvalor\n") == "so uma coluna\nvalor"
