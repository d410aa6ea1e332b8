"""`aion events`: what happened, and why an answer was given as it was; what is old or somebody's goes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from aion.cli.console import err, out
from aion.cli.event_story import print_story
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.errors import InvalidRequest, StoreError
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.store.connection import Store
    from aion.store.events import EventRow

_SAID = ("prompt", "query", "message", "source", "name")
_CHARS = 80

events = typer.Typer(help="Look into the log of what happened; forget what must be.", no_args_is_help=True)


@events.command("list")
def list_events(
    kind: Annotated[
        str | None, typer.Option(help="Only of this kind: answer, error ...; 'document.' is all of these.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only from this day on (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the newest.")] = 20,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """List what happened, the newest first."""
    _refuse_unknown(kind)
    from aion.server.events.as_json import event_json  # noqa: PLC0415 - loads what other commands do without
    from aion.store.events import Events  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    with opened(settings) as store:
        found = Events(store).list(settings.tenant, kind, limit, day(since, "since"))
    if as_json:
        whole = {"events": [event_json(event) for event in found]}
        out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
    elif not found:
        err.print("No such events.")
    else:
        out.print(table_of(found))


@events.command("show")
def show_event(
    number: Annotated[
        int, typer.Argument(metavar="EVENT", help="A number as listed, or as an answer's event_id.")
    ],
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Show an event; of an answer also what was searched for, what was found and why, and who wrote it."""
    from aion.events.story import tell  # noqa: PLC0415
    from aion.server.events.as_json import story_json  # noqa: PLC0415
    from aion.store.events import Events  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    with opened(settings) as store:
        story = tell(Events(store), settings.tenant, number)
    if as_json:
        out.print(json.dumps(story_json(story), ensure_ascii=False, indent=2), markup=False)
    else:
        print_story(story)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The operator's store; one that is not there is not made by looking at it."""
    from aion.store.connection import Store  # noqa: PLC0415

    if not settings.db.exists():
        raise StoreError(
            f"{settings.db} does not exist; name the store with --db or AION_DB.", param="AION_DB"
        )
    with contextlib.closing(Store(settings.db)) as store:
        yield store


def day(given: str | None, param: str) -> str:
    """A day as the beginning of an `at`, "" for none. Raises InvalidRequest."""
    if given is None:
        return ""
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError as error:
        raise InvalidRequest(f"--{param} is {given!r}; give a day as 2026-01-31.", param=param) from error


def _refuse_unknown(kind: str | None) -> None:
    """A kind that no event is of. Raises InvalidRequest."""
    from aion.events.kinds import KINDS  # noqa: PLC0415

    groups = dict.fromkeys(f"{known.partition('.')[0]}." for known in KINDS if "." in known)
    if kind is not None and kind not in (*KINDS, *groups):
        there = ", ".join((*KINDS, *groups))
        raise InvalidRequest(f"--kind is {kind!r}; give one of {there}.", param="kind")


def table_of(found: list[EventRow] | tuple[EventRow, ...]) -> Table:
    """Events, one a line."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("number", "time (UTC)", "kind", "value"):
        table.add_column(column, justify="right" if column in {"number", "value"} else "left", no_wrap=True)
    table.add_column("about")  # the only one that gives way on a narrow terminal
    for event in found:
        said = next((str(event.meta[name]) for name in _SAID if event.meta.get(name)), "")
        if not said and event.subject is not None:
            said = f"of answer {event.subject}"
        line = " ".join(said.split())
        about = Text(
            line if len(line) <= _CHARS else f"{line[: _CHARS - 3]}...", no_wrap=True, overflow="ellipsis"
        )
        table.add_row(str(event.id), event.at[:19].replace("T", " "), event.kind, f"{event.value:g}", about)
    return table
