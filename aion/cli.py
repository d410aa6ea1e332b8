"""Every command: parse, call one function, print. The only module that prints."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from aion import __version__
from aion.convert import FileType
from aion.convert import convert as convert_checkpoint
from aion.errors import AionError
from aion.settings import load_settings
from aion.types import Delta

if TYPE_CHECKING:
    from aion.answer.router import Answer, Question, Router

app = typer.Typer(
    name="aion",
    help="AION answers questions from your own documents with a model on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
_out = Console(highlight=False, soft_wrap=True, emoji=False)
_err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

DbOption = Annotated[Path | None, typer.Option("--db", help="The SQLite file (AION_DB, ./aion.db).")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="A GGUF file to answer with (AION_BASE_MODEL).")
]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Whose documents (PRIMARY_TENANT_ID).")]


def main() -> None:
    """The entry point: an AionError becomes one sentence and exit code 1."""
    try:
        app(standalone_mode=True)
    except AionError as error:
        _err.print(f"[bold red]aion:[/] {escape(error.message)}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what the parts are doing.")] = False,
) -> None:
    level = logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if version:
        _out.print(f"aion {__version__}")
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (AION_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (AION_PORT, 8008).")] = None,
    db: DbOption = None,
    model: ModelOption = None,
) -> None:
    """Serve the page, [bold]/api/ai/chat[/], [bold]/generate[/] and [bold]/v1[/] until Ctrl-C.

    Settings come from these options, the environment, [bold].env[/], then the defaults.
    Listens on 127.0.0.1 unless AION_ALLOW_ANONYMOUS=true says that strangers may ask.
    """
    from aion.server.listen import listen  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(host=host, port=port, db=db, base_model=model)
    _err.print("[dim]Loading the models ...[/]")
    with listen(settings) as listening:
        services = listening.services
        if services.notice:
            _err.print(f"[yellow]Note:[/] {escape(services.notice)}")
        if "host" in settings.model_fields_set and settings.host != settings.bind_host:
            _err.print(
                f"[yellow]Note:[/] {settings.host} would let anyone ask; AION_ALLOW_ANONYMOUS=true opens it."
            )
        name = services.generator.model_name
        _out.print(f"AION {__version__} answers at [bold]{listening.url}[/] with {name}. Try:\n")
        _out.print(_curl(listening.url), markup=False)
        _out.print("\nCtrl-C ends it.")
        listening.run()


def _curl(url: str) -> str:
    question = "Explique a diferença entre o tour full-day e o half-day em Sintra"
    body = f'{{"message": "{question}"}}'
    return f"curl -s {url}/api/ai/chat -H 'Content-Type: application/json' \\\n  -d '{body}'"


@app.command()
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders: md, txt, html.")],
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Put documents into the store; those that did not change are skipped.

    A document that cannot be read is named with its reason and the others go in. Exit code 1 when any failed.
    Interrupted? Run it again: it goes on where it was.
    """
    from aion.server.services import open_library  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(db=db, tenant=tenant)
    with open_library(settings) as library, _progress() as progress:
        task = progress.add_task("documents", total=None)

        def advance(done: int, total: int, name: str) -> None:
            progress.update(task, completed=done, total=total, description=name)

        summary = library.ingester.ingest(paths, settings.tenant, advance)
    _out.print(
        f"{summary.added} added, {summary.changed} changed, {summary.skipped} unchanged, "
        f"{len(summary.failed)} failed"
        + (f", {summary.ignored} of unknown kinds." if summary.ignored else ".")
    )
    for source, reason in summary.failed:
        _err.print(f"[red]failed[/] {escape(source)}: {escape(reason)}")
    if summary.failed:
        raise typer.Exit(1)


def _progress() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    db: DbOption = None,
    model: ModelOption = None,
    tenant: TenantOption = None,
    tau: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Least confidence for an answer.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the same answer come again.")] = None,
) -> None:
    """Answer one question here, without a server: the text as it is written, the sources below."""
    from aion.answer.router import Question  # noqa: PLC0415 - loads llama.cpp
    from aion.server.services import open_services  # noqa: PLC0415

    settings = load_settings(db=db, base_model=model, tenant=tenant)
    asked = Question(question, settings.tenant, tau, seed=seed)
    with open_services(settings) as services:
        asyncio.run(_ask(services.router, asked))


async def _ask(router: Router, question: Question) -> None:
    async for event in router.stream(question):
        if isinstance(event, Delta):
            _out.print(event.text, end="", markup=False)
        else:
            _out.print("\n")
            _out.print(_sources(event))


def _sources(answer: Answer) -> Table:
    title = f"used: {answer.used}, {answer.reason}, C = {answer.confidence:.2f}, {answer.model}"
    table = Table(title=title, title_justify="left", box=None, header_style="dim", title_style="dim")
    for column in ("n", "source", "score", "passage"):
        table.add_column(column, no_wrap=column != "passage")
    for p in answer.passages:
        mark = f"[bold green]\\[{p.n}][/]" if p.n in answer.cited else f"\\[{p.n}]"
        body = p.text.partition("\n")[2] or p.text
        passage = Text(" ".join(body.split())[:200], no_wrap=True, overflow="ellipsis")
        table.add_row(mark, escape(p.source), f"{p.score:.2f}", passage)
    return table


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A Hugging Face checkpoint folder of the Mistral family.")],
    out: Annotated[Path, typer.Option("--out", help="The GGUF file to write.")],
    file_type: Annotated[FileType, typer.Option("--type", help="How weights are stored.")] = "f16",
    name: Annotated[str | None, typer.Option(help="The model's name in the file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that exists.")] = False,
) -> None:
    """Turn a checkpoint into a GGUF, without torch and without a network."""
    with _progress() as progress:
        task = progress.add_task("tensors", total=None)

        def advance(tensor: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, description=tensor)

        convert_checkpoint(source, out, file_type, name=name, progress=advance, overwrite=overwrite)
    _out.print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


@app.command()
def doctor(db: DbOption = None, model: ModelOption = None) -> None:
    """Look at everything AION needs and say what is wrong and how to mend it. Exit code 1 on a problem."""
    from aion.server.doctor import examine  # noqa: PLC0415 - loads llama.cpp

    findings = examine(load_settings(db=db, base_model=model))
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[bold red]problem[/]"}[
            finding.level
        ]
        text = escape(finding.text)
        table.add_row(
            mark,
            finding.subject,
            text if not finding.remedy else f"{text}\n[bold]→ {escape(finding.remedy)}[/]",
        )
    _out.print(table)
    if any(f.level == "problem" for f in findings):
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
