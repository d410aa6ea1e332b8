"""`aion search`: the passages a question finds, and why these."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from aion.cli.console import err, out
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.errors import InvalidRequest
from aion.server.events.iso_date import is_reversed, iso_date
from aion.settings import load_settings
from aion.types import Filters, Passage

_WORD = re.compile(r"[^\W_]+(?:[-‐][^\W_]+)*")


def _day(value: str | None) -> str | None:
    try:
        return None if value is None else iso_date(value)
    except ValueError as error:
        raise typer.BadParameter(f"{value!r}: {error}.") from error


def search(
    question: Annotated[str, typer.Argument(help="What to look for, in quotes.")],
    k: Annotated[int, typer.Option("--k", min=1, max=50, help="How many passages.")] = 8,
    source: Annotated[str | None, typer.Option(help="Only in the document of this source.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Only in sources that begin so.")] = None,
    date_from: Annotated[
        str | None,
        typer.Option("--from", callback=_day, help="Only in documents of this day (2026-01-31) or later."),
    ] = None,
    date_to: Annotated[
        str | None, typer.Option("--to", callback=_day, help="Only in those of this day or earlier.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only in documents with this tag; again for more.")
    ] = None,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Show the passages a question finds, their scores and why they were chosen. Nothing is generated."""
    from aion.server.as_json import retrieval_json  # noqa: PLC0415 - loads llama.cpp
    from aion.server.documents.search import N_NEAREST  # noqa: PLC0415
    from aion.server.library import open_library  # noqa: PLC0415

    if not question.strip():
        raise InvalidRequest("The question is empty; write what to look for.")
    if is_reversed(date_from, date_to):
        raise typer.BadParameter(f"--to {date_to} is before --from {date_from}.")
    filters = Filters(source, prefix, date_from, date_to, tuple(dict.fromkeys(tag or ())))
    settings = load_settings(db=db, tenant=tenant)
    with open_library(settings) as library:
        if notice := library.reembedding.notice:
            err.print(f"[yellow]Note:[/] {escape(notice)}")
        found = library.retriever.retrieve(settings.tenant, question, max(N_NEAREST, k), k, filters)
    if as_json:
        out.print(json.dumps(retrieval_json(found), ensure_ascii=False, indent=2), markup=False)
        return
    for passage in found.passages:
        show_passage(passage)
    if not found.passages:
        err.print("Nothing was found; look at what is stored with `aion documents list`.", markup=False)


def show_passage(passage: Passage, note: str = "") -> None:
    """A passage with its scores above and its words below, those that were asked for marked."""
    head = Text.assemble(
        (f"[{passage.n}] ", "bold"),
        (passage.source, "bold"),
        (f"  {place(passage.line, passage.page)}", "dim"),
        (f"  {note}", "green"),
    )
    head.rstrip()
    path, _, body = passage.text.partition("\n")
    out.print(head)
    _indented(Text(_why(passage), style="dim"))
    if body:
        _indented(Text(path, style="italic"))
    _indented(_marked(body or path, frozenset(passage.stems)))
    out.print()


def _indented(text: Text) -> None:
    out.print(Padding(text, (0, 0, 0, 4), expand=False), soft_wrap=False)


def place(line: int, page: int | None) -> str:
    """Where in its document something is."""
    return f"line {line}" if page is None else f"page {page}, line {line}"


def _why(passage: Passage) -> str:
    """The scores with the place in each list, and the stems of the question that it has."""
    parts = [
        f"score {passage.score:.3f}",
        f"bm25 {passage.bm25:.2f}{_place_in_list(passage.lexical_rank)}",
        f"cosine {passage.cosine:.3f}{_place_in_list(passage.dense_rank)}",
        f"wording {passage.wording:.2f}",
    ]
    if passage.rerank is not None:
        parts.append(f"rerank {passage.rerank:.3f}")
    if passage.stems:
        parts.append(f"has {', '.join(passage.stems)}")
    elif passage.bm25 == 0:
        parts.append("near in meaning only")
    return " · ".join(parts)


def _place_in_list(rank: int | None) -> str:
    return "" if rank is None else f" (#{rank})"


def _marked(body: str, wanted: frozenset[str]) -> Text:
    """The body with the words marked that have one of these stems."""
    from aion.rag.stem import question_stems  # noqa: PLC0415

    text = Text(body)
    for match in _WORD.finditer(body):
        if wanted.intersection(question_stems(match.group(), ("pt", "en"))):
            text.stylize("bold yellow", *match.span())
    return text
