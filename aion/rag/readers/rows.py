"""Rows of cells as text: a table of a document in Markdown, a sheet with each row saying its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aion.rag.readers.content import one_line

MAX_HEADER_CHARS = 60


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows of a document's table, the first being its header, as Markdown; as paragraphs where no row has
    two filled cells."""
    kept = [cells for cells in ([one_line(cell) for cell in row] for row in rows) if any(cells)]
    if all(sum(map(bool, cells)) == 1 for cells in kept):
        return "\n\n".join("".join(cells) for cells in kept)
    n_columns = max(map(len, kept))
    lines = [_markdown(cells + [""] * (n_columns - len(cells))) for cells in kept]
    return "\n".join([lines[0], "|" + " --- |" * n_columns, *lines[1:]])


def sheet(rows: Iterable[Sequence[str]]) -> str:
    """Rows of a sheet, one a line, each cell with its column's name, so that a row read alone is understood.

    Single cells above the header are kept as lines; without a header, a row is its cells.
    """
    header: list[str] | None = None
    lines: list[str] = []
    for cells in _filled(rows):
        if header is None and sum(map(bool, cells)) > 1:
            header = cells if _is_header(cells) else []
            if header:
                continue
        lines.append(_line(header or [], cells))
    if header and not lines:
        lines.append(_line([], header))
    return "\n".join(lines)


def _filled(rows: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    for row in rows:
        cells = [one_line(cell) for cell in row]
        if any(cells):
            yield cells


def _is_header(cells: Sequence[str]) -> bool:
    """Whether all cells are names: words, short, none twice."""
    names = [cell for cell in cells if cell]
    return len(set(names)) == len(names) and all(
        len(name) <= MAX_HEADER_CHARS and any(map(str.isalpha, name)) for name in names
    )


def _line(header: Sequence[str], cells: Sequence[str]) -> str:
    names = [*header, *[""] * (len(cells) - len(header))]
    named = (f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)
    return "; ".join(named)


def _markdown(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
