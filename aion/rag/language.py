"""Which language a text is in: Portuguese, English, or not known. Counts small words; knows no grammar.

The small words of a language are a third or more of any running text, so a few hundred characters
are enough. Spanish, French and Italian are counted too, only so that they do not pass as Portuguese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from aion.types import Section

_SAMPLE_CHARS = 6_000
_MIN_HITS = 2  # one small word may be a name's
_MIN_LEAD = 1.3  # of the first language over the second
_WORD = re.compile(r"[^\W\d_]+")

_SMALL_WORDS = {
    "pt": "de do da dos das em no na nos nas um uma uns umas o os a as ao aos à às e é não que se com por "
    "para pelo pela pelos pelas mais como foi são está ser também ou já há seu sua seus suas até qual "
    "quais quando onde quem quanto custa muito você isso esta este essa esse num numa tem",
    "en": "the of and to in is are was were for on with as at by an be this that which from it its has have "
    "had not or what when where who how does did do his her their they but all been than you your can "
    "will a i",
    "es": "el los las un una y en del al que es por con para se lo su sus como más pero no fue son está muy "
    "este esta qué cuándo dónde cuánto cuál hay sin sobre también desde de la a o",
    "fr": "le la les un une des et en du de au aux que qui est pour par dans sur pas avec ce cette ces il "
    "elle sont été ou où plus son sa ses comme mais à a se ne quel quelle",
    "it": "il lo la gli le un una e di del della dei delle nel nella che è per con non si da al alla sono "
    "come più anche ma questo questa su ha quando dove a o i",
}
# Words people ask with, beside the small ones; those of both languages ("do", "no", "a") tell nothing.
_ASKING = {
    "pt": "abre abrem fecha fecham custam preço preços horas horário horários bilhete bilhetes ingresso "
    "ingressos posso pode podem quero queria preciso existe fica ficam oi olá obrigado obrigada sim também "
    "cães crianças hoje amanhã aos me diga fale explique aceitam pagar vocês",
    "en": "open opens close closes much many price prices cost costs ticket tickets time hours there my i "
    "we me please hi hello thanks yes allowed any should could would must if get take pay book about near "
    "best long far today tomorrow children kids dogs parking opening closing tell explain give show refund "
    "refunds policy meeting point group discount discounts cancel cancellation cheapest free included lunch "
    "breakfast dinner pickup duration weather rain train bus car walking wheelchair restroom",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _SMALL_WORDS.items():
    for _small in _words.split():
        _LANGUAGES_OF[_small] = (*_LANGUAGES_OF.get(_small, ()), _language)
_PT = frozenset(f"{_SMALL_WORDS['pt']} {_ASKING['pt']}".split())
_EN = frozenset(f"{_SMALL_WORDS['en']} {_ASKING['en']}".split())
_PT_LETTERS = re.compile(r"[ãõçáâêéíóôúà]")


def question_language(text: str, before: Sequence[str] = ()) -> Literal["pt", "en"]:
    """In which of the two languages to answer: English where more of its words say so than Portuguese ones,
    else Portuguese. Made for questions of a few words, where `detect_language` cannot tell. One that says
    nothing of it ("wifi?") is in the language of `before`, the questions before it, oldest first."""
    for question in (text, *reversed(before)):
        n_pt, n_en = _n_words(question)
        if n_pt != n_en:
            return "en" if n_en > n_pt else "pt"
    return "pt"


def _n_words(text: str) -> tuple[int, int]:
    """How many words are Portuguese and not English, and the other way round."""
    n_pt = n_en = 0
    for word in _WORD.findall(text[:_SAMPLE_CHARS].lower()):
        n_en += word in _EN and word not in _PT
        n_pt += word not in _EN and (word in _PT or _PT_LETTERS.search(word) is not None)
    return n_pt, n_en


def detect_language(text: str) -> str:
    """ "pt", "en" or "" (another language, or too little to tell). Looks at the first 6,000 characters.

    A small word that several languages have counts for each of them by its share.
    """
    scores = dict.fromkeys(_SMALL_WORDS, 0.0)
    n_hits = 0
    for word in _WORD.findall(text[:_SAMPLE_CHARS].lower()):
        languages = _LANGUAGES_OF.get(word, ())
        n_hits += bool(languages)
        for language in languages:
            scores[language] += 1 / len(languages)
    best, second = sorted(scores, key=lambda language: -scores[language])[:2]
    if n_hits < _MIN_HITS or scores[best] < _MIN_LEAD * scores[second] or best not in ("pt", "en"):
        return ""
    return best


def language_of(title: str, sections: Sequence[Section]) -> str:
    """That of a document, told by its title, its headings and the beginning of its text."""
    pieces, n_chars = [title], 0
    for section in sections:
        pieces += [*section.headings[-1:], section.text[:_SAMPLE_CHARS]]
        n_chars += len(section.text)
        if n_chars > _SAMPLE_CHARS:
            break
    return detect_language("\n".join(pieces))
