"""`aion budget`: what paid answers have cost, what is left, and how to allow them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from aion.cli.console import err, out
from aion.cli.options import DbOption, JsonOption, TenantOption
from aion.settings import Settings, load_settings

if TYPE_CHECKING:
    from aion.store.budget_state import BudgetState, Period
    from aion.store.paid_calls import PaidCall

_BAR = 12  # characters
_N_CALLS = 20


def budget(
    calls: Annotated[bool, typer.Option("--calls", help="List the newest paid calls too.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"How many calls, {_N_CALLS} if not given.")
    ] = None,
    mend_clock: Annotated[
        bool,
        typer.Option("--mend-clock", help="Count calls that a wrong clock dated days ahead as of today."),
    ] = False,
    as_json: JsonOption = False,
    db: DbOption = None,
    tenant: TenantOption = None,
) -> None:
    """Show what paid answers have cost, what is reserved by calls under way, what is left and when it renews.

    Nothing is ever paid unless AION_FALLBACK=on. Amounts are in the currency of AION_FALLBACK_PRICES.
    """
    from aion.server.money import budget_json, call_json, open_budget  # noqa: PLC0415
    from aion.store.connection import Store  # noqa: PLC0415

    settings = load_settings(db=db, tenant=tenant)
    found: Sequence[PaidCall] | None = None
    with Store(settings.db) as store:
        opened = open_budget(settings, store)
        if mend_clock:
            err.print(f"Calls dated as of today: {opened.mend_clock(settings.tenant)}.", markup=False)
        state = opened.state(settings.tenant)
        if calls or limit is not None:
            found = opened.calls(settings.tenant, limit or _N_CALLS)
    if as_json:
        listed = {} if found is None else {"calls": [call_json(call) for call in found]}
        out.print(json.dumps(budget_json(settings, state) | listed, indent=2), markup=False)
        return
    out.print(_table(state))
    for remark in _remarks(settings, state):
        out.print(remark, markup=False)
    if found is not None:
        out.print(_calls_table(found) if found else "No paid calls yet.")


def _table(state: BudgetState) -> Table:
    from aion.store.money import as_amount  # noqa: PLC0415

    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("", "", "spent", "left", "of", "calls", "renews"):
        is_number = column in {"spent", "left", "of", "calls"}
        table.add_column(column, justify="right" if is_number else "left", no_wrap=True)
    for period in (state.day, state.month):
        amounts = (period.total.spent_micros, period.left_micros, period.limit_micros)
        table.add_row(
            "today" if period.name == "day" else "month",
            _bar(period),
            *(str(as_amount(micros)) for micros in amounts),
            f"{period.total.n_calls} of {period.limit_calls}",
            f"{period.renews_at:%Y-%m-%d %H:%M}",
        )
    return table


def _bar(period: Period) -> str:
    """Spent and reserved shares of the limit; whatever is not nothing is seen."""
    limit, total = max(1, period.limit_micros), period.total
    spent = min(_BAR, -(-_BAR * total.spent_micros // limit))
    reserved = min(_BAR - spent, -(-_BAR * total.reserved_micros // limit))
    return f"[red]{'█' * spent}[/][yellow]{'▒' * reserved}[/][dim]{'░' * (_BAR - spent - reserved)}[/]"


def _remarks(settings: Settings, state: BudgetState) -> Iterator[str]:
    """What the figures alone do not say."""
    from aion.server.money import missing  # noqa: PLC0415
    from aion.store.money import as_amount  # noqa: PLC0415

    if settings.fallback == "off":
        yield (
            "The paid fallback is off: nothing leaves this machine and nothing is spent. To turn it on, set "
            f"{', '.join(missing(settings))}."
        )
    elif wanting := missing(settings):
        yield f"The paid fallback is on and cannot be used yet; set {', '.join(wanting)}."
    else:
        yield f"The paid fallback is on: {settings.fallback_model} at {settings.fallback_base_url}."
    if n_open := state.month.total.n_open:
        reserved = as_amount(state.month.total.reserved_micros)
        yield f"Calls under way: {n_open}, with {reserved} set aside."
    if state.n_expired:
        yield (
            f"Calls of this month that never told what they cost: {state.n_expired}, at most "
            f"{as_amount(state.expired_micros)} in all. They count as calls but not as money; see the "
            "provider's bill."
        )
    if state.is_behind:
        yield (
            f"The newest call is dated {state.day.start}, and this machine's clock shows a day before: "
            "nothing renews until it has caught up. Was the clock wrong then? Run aion budget --mend-clock."
        )


def _calls_table(found: Sequence[PaidCall]) -> Table:
    from aion.store.money import as_amount  # noqa: PLC0415

    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("number", "at", "tag", "cost", "reserved", "state"):
        table.add_column(column, justify="right" if column in {"number", "cost", "reserved"} else "left")
    for call in found:
        at = datetime.fromisoformat(call.at).astimezone()
        cost = "" if call.cost_micros is None else str(as_amount(call.cost_micros))
        reserved = str(as_amount(call.reserved_micros))
        table.add_row(str(call.id), f"{at:%Y-%m-%d %H:%M:%S}", escape(call.tag), cost, reserved, call.state)
    return table
