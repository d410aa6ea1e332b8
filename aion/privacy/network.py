"""E-mail and IP addresses, and where URLs stand."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterator

from aion.privacy.finding import Candidate, Certainty, Kind

_LOCAL = re.compile(r"[\w.%+'-]{1,64} ?\Z")
_DOMAIN = re.compile(
    r" ?(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{1,59})(?![^\W_])",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|pdf|css|js)\Z", re.IGNORECASE)  # pena@2x.png
_NUMERIC_HOST = re.compile(r"\[?\d{1,3}(?:\.\d{1,3}){3}\]?")
_SPELT = re.compile(
    r"(?<![^\W_])[\w+-]{1,30}(?:\.[\w+-]{1,30}){0,3}"
    r" ?(?:[(\[{] ?(?:arroba|at) ?[)\]}]| arroba ) ?[\w-]{1,40}"
    r"(?:(?:\.| ?[(\[{] ?(?:ponto|dot) ?[)\]}] ?| (?:ponto|dot) )[\w-]{1,24}){1,3}(?![^\W_])"
    r"|(?<![^\W_])[\w.+-]{2,40} at [\w-]{2,40}(?: dot [\w-]{2,24}){1,3}(?![^\W_])",
    re.IGNORECASE,
)
_IPV4 = re.compile(r"(?<![\w.,/-])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5}(?!\d))?(?![\w]|[.,]\d|/\d{3})")
_VERSION = re.compile(
    r"(?:vers[aã]o|version|v\.?|release|item|artigo|art\.?|cap[ií]tulo|cl[aá]usula|se[cç][cç]?[aã]o|section"
    r"|ponto|anexo|firmware|build|n\.?º?) ?\Z",
    re.IGNORECASE,
)
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{1,4}:|:(?=:)){1}(?:[0-9a-f]{0,4}:){1,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE
)
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"\ufffc]{1,2000}", re.IGNORECASE)
_WEAK = {Kind.PHONE, Kind.ADDRESS, Kind.PLATE, Kind.NAME, Kind.CARD, Kind.IP}
_CALLS = re.compile(r"wa\.me/|whatsapp\.com/|phone=|tel:", re.IGNORECASE)


def network(text: str) -> Iterator[Candidate]:
    yield from _emails(text)
    for match in _SPELT.finditer(text):
        yield Candidate(Kind.EMAIL, *match.span(), Certainty.CERTAIN, _plain(match[0]))
    for match in _IPV4.finditer(text):
        host = match[0].partition(":")[0]
        if _is_host(host) and not _VERSION.search(text, max(0, match.start() - 16), match.start()):
            yield Candidate(Kind.IP, match.start(), match.end(), Certainty.LIKELY, match[0])
    for match in _IPV6.finditer(text):
        if sum(map(str.isalnum, match[0])) >= 5 and any(map(str.isdigit, match[0])) and _is_host(match[0]):
            yield Candidate(Kind.IP, *match.span(), Certainty.CERTAIN, match[0].lower())


class Urls:
    """Where the URLs of a text stand; a number in one is part of it, unless the URL is there to call it."""

    def __init__(self, text: str) -> None:
        spans = [match.span() for match in _URL.finditer(text)]
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]
        self._text = text

    def hold(self, candidate: Candidate) -> bool:
        """Is it only a part of a URL, and no personal data by itself?"""
        start = candidate.start
        n = bisect_right(self._starts, start) - 1
        if n < 0 or start >= self._ends[n] or candidate.kind not in _WEAK:
            return False
        before = self._text[max(self._starts[n], start - 60) : start]
        return not (candidate.kind is Kind.PHONE and _CALLS.search(before))


def _emails(text: str) -> Iterator[Candidate]:
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(0, at - 65), at)
        domain = _DOMAIN.match(text, at + 1) or _NUMERIC_HOST.match(text, at + 1)
        if local and domain and not (local[0].endswith(" ") and not domain[0].startswith(" ")):
            start = _begin(local)
            if start < at and text[start:at].strip() and not _FILE.search(domain[0]):
                yield Candidate(
                    Kind.EMAIL, start, domain.end(), Certainty.CERTAIN, _plain(text[start : domain.end()])
                )
        at = text.find("@", at + 1)


def _begin(local: re.Match[str]) -> int:
    """Quotes and dots before the local part are the sentence's."""
    return local.start() + len(local[0]) - len(local[0].lstrip(".'-%"))


def _plain(email: str) -> str:
    email = re.sub(r" ?[(\[{] ?(?:arroba|at) ?[)\]}] ?| arroba | at ", "@", email.lower())
    return re.sub(r" ?[(\[{] ?(?:ponto|dot) ?[)\]}] ?| (?:ponto|dot) ", ".", email).replace(" ", "")


def _is_host(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)
