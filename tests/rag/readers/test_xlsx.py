from __future__ import annotations

import io
from datetime import datetime

import openpyxl

from aion.rag.readers.xlsx import read
from aion.types import Section


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_each_row_says_its_columns() -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Preços"
    page.append(["Tarifário de Sintra"])
    page.append([])
    page.append(["Tour", "Preço", "Desde", "Desconto", "Ativo"])
    page.append(["Pena", 35, datetime(2024, 1, 31), 0.125, True])  # noqa: DTZ001
    page.append(["Regaleira", 12.5, None, None, False])
    page["D4"].number_format = "0.0%"
    book.create_sheet("Vazia")
    book.create_sheet("Horas").append(["só isto"])
    book.properties.title, book.properties.keywords = "Tarifas", "a,b"
    content = read(saved(book), "a.xlsx")
    assert (content.title, content.tags) == ("Tarifas", ("a", "b"))
    assert content.sections == (
        Section(
            ("Preços",),
            "Tarifário de Sintra\n"
            "Tour: Pena; Preço: 35; Desde: 2024-01-31; Desconto: 12.5%; Ativo: TRUE\n"
            "Tour: Regaleira; Preço: 12.5; Ativo: FALSE",
            1,
            1,
        ),
        Section(("Horas",), "só isto", 1, 3),
    )


def test_values_are_read_and_formulas_are_not() -> None:
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([1, "=A2*2"])
    assert read(saved(book), "a.xlsx").sections[0].text == "a: 1"
