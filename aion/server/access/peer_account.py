"""Under which account of this machine the other end of a local connection runs: a proxy that shows nothing of
itself in what it hands on cannot hide that. Linux, whose kernel is asked; elsewhere nobody knows."""

from __future__ import annotations

import errno
import ipaddress
import pwd
import socket
import struct
from functools import cache, lru_cache

Address = tuple[str, int]

# What distributions have web servers and proxies run under.
PROXIES = frozenset({
    "www-data", "www", "http", "httpd", "nginx", "angie", "openresty", "apache", "lighttpd", "caddy",
    "haproxy", "traefik", "envoy", "varnish", "vcache", "squid", "proxy", "cloudflared", "nobody",
})  # fmt: skip

_SOCK_DIAG = 4  # what `ss` asks: linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_BY_FAMILY, _REQUEST = 20, 1
_HEADER = struct.Struct("=IHHII")
_ANY_STATE, _ANY_COOKIE = 0xFFFFFFFF, b"\xff" * 8
_OWNER = struct.Struct("=II")  # uid and inode, behind what was asked and three numbers
_OWNER_AT = _HEADER.size + 4 + 48 + 12
_MAX_BYTES = 8192
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # now, which says nothing of the system


def is_of_proxy(client: Address, server: Address) -> bool:
    """Whether the connection from `client` was opened by a web server or a proxy of this machine, or by one
    that has left it meanwhile, of whom nobody can say. False on a system that does not tell. It takes some 20
    microseconds."""
    try:
        if not _is_told():
            return False
        owner = _owner(client, server)
    except OSError:  # no file is left to ask with
        return True
    return owner is None or owner[1] == 0 or _name(owner[0]) in PROXIES


@cache
def _is_told() -> bool:
    """Whether this system can be asked: tried with a socket that is there. Raises OSError."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            return _owner(listening.getsockname(), ("0.0.0.0", 0)) is not None  # noqa: S104
    except AttributeError:  # another system than Linux
        return False
    except OSError as error:  # what guards a service may forbid it
        if error.errno in _SCARCE:
            raise
        return False


def _owner(here: Address, there: Address) -> tuple[int, int] | None:
    """The uid and the inode of the socket at `here`, connected to `there`; None where there is none. The
    inode is 0 of one that was closed and has its end to come. Raises OSError."""
    source, target = (ipaddress.ip_address(host) for host, _ in (here, there))
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    question = (
        struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, _ANY_STATE)
        + struct.pack("!HH16s16s", here[1], there[1], source.packed, target.packed)
        + struct.pack("=I8s", 0, _ANY_COOKIE)
    )
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, _SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, 0, 0) + question)
        answer = kernel.recv(_MAX_BYTES)  # it is there at once
    if _HEADER.unpack_from(answer)[1] != _BY_FAMILY:
        return None
    uid, inode = _OWNER.unpack_from(answer, _OWNER_AT)
    return uid, inode


@lru_cache(maxsize=64)
def _name(uid: int) -> str:
    """Empty for an account without one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
