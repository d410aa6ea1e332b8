"""`aion events forget` and `aion events prune`: the only deletions from the log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from aion.cli.console import err, out
from aion.cli.events import day, opened, table_of
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.errors import InvalidRequest
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.events.erasure import Found


def forget(
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="What the events hold: an address, a number, a name; may be repeated."),
    ] = None,
    conversation: Annotated[str | None, typer.Option(metavar="ID", help="Only of this conversation.")] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only from before this day (UTC).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Delete one person's data from the log for good, the bytes in the file too.

    Shows what would go, and asks; with --json it only shows, unless there is --yes. Case, accents and
    what stands between words or digits do not count. With an answer goes all that belongs to it.
    Several --text: what holds any of them goes; --conversation and --before narrow that. Documents and
    exported files stay; documents that hold the text are named.
    """
    from aion.events.erasure import Criteria, Erasure  # noqa: PLC0415
    from aion.events.log import late_file  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    criteria = Criteria(tuple(text or ()), conversation, day(before, "before") or None)
    with opened(settings) as store:
        erasure = Erasure(store, late_file(settings.db))
        found = erasure.find(settings.tenant, criteria)
        if as_json and not yes:
            _print_json({"would_delete": found.counts(), "documents": list(found.documents)})
            return
        if not as_json:
            _show(found, settings)
        counts, trouble = dict[str, int](), ""
        if found:
            if not yes and not typer.confirm("Delete them for good?", err=True):
                raise typer.Exit(1)
            erased = erasure.erase(settings.tenant, criteria, found)
            counts, trouble = erased.counts, erased.trouble
    if as_json:
        _print_json({"deleted": counts, "documents": list(found.documents), "trouble": trouble})
    elif counts:
        out.print(f"Deleted: {_counted(counts)}.")
        if trouble:
            err.print(f"[yellow]Note:[/] {trouble}")


def prune(
    days: Annotated[
        int | None, typer.Option(min=1, help="Events older than so many days (AION_EVENTS_DAYS).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    db: DbOption = None,
) -> None:
    """Delete the events of all tenants that are too old, as aion serve does once a day; ask before."""
    from aion.events.retention import expire, expired  # noqa: PLC0415

    settings = load_settings(db=db, events_days=days)
    if not settings.events_days:
        raise InvalidRequest(
            "AION_EVENTS_DAYS is 0, so events are kept for good; say how many days with --days.", param="days"
        )
    with opened(settings) as store:
        if n_old := expired(store, settings.events_days):
            out.print(f"{n_old:,} events of all tenants are older than {settings.events_days} days.")
            if not yes and not typer.confirm("Delete them for good?", err=True):
                raise typer.Exit(1)
        n_removed = expire(store, settings.events_days)
    out.print(f"Deleted: {n_removed:,} events.")


def _show(found: Found, settings: Settings) -> None:
    if not found:
        err.print("No event holds that.")
    if found.events:
        out.print(table_of(found.first))
        if n_more := len(found.events) - len(found.first):
            out.print(f"... and {n_more:,} more.")
    if found:
        out.print(f"\nThese would go: {_counted(found.counts())}.")
    if found.documents:
        err.print("These documents hold it and stay; aion documents delete removes them:")
        for source in found.documents:
            err.print(f"  {source}", markup=False)
    if found and settings.events_jsonl.parent.exists():
        err.print(
            f"What was exported before ({settings.events_jsonl} or elsewhere) is not changed; export again.",
            markup=False,
        )


def _print_json(whole: dict[str, object]) -> None:
    out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {kind}" for kind, n in counts.items())
