"""`aion ask`: one question answered here, without a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aion.cli.console import ConversionBar, err, out
from aion.cli.options import DbOption, JsonOption, ModelOption, TenantOption
from aion.cli.search import place
from aion.settings import load_settings
from aion.types import Delta, Message

if TYPE_CHECKING:
    from aion.answer.answer import Answer
    from aion.answer.question import Question
    from aion.answer.router import Router


def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    db: DbOption = None,
    model: ModelOption = None,
    tenant: TenantOption = None,
    tau: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Least confidence for an answer.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the same answer come again.")] = None,
    after: Annotated[
        list[str] | None, typer.Option(help="What was asked before; again for each, in order.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(help="Go on with this conversation, as an earlier answer names it.")
    ] = None,
    force_fallback: Annotated[
        bool, typer.Option("--force-fallback", help="Ask the paid model, for developers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Answer one question here, without a server: the text as it is written, the sources below."""
    from aion.answer.question import Question  # noqa: PLC0415
    from aion.server.services import open_services  # noqa: PLC0415 - loads llama.cpp

    settings = load_settings(db=db, base_model=model, tenant=tenant)
    before = tuple(Message("user", earlier) for earlier in after or ())
    asked = Question(
        question, settings.tenant, tau, force_fallback, seed, history=before, conversation=conversation
    )
    bar = ConversionBar(settings.base_model)
    with contextlib.closing(bar), open_services(settings, bar) as services:
        bar.close()
        if notice := services.library.reembedding.notice:
            err.print(f"[yellow]Note:[/] {escape(notice)}")
        asyncio.run(_as_json(services.router, asked) if as_json else _ask(services.router, asked))


async def _as_json(router: Router, question: Question) -> None:
    from aion.server.as_json import answer_json  # noqa: PLC0415

    answer = await router.answer(question)
    out.print(json.dumps(answer_json(answer), ensure_ascii=False, indent=2), markup=False)


async def _ask(router: Router, question: Question) -> None:
    async for event in router.stream(question):
        if isinstance(event, Delta):
            out.print(event.text, end="", markup=False)
            continue
        out.print("\n")
        out.print(_sources(event))
        for span in event.unsupported:
            err.print(f"[yellow]Not in the passages:[/] {escape(event.text[span.start : span.end])}")
        if event.warning:
            err.print(f"[yellow]Note:[/] {escape(event.warning)}")


def _sources(answer: Answer) -> Table:
    title = (
        f"used: {answer.used}, {answer.reason}, C = {answer.confidence:.2f}, {answer.model}, "
        f"conversation {answer.conversation}"
    )
    table = Table(title=title, title_justify="left", box=None, header_style="dim", title_style="dim")
    for column in ("n", "source", "where", "score", "passage"):
        table.add_column(column, no_wrap=column != "passage")
    for p in answer.passages:
        mark = f"[bold green]\\[{p.n}][/]" if p.n in answer.cited else f"\\[{p.n}]"
        body = p.text.partition("\n")[2] or p.text
        passage = Text(" ".join(body.split())[:200], no_wrap=True, overflow="ellipsis")
        table.add_row(mark, escape(p.source), place(p.line, p.page), f"{p.score:.2f}", passage)
    return table
