"""Splits running text into sentences; knows Portuguese and English abbreviations, nothing of chunks."""

from __future__ import annotations

import re

_WORDS = (
    "sr sra srs sras srta dr dra drs prof profa profª eng enga arq d exmo exma ilmo ilma "
    "av r pça pç tv rod est lj apto ap bl qd lt cx fl fls pág págs p pp vol vols cap art arts "
    "inc par ed eds obs ex etc tel cel fax min máx aprox nº n núm séc sécs a.c d.c st sto sta "
    "jan fev mar abr mai jun jul ago set out nov dez seg ter qua qui sex sáb dom "
    "lda ltda cia exa s.a v.exa r/c esc freg conc "
    "mr mrs ms jr vs e.g i.e no fig figs approx"
)
_ABBREVIATIONS = frozenset(_WORDS.split())
_MAX_WORD_CHARS = 40  # looked back at for an abbreviation
_BOUNDARY = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]?[A-ZÀ-ÖØ-Þ0-9])")
_LAST_WORD = re.compile(r"([\wªº.]+)\.[\"'”’»)\]]*$")


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text` in order, stripped and never empty.

    A full stop after a known abbreviation ("Sr.", "Av.", "séc.") or after a single capital
    letter (an initial) does not end a sentence.
    """
    sentences: list[str] = []
    start = 0
    for match in _BOUNDARY.finditer(text):
        end = match.start() + len(match.group().rstrip())
        if _ends_with_abbreviation(text[max(start, end - _MAX_WORD_CHARS) : end]):
            continue
        sentences.append(text[start:end].strip())
        start = match.end()
    sentences.append(text[start:].strip())
    return [s for s in sentences if s]


def _ends_with_abbreviation(text: str) -> bool:
    match = _LAST_WORD.search(text)
    if match is None:
        return False
    word = match.group(1)
    if len(word) == 1 and word.isupper():
        return True
    return word.lower() in _ABBREVIATIONS
