"""Where AION may listen: at this machine alone until strangers are kept out, or let in by name."""

from __future__ import annotations

import ipaddress

from aion.errors import SettingsError

LOOPBACK = "127.0.0.1"


def listening_host(host: str, *, is_named: bool, has_key: bool, allows_anonymous: bool) -> str:
    """The address to bind. `host` is AION_HOST, `is_named` says that the operator set it, `has_key` that a
    key is in use.

    Raises SettingsError for an address that others reach, named while nothing would keep them out.
    """
    if is_loopback(host) or has_key or allows_anonymous:
        return host
    if not is_named:
        return LOOPBACK
    raise SettingsError(
        f"AION_HOST={host} would let anyone in, for there is no key; make one with `aion keys add NAME`, or "
        "set AION_ALLOW_ANONYMOUS=true to answer everybody's questions.",
        param="AION_HOST",
    )


def is_loopback(host: str) -> bool:
    """Whether an address, in brackets or not, or a name is this machine's own and no other's."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
