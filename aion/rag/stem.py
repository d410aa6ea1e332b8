"""Text to stems for the full-text index, the same way for documents and for questions.

What stands between spaces is stemmed once: its stems are remembered, so that a chunk costs a split and as
many look-ups. Knows Portuguese and English; neither documents nor the index.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable

import Stemmer

# Compared as written, in lower case: "é" is a verb, "sé" a cathedral.
_PORTUGUESE = """
    a à às ao aos o os as um uma uns umas e é ou de do da dos das dum duma em no na nos nas num numa
    por pelo pela pelos pelas para pra pro com como que quê qual quais quem quando onde
    quanto quanta quantos quantas se me te lhe lhes eu tu ele ela eles elas nós vós você vocês voce voces
    meu minha meus minhas seu sua seus suas este esta estes estas esse essa esses essas
    isto isso aquilo aquele aquela aqueles aquelas ser sou são sao foi foram era eram seja
    está estão estao estava há ha ter tem têm tinha tenho já também tambem muito mais mas mesmo ainda só
    então entao assim porque porquê pois
    the of and or to in on at is are was were for with by an it its this that what which who how does
"""
_ENGLISH = """
    a an the of and or to in on at is are was were be been being am for with by from as it its this that these
    those there their they them he him his she her hers we us our ours you your yours i me my mine
    what which who whom whose when where why how do does did done has have had having can could will would
    shall should may might must not no nor so than then too very just if into about over under s t
"""
_STOP_WORDS = {"pt": frozenset(_PORTUGUESE.split()), "en": frozenset(_ENGLISH.split())}
_ALGORITHMS = {"pt": "portuguese", "en": "english"}
_MAX_REMEMBERED = 100_000  # pieces a language, about 20 MB
_MAX_WORD_CHARS = 64  # of which a stem is made; longer ones are no words and must not fill the memory
_THOUSANDS = re.compile(r"(?<=\d)\.(?=\d{3}(?!\d))")
_HOUR = re.compile(r"(?<=\d)h(?=\d|\b)")
_WORD = re.compile(r"[^\W_]+(?:[-‐][^\W_]+)*")
# People leave accents out in questions, and the stemmer knows these endings only with them.
_ENDINGS = (
    ("cao", "ção"), ("coes", "ções"), ("ao", "ão"), ("oes", "ões"),
    ("encia", "ência"), ("encias", "ências"), ("ancia", "ância"), ("ancias", "âncias"),
)  # fmt: skip


class _Remembered(dict[str, str]):
    """A piece of text without spaces, in lower case, to its stems joined by spaces. Safe for threads: a
    stemmer alone is not."""

    def __init__(self, language: str, stop_words: frozenset[str]) -> None:
        super().__init__()
        self._stemmer = Stemmer.Stemmer(_ALGORITHMS[language], 0)
        self._endings = _ENDINGS if language == "pt" else ()
        self._stop_words = stop_words
        self._lock = threading.Lock()

    def __missing__(self, piece: str) -> str:
        words = [part for word in _WORD.findall(_plain(piece)) for part in _parts(word)]
        with self._lock:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
            stemmed = " ".join(self._stem(word) for word in words if word not in self._stop_words)
            if len(piece) <= _MAX_WORD_CHARS:
                self[piece] = stemmed
        return stemmed

    def _stem(self, word: str) -> str:
        word = word[:_MAX_WORD_CHARS]
        for bare, accented in self._endings:
            if word.endswith(bare):
                word = word.removesuffix(bare) + accented
                break
        return strip_accents(self._stemmer.stemWord(word))


_CONTENT = {language: _Remembered(language, words) for language, words in _STOP_WORDS.items()}
_ALL = {language: _Remembered(language, frozenset()) for language in _STOP_WORDS}


def stems(text: str, language: str = "pt") -> list[str]:
    """Stems in order: lower case, without accents and stop words; English rules for "en", else Portuguese.

    A hyphenated word gives its parts and the whole ("full-day": full, day, fullday); 1.250 is
    1250; 9h30 is 9 and 30, as 9:30 is. A text of nothing but stop words keeps them.
    """
    return stem_text(text, language).split()


def stem_text(text: str, language: str = "pt") -> str:
    """The stems of `text` with spaces between, as the index takes them."""
    rules = "en" if language == "en" else "pt"
    pieces = text.lower().split()
    kept = " ".join(filter(None, map(_CONTENT[rules].__getitem__, pieces)))
    return kept or " ".join(filter(None, map(_ALL[rules].__getitem__, pieces)))


def question_stems(text: str, languages: Iterable[str]) -> list[str]:
    """The distinct stems of a question in all of `languages`, in order."""
    found = [stem for language in dict.fromkeys(languages) for stem in stems(text, language)]
    return list(dict.fromkeys(found))


def is_stop_word(word: str) -> bool:
    """Whether a word in lower case, with its accents or without, is one of any language's."""
    return word in _ANY_STOP_WORD


def strip_accents(word: str) -> str:
    """The word without its accents."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower()
    return _HOUR.sub(" ", _THOUSANDS.sub("", plain))


def _parts(word: str) -> list[str]:
    parts = re.split("[-‐]", word)
    return parts if len(parts) == 1 else [*parts, "".join(parts)]


_ANY_STOP_WORD = frozenset().union(
    *(words | {strip_accents(word) for word in words} for words in _STOP_WORDS.values())
)
