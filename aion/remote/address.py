"""Where a server is: its root, its OpenAI routes, and how it is shown in sentences."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from aion.errors import SettingsError

_VERSION = re.compile(r"/v\d+[a-z0-9]*(/|\Z)")
_WITHIN = (".local", ".lan", ".internal", ".home.arpa")  # names that no public DNS knows
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """`root` is where routes outside OpenAI's begin, `api` where OpenAI's do; neither ends in a slash."""

    root: str
    api: str
    host: str
    port: int

    @property
    def place(self) -> tuple[str, int, str]:
        """The same for every spelling of one server's OpenAI routes."""
        return self.host, self.port, urlsplit(self.api).path

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def is_open(self) -> bool:
        """Whether what is sent there can be read on the way: not encrypted, and not within one network."""
        if self.api.startswith("https:") or self.is_loopback:
            return False
        try:
            return not ipaddress.ip_address(self.host).is_private
        except ValueError:
            return "." in self.host and not self.host.endswith(_WITHIN)


def read_address(url: str, setting: str) -> Address:
    """`url` as an operator writes it: with the version of the routes (`/v1`) or without.

    Raises SettingsError, naming `setting`, for what is no address of a server.
    """
    shown = re.sub(r"//[^/@]*@", "//", url.strip())
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise _unusable(setting, shown, "it is no URL") from None
    if parts.scheme not in _PORTS or not host:
        raise _unusable(setting, shown, "write it as http://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise _unusable(setting, shown, "it holds a user name; a key has a setting of its own")
    if parts.query or parts.fragment:
        raise _unusable(setting, shown, "leave out what follows ? or #")
    whole = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
    versioned = _VERSION.search(parts.path)
    root = f"{parts.scheme}://{parts.netloc}{parts.path[: versioned.start()]}" if versioned else whole
    api = whole if versioned else f"{whole}/v1"
    return Address(root.rstrip("/"), api, host, port or _PORTS[parts.scheme])


def _unusable(setting: str, shown: str, why: str) -> SettingsError:
    return SettingsError(f"{setting}={shown!r} cannot be used: {why}.", param=setting)
