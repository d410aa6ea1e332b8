"""The paid fallback as the settings have it. The only place where a generator that costs money is made."""

from __future__ import annotations

from aion.answer.paid.fallback import Fallback, Refusal
from aion.answer.paid.prices import read_prices
from aion.answer.paid.tries import Purse
from aion.errors import SettingsError
from aion.remote.address import read_address
from aion.remote.generator import RemoteGenerator
from aion.remote.role import PAID
from aion.server.money import missing
from aion.settings import Settings

_N_CTX = 8192  # of what a paid model could read: what is sent is paid for, and reserved by its bytes


def open_fallback(settings: Settings, budget: Purse) -> Fallback:
    """It asks nobody yet. Where it is off, or on and incomplete, it says why and never asks.

    Raises SettingsError for prices and an address that cannot be read, once it is on.
    """
    if settings.fallback == "off":
        return Fallback(None, budget, {})
    prices = read_prices(settings.fallback_prices)
    refuse_open_address(settings)
    generator = RemoteGenerator(
        settings.fallback_base_url,
        settings.fallback_api_key.get_secret_value(),
        settings.fallback_model,
        timeout_s=settings.fallback_timeout_s,
        retries=settings.fallback_retries,
        n_ctx=_N_CTX,
        role=PAID,
    )
    return Fallback(generator, budget, prices, redact=settings.fallback_redact, problem=_incomplete(settings))


def refuse_open_address(settings: Settings) -> None:
    """Raise SettingsError where the paid API's address is none, or what is sent there could be read."""
    if read_address(settings.fallback_base_url, PAID.url).is_open:
        raise SettingsError(
            f"{PAID.url}={settings.fallback_base_url!r} would carry the key and the questions unencrypted; "
            "use its https:// address.",
            param=PAID.url,
        )


def _incomplete(settings: Settings) -> Refusal | None:
    needed = missing(settings)
    if not needed:
        return None
    return Refusal("fallback_error", f"AION_FALLBACK is on, and also needs {' and '.join(needed)}.")
