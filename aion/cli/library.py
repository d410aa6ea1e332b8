"""`aion documents`: what is stored, one of them with its text, and away with it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aion.cli.console import err, out
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.cli.search import place
from aion.errors import NotFound
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.store.connection import Store
    from aion.store.listing import Listed, Listing

_PAGE = 500

library = typer.Typer(help="List, show and delete the documents in the store.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="DOCUMENT", help="A source, or a number as listed.")]


@library.command("list")
def list_documents(
    prefix: Annotated[str, typer.Option(help="Only sources that begin so.")] = "",
    tag: Annotated[str | None, typer.Option(help="Only documents with this tag.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many; all if not given.")] = None,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """List what is stored, in the order of the sources."""
    from aion.server.as_json import listed_json  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    with _opened(settings) as (_, listing):
        found = list(islice(_all(listing, settings.tenant, prefix, tag), limit))
    if as_json:
        whole = {"documents": [listed_json(each) for each in found]}
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
        return
    if not found:
        err.print("No documents; `aion ingest FOLDER` reads some.", markup=False)
        return
    out.print(_table(found))


@library.command("show")
def show_document(
    name: NameArgument,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Show a document as it is stored: its chunks in order, with page or line."""
    from aion.server.as_json import chunk_json, listed_json  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    with _opened(settings) as (_, listing):
        listed = _named(listing, settings, name)
        chunks = listing.chunks(settings.tenant, listed.id)
    if as_json:
        whole = listed_json(listed) | {"passages": [chunk_json(chunk) for chunk in chunks]}
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
        return
    out.print(_table([listed]))
    for chunk in chunks:
        twin = f", as in {chunk.twin_of}" if chunk.twin_of else ""
        out.print(Text(f"\n{chunk.id}  {place(chunk.line, chunk.page)}{twin}", style="dim"))
        out.print(Padding(Text(chunk.text), (0, 0, 0, 4), expand=False), soft_wrap=False)


@library.command("delete")
def delete_documents(
    names: Annotated[list[str], typer.Argument(metavar="DOCUMENT...", help="Sources, or numbers as listed.")],
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Delete documents from the store; files stay. One that is not there is named, and the exit code is 1."""
    from aion.store.documents import Documents  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    n_deleted = 0
    with _opened(settings) as (store, listing):
        stored = Documents(store)
        for name in dict.fromkeys(names):
            try:
                listed = _named(listing, settings, name)
            except NotFound as error:
                err.print(f"[red]failed[/] {escape(error.message)}")
                continue
            n_deleted += stored.delete(settings.tenant, listed.source)
            out.print(f"deleted {listed.source}", markup=False)
    if n_deleted < len(set(names)):
        raise typer.Exit(1)


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Store, Listing]]:
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.listing import Listing  # noqa: PLC0415

    with contextlib.closing(Store(settings.db)) as store:
        yield store, Listing(store)


def _all(listing: Listing, tenant: str, prefix: str, tag: str | None) -> Iterator[Listed]:
    after = ""
    while found := listing.page(tenant, _PAGE, after, prefix, tag):
        yield from found
        after = found[-1].source


def _named(listing: Listing, settings: Settings, name: str) -> Listed:
    """By its source, or else by its number. Raises NotFound."""
    listed = listing.find(settings.tenant, name)
    if listed is None and name.isascii() and name.isdecimal() and len(name) <= 18:
        listed = listing.by_id(settings.tenant, int(name))
    if listed is None:
        raise NotFound(f"There is no document {name!r}; `aion documents list` shows what there is.")
    return listed


def _table(found: list[Listed]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("number", "source", "title", "date", "tags", "chunks", "size"):
        justify: Literal["left", "right"] = "right" if column in {"number", "chunks", "size"} else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for each in found:
        tags = escape(", ".join(each.tags))
        table.add_row(
            str(each.id), escape(each.source), escape(each.title), each.date or "", tags,
            str(each.n_chunks), decimal(each.n_bytes),
        )  # fmt: skip
    return table
