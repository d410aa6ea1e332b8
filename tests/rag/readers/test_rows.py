from __future__ import annotations

from aion.rag.readers.rows import sheet, table


def test_a_table_is_markdown() -> None:
    assert table([["a", "b|c"], [], ["1"]]) == "| a | b\\|c |\n| --- | --- |\n| 1 |  |"


def test_a_table_of_one_column_is_paragraphs() -> None:
    assert table([["um"], [""], ["dois"]]) == "um\n\ndois"
    assert table([]) == ""


def test_a_sheet_names_its_columns_in_every_row() -> None:
    rows = [["Tarifas"], ["Tour", "", "Preço"], ["Pena", "x", "35"], ["", "", "12"]]
    assert sheet(rows) == "Tarifas\nTour: Pena; x; Preço: 35\nPreço: 12"


def test_columns_named_alike_or_by_numbers_are_no_header() -> None:
    assert sheet([["a", "a"], ["1", "2"]]) == "a; a\n1; 2"
    assert sheet([["2023", "2024"], ["1", "2"]]) == "2023; 2024\n1; 2"
