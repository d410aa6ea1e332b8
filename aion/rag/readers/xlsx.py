"""Excel workbooks: a section a sheet, each row saying its columns; values, no formulas and no macros."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time

import openpyxl
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from aion.rag.readers.content import Content, one_line
from aion.rag.readers.ooxml import main_part, properties
from aion.rag.readers.package import Package
from aion.rag.readers.rows import sheet
from aion.types import Section


def read(data: bytes, name: str) -> Content:
    """A workbook; a sheet's page is its number. Raises DocumentError."""
    package = Package(data, name)
    package.refuse_entities()
    main_part(package)
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    sections = [
        Section((one_line(page.title),), sheet(_rows(page)), 1, number)
        for number, page in enumerate(book.worksheets, 1)
    ]
    about = properties(package)
    return Content(about.title, tuple(part for part in sections if part.text), about.date, about.tags)


def _rows(page: Worksheet) -> Iterator[list[str]]:
    page.reset_dimensions()  # what the file says of them is often wrong
    for row in page.iter_rows():
        yield [_shown(cell) for cell in row]


def _shown(cell: Cell) -> str:
    """A value as people write it: ISO dates, numbers without a tail of zeros, percentages as such."""
    value = cell.value
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        is_share = "%" in (cell.number_format or "")
        return f"{value * 100:.10g}%" if is_share else f"{value:.15g}"
    return str(value)
