"""The budget of paid answers as the settings ask for it, and as clients see it, over HTTP and from `--json`
alike. Loads no model, so that `aion budget` is there at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from aion.answer.paid.prices import read_prices
from aion.settings import Settings
from aion.store.budget import RELEASE_AFTER_S, Budget
from aion.store.budget_state import BudgetState, Limits, Period
from aion.store.connection import Store
from aion.store.money import as_amount, limit_micros
from aion.store.paid_calls import PaidCall


def open_budget(settings: Settings, store: Store, clock: Callable[[], float] = time.time) -> Budget:
    """The budget with the limits of the settings. No reservation is taken for dead while its call may still
    be under way, all tries of it included."""
    limits = Limits(
        limit_micros(settings.budget_day),
        limit_micros(settings.budget_month),
        settings.budget_day_calls,
        settings.budget_month_calls,
    )
    age_s = max(RELEASE_AFTER_S, 2 * settings.fallback_timeout_s)
    return Budget(store, limits, release_after_s=age_s, clock=clock)


def missing(settings: Settings) -> tuple[str, ...]:
    """What is still to be set before a paid API may answer, as `.env` would have it; empty when nothing.

    Raises SettingsError for prices that cannot be read.
    """
    model = settings.fallback_model
    wanted = {
        "AION_FALLBACK=on": settings.fallback == "on",
        "AION_FALLBACK_API_KEY=...": bool(settings.fallback_api_key.get_secret_value()),
        "AION_FALLBACK_MODEL=...": bool(model),
        f"AION_FALLBACK_PRICES={model or 'MODEL'}=IN/OUT": model in read_prices(settings.fallback_prices),
    }
    return tuple(setting for setting, is_set in wanted.items() if not is_set)


def budget_json(settings: Settings, state: BudgetState) -> dict[str, object]:
    """A budget as clients see it; amounts are in the currency of the prices. `missing` is what is to be set
    before anything is spent."""
    return {
        "fallback": settings.fallback,
        "model": settings.fallback_model,
        "missing": list(missing(settings)),
        "day": _period_json(state.day),
        "month": _period_json(state.month),
        "expired": {"calls": state.n_expired, "amount": amount_json(state.expired_micros)},
        "clock_behind": state.is_behind,
    }


def call_json(call: PaidCall) -> dict[str, object]:
    """A paid call as clients see it; `cost` is null until it is settled."""
    return {
        "id": call.id,
        "at": call.at,
        "day": call.day,
        "tag": call.tag,
        "state": call.state,
        "reserved": amount_json(call.reserved_micros),
        "cost": None if call.cost_micros is None else amount_json(call.cost_micros),
        "ended_at": call.ended_at,
    }


def amount_json(micros: int) -> float:
    """As a number; its shortest form has the exact decimals."""
    return float(as_amount(micros))


def _period_json(period: Period) -> dict[str, object]:
    total = period.total
    return {
        "start": period.start.isoformat(),
        "renews_at": period.renews_at.isoformat(),
        "limit": amount_json(period.limit_micros),
        "spent": amount_json(total.spent_micros),
        "reserved": amount_json(total.reserved_micros),
        "left": amount_json(period.left_micros),
        "limit_calls": period.limit_calls,
        "calls": total.n_calls,
        "open_calls": total.n_open,
        "left_calls": period.left_calls,
    }
