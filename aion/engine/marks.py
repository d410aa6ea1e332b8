"""Keeps text that others wrote from becoming control tokens on its way through a chat template.

Such text is put between two marks before the template sees it; what stands between marks afterwards is
tokenised with special parsing off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

OPEN, CLOSE = "\ue0a0", "\ue0a1"
_MARKED = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")

Guard = Callable[[str], str]


def plain(text: str) -> str:
    """Marks nothing: for text that cannot become a control token."""
    return text


def whole(text: str) -> str:
    """The whole text marked, so that it is tokenised in one piece."""
    return f"{OPEN}{without_marks(text)}{CLOSE}"


def each_of(controls: Sequence[str]) -> Guard:
    """Marks every place where one of `controls` stands, so that a template may cut the text elsewhere."""
    by_length = sorted(controls, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, by_length)) or r"(?!)")
    return lambda text: pattern.sub(lambda found: f"{OPEN}{found[0]}{CLOSE}", without_marks(text))


def without_marks(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")


def are_whole(text: str) -> bool:
    """Whether every mark that opens is closed before the next opens: the template has cut none off."""
    rest = _MARKED.sub("", text)
    return OPEN not in rest and CLOSE not in rest


def parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, and whether each was marked."""
    for index, part in enumerate(_MARKED.split(text)):
        if part:
            yield part, index % 2 == 1
