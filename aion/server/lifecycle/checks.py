"""What is wrong with settings whose values are well-formed, each by itself: lists, prices, addresses."""

from __future__ import annotations

from collections.abc import Callable

from aion.answer.paid.prices import read_prices
from aion.errors import SettingsError
from aion.rag.web.domains import Domains
from aion.server.fallback import refuse_open_address
from aion.server.local_llm import elsewhere
from aion.settings import Settings


def problems(settings: Settings) -> list[SettingsError]:
    """All that would stop a start, or a part of AION when it is first asked for."""
    found = []
    for check in _CHECKS:
        try:
            check(settings)
        except SettingsError as error:
            found.append(error)
    return found


def _prices(settings: Settings) -> None:
    read_prices(settings.fallback_prices)


def _paid_address(settings: Settings) -> None:
    if settings.fallback == "on":
        refuse_open_address(settings)


def _crawl_domains(settings: Settings) -> None:
    Domains.parse(settings.crawl_domains)


_CHECKS: tuple[Callable[[Settings], object], ...] = (
    _prices,
    _paid_address,
    elsewhere,
    _crawl_domains,
)
