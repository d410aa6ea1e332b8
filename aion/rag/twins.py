"""When two chunks are twins: when their words, the title and heading path among them, are the same.

Case, spacing and punctuation apart. Digits with what joins them, signs before numbers and symbols count:
`9,5` is not `95`, `-5` not `5`, `10 €` not `10 $`. Texts that are merely similar are no twins, for a changed
number or a "não" may be all that matters.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from aion.types import Chunk

_N_BYTES = 16  # 128 bits: among 10^9 chunks the odds of one false twin are below 10^-20
_WORD = re.compile(
    r"(?:(?<!\w)[-+−])?\w+(?:[.,:/'’\-]\w+)*"  # 9,5  9:30  -5  full-day  d'Ajuda
    r"|[^\w\s.,;:!?…\"'“”‘’«»()\[\]{}*_`#|–—\-]"  # € % < = and other symbols, one by one
)  # fmt: skip


def text_hash(chunk: Chunk, language: str = "") -> bytes:
    """The hash of a chunk's words; equal for twins and for no others. Twins share their stems: the same
    words in a document of another `language`, which has other stems, are no twin."""
    words = normalise(chunk.title) + "\n" + normalise(chunk.text) + "\nen" * (language == "en")
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=_N_BYTES).digest()


def normalise(text: str) -> str:
    """The words of `text` in lower case and one form of Unicode, one space between them."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
