"""Links that lead nowhere new: calendars without end, ever longer paths, one list in every order."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import parse_qsl, urlsplit

MAX_SEGMENTS = 12
MAX_REPEATS = 3
MAX_PARAMETERS = 8
MAX_ALIKE = 100
MAX_DATES = 24
_DATE = re.compile(r"\d{4}[-/.]?\d{1,2}(?:[-/.]?\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")
_DATE_NAMES = re.compile(
    r"year|month|week|day|date|ano|m[eê]s|semana|dia|data|start|end|from|to|inicio|fim|yr|mo|calendar|"
    r"event_?date|tribe-bar-date",
    re.IGNORECASE,
)
_DATE_PATH = re.compile(r"/(?:19|20|21)\d\d/(?:\d{1,2}|[a-z]{3,9})(?:/\d{1,2})?/?$")
# What no reader of AION's makes a document of.
_NO_PAGES = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|ico|bmp|tiff?|heic|mp[34]|m4[av]|avi|mov|mkv|webm|ogg|wav|flac|css|js|"
    r"mjs|map|woff2?|ttf|otf|eot|zip|gz|tgz|bz2|xz|7z|rar|exe|msi|dmg|apk|iso|bin|swf|psd|ics|rss|atom|kml|"
    r"gpx|vcf)$",
    re.IGNORECASE,
)


def is_document(url: str) -> bool:
    """Whether something to read may be at a URL, by the end of its path."""
    return not _NO_PAGES.search(urlsplit(url).path)


class Traps:
    """Judges the links of one run, in the order they are met. Owned by one thread."""

    def __init__(self) -> None:
        self._alike: Counter[str] = Counter()

    def why_not(self, url: str) -> str:
        """Why a canonical URL is not followed; "" when it is, which is then counted."""
        parts = urlsplit(url)
        segments = [part for part in parts.path.split("/") if part]
        if len(segments) > MAX_SEGMENTS or _n_repeats(segments) > MAX_REPEATS:
            return "its path grows as a loop of links does."
        parameters = parse_qsl(parts.query, keep_blank_values=True)
        if len(parameters) > MAX_PARAMETERS:
            return f"it has more than {MAX_PARAMETERS} parameters, as filters in every combination have."
        return self._counted(parts.netloc + parts.path, parameters)

    def _counted(self, place: str, parameters: list[tuple[str, str]]) -> str:
        names = sorted({name for name, _ in parameters})
        is_date = any(_DATE_NAMES.fullmatch(name) or _DATE.fullmatch(value) for name, value in parameters)
        if is_date or _DATE_PATH.search(place):
            key = f"date {re.sub(r'[0-9]+', '#', place)} {names}"
            limit, what = MAX_DATES, "pages of a calendar"
        elif names:
            key, limit, what = f"{place} {names}", MAX_ALIKE, "pages that differ in their parameters alone"
        else:
            return ""
        self._alike[key] += 1
        return f"{limit} {what} like it are enough." if self._alike[key] > limit else ""


def _n_repeats(segments: list[str]) -> int:
    """How often the most frequent segment is in the path."""
    return max(Counter(segments).values(), default=0)
