"""Lists of hosts and of origins as an operator writes them, checked so that a slip opens or closes nothing
unnoticed."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_HOST = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?/?", re.ASCII | re.IGNORECASE)


def checked_hosts(value: str) -> str:
    """Raises ValueError for what Host headers never are: an address of a page, a name with a port."""
    for item in _items(value):
        if not _HOST.fullmatch(item):
            raise ValueError(f"{item!r} is no host name; write aion.empresa.pt, *.empresa.pt or *")
    return value


def checked_origins(value: str) -> str:
    """Raises ValueError for what browsers never say in `Origin`, and for a star: it would open AION to every
    page."""
    for item in _items(value):
        if not _ORIGIN.fullmatch(item):
            raise ValueError(f"{item!r} is no origin; write scheme, host and port, as https://app.empresa.pt")
    return value


def _items(value: str) -> list[str]:
    return [item for part in value.split(",") if (item := part.strip())]


HostList = Annotated[str, AfterValidator(checked_hosts)]
OriginList = Annotated[str, AfterValidator(checked_origins)]
