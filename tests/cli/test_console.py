from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from aion.cli.console import SafeConsole

HOSTILE = "Olá\x1b]0;title\x07 \x9b2J \x7fa\tb"


@pytest.mark.parametrize("is_cell", [False, True])
def test_no_text_commands_the_terminal(is_cell: bool) -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, force_terminal=True, color_system="standard", highlight=False)
    shown: Table | str = HOSTILE
    if is_cell:
        shown = Table(box=None)
        shown.add_column()
        shown.add_row(Text(HOSTILE))
    console.print(shown, style="red", markup=False)
    assert "\x1b[31m" in file.getvalue()
    assert "Olá\ufffd]0;title" in file.getvalue()
    assert "\x1b]" not in file.getvalue()
    assert not set("\x07\x9b\x7f").intersection(file.getvalue())


def test_a_pipe_gets_every_character() -> None:
    file = io.StringIO()
    SafeConsole(file=file).print("a\x7fb\x9b", markup=False)
    assert file.getvalue() == "a\x7fb\x9b\n"
