"""Text to stems for the full-text index, the same way for documents and for questions."""

from __future__ import annotations

import re
import threading
import unicodedata

import Stemmer

_LOCAL = threading.local()  # a Stemmer must not be used by two threads

# Compared as written, in lower case: "é" is a verb, "sé" a cathedral.
_STOP_TEXT = """
    a à às ao aos o os as um uma uns umas e é ou de do da dos das dum duma em no na nos nas num numa
    por pelo pela pelos pelas para pra pro com como que quê qual quais quem quando onde
    quanto quanta quantos quantas se me te lhe lhes eu tu ele ela eles elas nós vós você vocês voce voces
    meu minha meus minhas seu sua seus suas este esta estes estas esse essa esses essas
    isto isso aquilo aquele aquela aqueles aquelas ser sou são sao foi foram era eram seja
    está estão estao estava há ha ter tem têm tinha tenho já também tambem muito mais mas mesmo ainda só
    então entao assim porque porquê pois
    the of and or to in on at is are was were for with by an it its this that what which who how does
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_HOUR = re.compile(r"(?<=\d)h(?=\d|\b)")
_WORD = re.compile(r"[^\W_]+(?:[-‐][^\W_]+)*")
# People leave accents out in questions, and the stemmer knows these endings only with them.
_ENDINGS = (
    ("cao", "ção"), ("coes", "ções"), ("ao", "ão"), ("oes", "ões"),
    ("encia", "ência"), ("encias", "ências"), ("ancia", "ância"), ("ancias", "âncias"),
)  # fmt: skip


def stems(text: str) -> list[str]:
    """Portuguese stems in order: lower case, without accents and stop words.

    A hyphenated word gives its parts and the whole ("full-day": full, day, fullday); 1.250 is
    1250; 9h30 is 9 and 30, as 9:30 is. A text of nothing but stop words keeps them.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = _HOUR.sub(" ", _THOUSANDS.sub("", plain))
    words = [part for match in _WORD.finditer(plain) for part in _parts(match.group())]
    kept = [word for word in words if word not in _STOP_WORDS] or words
    return [_strip_accents(stem) for stem in _stemmer().stemWords([_with_accents(word) for word in kept])]


def _parts(word: str) -> list[str]:
    parts = re.split("[-‐]", word)
    return parts if len(parts) == 1 else [*parts, "".join(parts)]


def _with_accents(word: str) -> str:
    for bare, accented in _ENDINGS:
        if word.endswith(bare):
            return word.removesuffix(bare) + accented
    return word


def _strip_accents(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _stemmer() -> Stemmer.Stemmer:
    if not hasattr(_LOCAL, "stemmer"):
        _LOCAL.stemmer = Stemmer.Stemmer("portuguese")
    return _LOCAL.stemmer
