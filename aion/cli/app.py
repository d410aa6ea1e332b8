"""The command line itself: its options before the command, and how an error becomes a sentence."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import signal
import sys
from typing import Annotated

import typer
from rich.markup import escape

from aion import __version__
from aion.cli.console import err, out
from aion.errors import AionError
from aion.settings.origin import unknown, unreadable

_TELL_THEMSELVES = {None, "serve", "config", "doctor"}
"""Commands that say in their own way which settings nobody reads."""

app = typer.Typer(
    name="aion",
    help="AION answers questions from your own documents with a model on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The entry point: an AionError becomes one sentence and exit code 1, as does what the system refuses;
    Ctrl-C is 130, SIGTERM 143."""
    _open_closed_streams()
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        signal.signal(signal.SIGHUP, _terminated)
    try:
        app(standalone_mode=True)
    except AionError as error:
        err.print(f"[bold red]aion:[/] {escape(error.message)}")
        sys.exit(1)
    except OSError as error:
        err.print(f"[bold red]aion:[/] {escape(_refused(error))}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def flow_help(group: typer.Typer) -> None:
    """Each paragraph of the commands' help as one line: a terminal breaks it where it must, not where the
    source does."""
    for command in group.registered_commands:
        text = inspect.cleandoc(command.help or inspect.getdoc(command.callback) or "")
        command.help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            flow_help(inner.typer_instance)


def _open_closed_streams() -> None:
    """Where one of the three standard streams was closed by who started this, its number would be given to
    the next file or connection, and what others print would go there."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _refused(error: OSError) -> str:
    place = f"{error.filename!s:.200} cannot be used" if error.filename else "The system refused"
    return f"{place} ({error.strerror or error}); check the path, its rights and the disk."


def _terminated(_number: int, _frame: object) -> None:
    """Leave as any other end does, so that nothing half-written stays."""
    sys.exit(143)


def _tell_odd_settings() -> None:
    """What nobody reads in the environment and in `.env`: a misspelt AION_DB would make a second store."""
    with contextlib.suppress(AionError):  # the command says it, where it needs settings
        for sentence in (*(name.sentence for name in unknown()), *unreadable()):
            err.print(f"[yellow]Note:[/] {escape(sentence)}")


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what the parts are doing.")] = False,
) -> None:
    level = logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # of what it would say, `unreadable` says more
    if version:
        out.print(f"aion {__version__}")
        raise typer.Exit
    if context.invoked_subcommand not in _TELL_THEMSELVES:
        _tell_odd_settings()
