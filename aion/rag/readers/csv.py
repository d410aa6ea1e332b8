"""Comma-separated values, whatever separates them: each row says its columns."""

from __future__ import annotations

import csv
import io
import re

from aion.rag.readers.content import Content
from aion.rag.readers.encoding import text_of
from aion.rag.readers.rows import sheet
from aion.types import Section

_SEPARATORS = ";,\t|"  # where the first two do as well, the comma is of decimals
_TOLD = re.compile(r"sep=([^\w\s]|\t)[ \t]*\n", re.IGNORECASE)  # by which Excel is told
_JUDGED_LINES = 50
_MAX_CELL_CHARS = 1024**2


def read(data: bytes, name: str) -> Content:
    """A table in a text file. Raises DocumentError."""
    text = text_of(data, name)
    csv.field_size_limit(_MAX_CELL_CHARS)
    told = _TOLD.match(text)
    table = io.StringIO(text[told.end() :] if told else text)
    separator = told[1] if told else _separator(text)
    lines = sheet(csv.reader(table, delimiter=separator, skipinitialspace=True))
    return Content(None, (Section((), lines, 2 if told else 1),) if lines else ())


def _separator(text: str) -> str:
    """What cuts most of the first lines into the same number of cells, more cells being better."""
    lines = [line for line in text.split("\n", _JUDGED_LINES)[:_JUDGED_LINES] if line.strip()]

    def judge(separator: str) -> tuple[float, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        if not counts:
            return 0.0, 0
        usual = max(set(counts), key=lambda n_cells: (counts.count(n_cells), n_cells))
        return (counts.count(usual) / len(counts), usual) if usual > 1 else (0.0, 0)

    return max(_SEPARATORS, key=judge)
