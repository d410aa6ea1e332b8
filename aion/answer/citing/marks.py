"""What a citation looks like when a model writes it, and which passages it names. Knows a bracket at a time.

`[1]`, `[1, 2]`, `[1-3]`, `[1 e 2]`, `[ 1 ]`, `[^1]`, `[Fonte 1]`, and the same in `【】` or `［］`, where
`【1†source】` is how some models write it. `(1)` is none: that is how steps are numbered. `[2024]` is a year,
`[9-17]` are hours where no such passages were sent, and `[0, 1]` an interval.
"""

from __future__ import annotations

import re
import unicodedata

OPENING = "[【［"
CLOSING = "]】］"
MAX_INNER_CHARS = 48  # a longer bracket is text

LABELS = (
    "fontes", "fonte", "sources", "source", "passagens", "passagem", "passages", "passage", "trechos",
    "trecho", "documentos", "documento", "documents", "document", "docs", "doc", "refs", "ref", "contexto",
    "context", "citações", "citação", "citations", "citation", "cite",
)  # fmt: skip
_CONNECTIVES = ("e", "and")
_WORDS = (*LABELS, *_CONNECTIVES)
_DASH = "[-‐‑–—]"
_LABEL = rf"(?:(?:{'|'.join(LABELS)})\s*[.:#]?\s*)?"
_ITEM = rf"{_LABEL}\^?\s*([0-9]{{1,3}})(?:\s*{_DASH}\s*([0-9]{{1,3}}))?"
_SEPARATOR = rf"\s*(?:[,;&/]\s*(?:(?:{'|'.join(_CONNECTIVES)})\b)?|\b(?:{'|'.join(_CONNECTIVES)})\b)\s*"
_LIST = re.compile(rf"\s*{_ITEM}(?:{_SEPARATOR}{_ITEM})*\s*", re.IGNORECASE)
_EACH = re.compile(_ITEM, re.IGNORECASE)
_OTHERS = re.compile(rf"(?:[\s0-9^,;&/.:#]|{_DASH}|[^\W\d_]+)*")
_WORD = re.compile(r"[^\W\d_]+")
_NOTE = "†"  # what follows it says where in the source


def may_be_mark(inner: str) -> bool:
    """Whether what stands after an opening bracket so far may still become a citation."""
    if len(inner) > MAX_INNER_CHARS:
        return False
    before, dagger, _ = inner.partition(_NOTE)
    plain = unicodedata.normalize("NFKC", before).lower()
    if dagger:
        return plain.strip()[:1].isdigit() and "\n" not in inner
    if _OTHERS.fullmatch(plain) is None or "\n" in plain:
        return False
    words = _WORD.findall(plain)
    return all(word in _WORDS for word in words[:-1]) and all(
        any(known.startswith(word) for known in _WORDS) for word in words[-1:]
    )


def marked(inner: str, n_passages: int) -> tuple[int, ...] | None:
    """The numbers a whole bracket names, in order and each once; None when it is no citation at all, as a
    range of which less than half are among the `n_passages` sent.

    `()` is a citation of nothing that can be checked ("4:0†file.pdf", of another product's file search).
    """
    before, dagger, _ = inner.partition(_NOTE)
    plain = unicodedata.normalize("NFKC", before)
    if dagger and ":" in plain:
        return ()
    if _LIST.fullmatch(plain) is None:
        return None
    found: dict[int, None] = {}
    for match in _EACH.finditer(plain):
        first = int(match.group(1))
        last = int(match.group(2) or first)
        named = range(min(first, last), max(first, last) + 1)
        if len(named) > 1 and 2 * sum(1 <= n <= n_passages for n in named) < len(named):
            return None
        found.update(dict.fromkeys(named))
    return None if 0 in found and len(found) > 1 else tuple(found)
