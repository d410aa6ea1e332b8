"""URLs in one form, so that one page has one name. Knows neither the network nor the whitelist."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna

from aion.errors import DocumentError

MAX_URL_CHARS = 1000
DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH_SAFE = "/!$&'()*+,;=:@~%"
_QUERY_SAFE = _PATH_SAFE + "?[]|"
_IGNORED = re.compile(r"[\t\r\n]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_HOST_NAME = re.compile(r"(?!.{254})[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
# What says who came from where, or which visit it is, and never which page.
_NOISE = re.compile(
    r"utm_\w+|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|li_fat_id|igshid|igsh|"
    r"mc_cid|mc_eid|_ga|_gl|_hsenc|_hsmi|mkt_tok|oly_anon_id|oly_enc_id|vero_id|wickedid|"
    r"phpsessid|jsessionid|aspsessionid\w*|session_?id|oscsid|zenid|cfid|cftoken",
    re.IGNORECASE,
)
_ESCAPES_TO_SHOW = re.compile(r"(?:%[89A-F][0-9A-F])+")


def canonical(url: str, base: str | None = None) -> str:
    """The one form of an absolute URL, or of one relative to `base`.

    Lower-case host in ASCII, no default port, no fragment, no `.` and `..`, one way of
    percent-encoding, neither tracking nor session parameters; parameters keep their order. Applied again it
    changes nothing. Raises DocumentError for what AION does not fetch.
    """
    try:
        parts = urlsplit(urljoin(base or "", _IGNORED.sub("", url.strip("\0 \t\r\n"))))
        _check(parts.scheme, parts.netloc, url)
        port = parts.port
        host = _host(parts.hostname or "")
        path = _path(parts.path)
        query = _query(parts.query)
    except (ValueError, UnicodeError) as error:
        raise DocumentError(
            f"{url[:200]!r} is not a URL ({error}); give one like https://sintra.pt/."
        ) from None
    if port == 0:
        raise DocumentError(f"{url[:200]!r} has port 0, which no server has.")
    place = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    whole = f"{parts.scheme}://{host}{place}{path}" + (f"?{query}" if query else "")
    if len(whole) > MAX_URL_CHARS:
        raise DocumentError(f"{whole[:80]}... has {len(whole):,} characters; AION follows {MAX_URL_CHARS:,}.")
    return whole


def shown(url: str) -> str:
    """A canonical URL as people read it in `Fontes:`: without https://, with its own letters.

    No two canonical URLs are shown alike.
    """
    parts = urlsplit(url)
    host = parts.netloc
    if "xn--" in host:
        try:
            host = idna.decode(parts.hostname or "") + (f":{parts.port}" if parts.port else "")
        except idna.IDNAError:
            host = parts.netloc
    path = _readable(parts.path) if parts.path != "/" or parts.query else ""
    query = f"?{_readable(parts.query)}" if parts.query else ""
    return ("" if parts.scheme == "https" else f"{parts.scheme}://") + host + path + query


def host_of(url: str) -> str:
    """The host of a canonical URL; an IPv6 address without its brackets."""
    return urlsplit(url).hostname or ""


def port_of(url: str) -> int:
    """The port of a canonical URL."""
    parts = urlsplit(url)
    return parts.port or DEFAULT_PORTS[parts.scheme]


def origin_of(url: str) -> str:
    """Scheme, host and port of a canonical URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def likely_same(url: str) -> str:
    """Equal for URLs that differ only in the order of their parameters: one page, nearly always."""
    head, mark, query = url.partition("?")
    return head + mark + "&".join(sorted(query.split("&"), key=lambda part: part.partition("=")[0]))


def _check(scheme: str, netloc: str, url: str) -> None:
    if scheme not in DEFAULT_PORTS:
        raise DocumentError(f"{url[:200]!r} is neither http nor https; AION fetches nothing else.")
    if "@" in netloc or "\\" in netloc:
        raise DocumentError(f"{url[:200]!r} has a user name in it; give the URL without it.")


def _host(name: str) -> str:
    if ":" in name:
        return f"[{ipaddress.IPv6Address(name).compressed}]" if "%" not in name else _refuse(name)
    host = name.lower().rstrip(".")
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode("ascii").rstrip(".")
    if not _HOST_NAME.fullmatch(host):
        _refuse(name)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # 127.1 and 0x7f000001 are addresses to some parsers
        return str(ipaddress.IPv4Address(host))
    return host


def _refuse(name: str) -> str:
    raise ValueError(f"{name[:100]!r} is no name of a host")


def _path(path: str) -> str:
    kept: list[str] = []
    segments = _SESSION_IN_PATH.sub("", _encoded(path, _PATH_SAFE)).split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _query(query: str) -> str:
    parts = (_encoded(part, _QUERY_SAFE) for part in query.split("&"))
    return "&".join(part for part in parts if part and not _NOISE.fullmatch(unquote(part.partition("=")[0])))


def _encoded(text: str, safe: str) -> str:
    return quote(_ESCAPE.sub(_one_escape, _STRAY_PERCENT.sub("%25", text)), safe=safe)


def _one_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if _UNRESERVED.fullmatch(char) else match[0].upper()


def _readable(text: str) -> str:
    """Letters beyond ASCII as themselves; what would be invisible or ambiguous stays encoded."""
    return _ESCAPES_TO_SHOW.sub(_letters, text)


def _letters(match: re.Match[str]) -> str:
    try:
        letters = unquote(match[0], errors="strict")
    except UnicodeDecodeError:
        return match[0]
    return letters if letters.isprintable() and " " not in letters else match[0]
