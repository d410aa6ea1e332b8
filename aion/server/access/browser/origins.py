"""Where a browser says a request comes from: AION's own page, another page, or no page at all."""

from __future__ import annotations

from functools import lru_cache

from starlette.datastructures import Headers

_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def is_foreign(headers: Headers) -> bool:
    """Whether a page that is not AION's sent this. What such a page asks has no rights but those of a key it
    sends itself: not the session, not those of who sits at this machine."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site == "same-origin":  # behind a proxy that does not hand Host on, only the browser knows
        return False
    if origin is None:
        return site in ("cross-site", "same-site")
    return not _is_of(origin, headers.get("host", ""))


def is_proven_own(headers: Headers) -> bool:
    """Whether the browser itself says that AION's own page sent this."""
    says_so = "origin" in headers or headers.get("sec-fetch-site") == "same-origin"
    return says_so and not is_foreign(headers)


@lru_cache(maxsize=8)
def opened_origins(setting: str) -> frozenset[str]:
    """AION_CORS_ORIGINS apart, as browsers write them: in small letters, without the scheme's own port."""
    return frozenset(_written(item) for part in setting.split(",") if (item := part.strip()))


def _written(origin: str) -> str:
    origin = origin.rstrip("/").lower()
    return origin.removesuffix(_DEFAULT_PORT[origin.partition("://")[0]])


def _is_of(origin: str, host: str) -> bool:
    """A proxy may add the port that browsers leave out."""
    scheme, _, own = origin.lower().partition("://")
    port = _DEFAULT_PORT.get(scheme)
    return port is not None and own.removesuffix(port) == host.lower().removesuffix(port)
