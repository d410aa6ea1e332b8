"""The look of the tables of `aion eval`."""

from __future__ import annotations

from rich.table import Table

_TEXT = frozenset(["mode", "question", "source", "at", "embedder", "origin"])


def columns(*names: str, title: str | None = None) -> Table:
    """An empty table; texts stand left, numbers right."""
    table = Table(title=title, title_justify="left", title_style="dim", box=None, header_style="dim")
    for name in names:
        table.add_column(name, justify="left" if name in _TEXT else "right", overflow="fold")
    return table
