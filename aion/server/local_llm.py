"""The model server of AION_LOCAL_LLM_URL, where it is another than this service."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from aion.errors import AionError, SettingsError
from aion.remote.address import Address, read_address
from aion.remote.generator import RemoteGenerator
from aion.remote.role import LOCAL
from aion.settings import Settings

_logger = logging.getLogger(__name__)
_LOOK_S = 2.0
_PAID_HOST = "api.openai.com"  # and those of its regions, eu.api.openai.com


def open_local_llm(settings: Settings) -> RemoteGenerator | None:
    """The generator of another place that writes the local answers, None where this process does.

    It is asked what it has; one that does not answer yet may do so later. Call it outside of an event loop.
    Raises SettingsError for an address that is none, and for that of a paid API.
    """
    generator = local_llm(settings)
    if generator is not None:
        try:
            look_at(generator)
        except AionError as error:
            _logger.warning("%s It will be asked again with the first question.", error.message)
    return generator


def look_at(generator: RemoteGenerator) -> None:
    """Ask it what it has, for two seconds at most, outside of an event loop. Raises AionError."""
    asyncio.run(generator.look(_LOOK_S))


def local_llm(settings: Settings) -> RemoteGenerator | None:
    """The same generator, not asked anything yet. Raises SettingsError."""
    address = elsewhere(settings)
    if address is None:
        return None
    return RemoteGenerator(
        settings.local_llm_url,
        settings.local_llm_api_key.get_secret_value(),
        settings.local_llm_model,
        timeout_s=settings.local_llm_timeout_s,
    )


def elsewhere(settings: Settings) -> Address | None:
    """Where AION_LOCAL_LLM_URL was set to, None when not set or set to this service itself (its clients read
    the same setting). Raises SettingsError."""
    if "local_llm_url" not in settings.model_fields_set or not settings.local_llm_url.strip():
        return None
    address = read_address(settings.local_llm_url, LOCAL.url)
    if address.port == settings.port and (address.is_loopback or _is_this_machine(address.host)):
        return None
    if _is_paid(settings, address):
        raise SettingsError(
            f"{LOCAL.url}={settings.local_llm_url!r} is the address of the paid API, which is only asked "
            "within the budget; set AION_FALLBACK=on to allow it, and leave this to a server of your own.",
            param=LOCAL.url,
        )
    return address


def _is_this_machine(host: str) -> bool:
    """Whether it has an address of that name: only then can a socket be bound to it. A service that took
    itself for another place would ask itself without end."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_can_bind(family, address) for family, _, _, _, address in found)


def _can_bind(family: socket.AddressFamily, address: tuple[Any, ...]) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.bind(address)
    except OSError:
        return False
    return True


def _is_paid(settings: Settings, address: Address) -> bool:
    """Whether what is asked there is paid for, also while the fallback is off."""
    if address.host == _PAID_HOST or address.host.endswith(f".{_PAID_HOST}"):
        return True
    try:
        paid = read_address(settings.fallback_base_url, "AION_FALLBACK_BASE_URL")
    except SettingsError:
        if settings.fallback == "on":
            raise
        return False
    return address.place == paid.place
