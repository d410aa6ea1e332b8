"""`aion keys`: who may use the HTTP service, and for what."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from aion.cli.console import err, out
from aion.cli.options import DbOption, JsonOption
from aion.settings import load_settings

if TYPE_CHECKING:
    from aion.store.keys import Key

keys = typer.Typer(
    name="keys",
    help="Keys of the HTTP service: with the first one, nobody asks without a key.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is, or what for: a person, a program.")],
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="[bold]chat[/] asks (this without the option), [bold]ingest[/] adds and deletes documents, "
            "[bold]metrics[/] reads /metrics, [bold]admin[/] does everything; may be repeated."
        ),
    ] = None,
    tenant: Annotated[
        list[str] | None,
        typer.Option(help="Whose documents (PRIMARY_TENANT_ID); '*' for all; may be repeated."),
    ] = None,
    days: Annotated[int | None, typer.Option(help="How long it holds; without the option for good.")] = None,
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """Make a key and print it, this once: the store has only its hash.

    It holds at once, in a running server too; after the first key, one that is to be reached from other
    machines has to be restarted.
    """
    from aion.server.access.tokens import add_key  # noqa: PLC0415
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.keys import Keys  # noqa: PLC0415

    settings = load_settings(db=db)
    with Store(settings.db) as store:
        held = Keys(store)
        is_first = not held.any_in_use()
        key, token = add_key(held, name, role or ["chat"], tenant or [settings.tenant], days)
    if as_json:
        _print_json(key_json(key) | {"key": str(token)})
        return
    out.print(str(token), markup=False)
    where = f"in {settings.db.absolute()}"  # keys made beside another file open nothing here
    err.print(f"This is the key of {key.name!r} {where}, shown this once; {_allowed(key)}.", markup=False)
    err.print("Send it as Authorization: Bearer KEY, or sign in with it on the page.", markup=False)
    if is_first:
        err.print("From now on nobody asks without a key, at this machine neither.", markup=False)
        err.print(f"From its next start on AION listens on {settings.host} (AION_HOST).", markup=False)
        if "admin" not in key.roles:
            err.print("For what it may not do, make an admin's key too: aion keys add NAME --role admin.")


@keys.command(name="list")
def list_keys(as_json: JsonOption = False, db: DbOption = None) -> None:
    """Show all keys there ever were, and which of them hold."""
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.keys import Keys  # noqa: PLC0415

    with Store(load_settings(db=db).db) as store:
        found = Keys(store).list()
    if as_json:
        _print_json({"keys": [key_json(key) for key in found]})
    elif not found:
        out.print("There is no key: only this machine may ask. aion keys add NAME makes one.")
    else:
        out.print(_table(found))


@keys.command()
def revoke(
    named: Annotated[str, typer.Argument(metavar="NAME|ID", help="The key, as aion keys list shows it.")],
    as_json: JsonOption = False,
    db: DbOption = None,
) -> None:
    """End a key, and the page's sessions begun with it; from the next request on it lets nobody in."""
    from aion.store.connection import Store  # noqa: PLC0415
    from aion.store.keys import Keys  # noqa: PLC0415

    with Store(load_settings(db=db).db) as store:
        held = Keys(store)
        key, is_guarded = held.revoke(named), held.any_in_use()
    if as_json:
        _print_json(key_json(key))
        return
    out.print(f"Revoked: {key.name} ({key.id}).", markup=False)
    if not is_guarded:
        err.print("It was the last one: whoever sits at this machine may do everything without a key again.")


def key_json(key: Key) -> dict[str, object]:
    """A key as others may see it; nothing of its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "state": _state(key),
        "roles": list(key.roles),
        "tenants": list(key.tenants),
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _state(key: Key) -> str:
    from aion.store.keys import utc_text  # noqa: PLC0415

    return "revoked" if key.revoked_at else "in use" if key.is_live(utc_text()) else "expired"


def _allowed(key: Key) -> str:
    tenants = "all tenants" if "*" in key.tenants else f"the tenant {', '.join(key.tenants)}"
    until = f", until {_moment(key.expires_at)}" if key.expires_at else ""
    return f"it has the role {', '.join(key.roles)} for {tenants}{until}"


def _table(found: tuple[Key, ...]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("id", "name", "state", "roles", "tenants", "made", "last used", "ends"):
        table.add_column(column, no_wrap=column not in {"name", "roles", "tenants"})
    for key in found:
        state, style = _state(key), "" if _state(key) == "in use" else "dim"
        ended = key.revoked_at or key.expires_at
        values = (
            key.id, key.name, state, ", ".join(key.roles), ", ".join(key.tenants), _moment(key.created_at),
            _moment(key.last_used_at), _moment(ended),
        )  # fmt: skip
        table.add_row(*map(escape, values), style=style)
    return table


def _moment(at: str | None) -> str:
    """To the minute, in this machine's time."""
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def _print_json(whole: dict[str, object]) -> None:
    out.print(json.dumps(whole, ensure_ascii=False, indent=2), markup=False)
