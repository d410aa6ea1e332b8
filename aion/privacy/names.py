"""Names of people where a known form gives them away: "meu nome é", "Sra.", "Nome:", a signature.

It knows no list of all names: who is only mentioned is not found. Kings and queens, places, firms and teams
are left alone, for a guide of Sintra is full of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from aion.privacy import name_forms as forms
from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.people import COMMON_NAMES, NOT_A_NAME, ROYAL, SURNAMES

_PLACE_BEFORE = re.compile(
    r"(?<!\w)(?:rua|r\.|avenida|av\.?|travessa|largo|praça|praca|alameda|estrada|pal[aá]cio|parque|museu"
    r"|igreja|capela"
    r"|quinta|chalet|chalé|casa|escola|hospital|est[aá]tua|teatro|jardim|rampa|ponte|rei|rainha|infanta?"
    r"|imperador"
    r"|imperatriz|princesa|pr[ií]ncipe|nossa|beco|calçada|hotel|restaurante|café|biblioteca|est[aá]dio"
    r"|aeroporto"
    r"|bairro|avenue|palace|king|queen|marquês|conde|condessa|duque|duquesa|s[aã]o|santa"
    r"|santo)(?: d[aeo]s?)? \Z",
    re.IGNORECASE,
)
_CAPITAL_BEFORE = re.compile(r"[A-ZÀ-ÖØ-Þ][^\W\d_]{0,24}\.? \Z")
_ROMAN = re.compile(r" [IVX]{1,5}(?!\w)")
_FIRM = re.compile(
    r",? (?:Lda|Ltda|S\.?A|Unipessoal|ME|EIRELI|Inc|LLC|Ltd|GmbH|Tours|Turismo|Viagens|Hotel)(?!\w)",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<!\w)[^\W\d_]\.|[^\W\d_]+(?:['-][^\W\d_]+)*")
_PARTICLES = frozenset({"da", "de", "do", "das", "dos", "e"})
_MAX_WORDS = 8


def names(text: str) -> Iterator[Candidate]:
    for pattern, is_meant, certainty in _FORMS:
        for match in pattern.finditer(text):
            if is_meant(match):
                yield from _name(text, match.span("name"), certainty)
    for match in forms.SAID_SMALL.finditer(text):
        end = _small_end(match["name"])
        if end:
            yield _candidate(text, match.start("name"), match.start("name") + end, Certainty.CERTAIN)


def known(text: str, people: Iterable[str]) -> Iterator[Candidate]:
    """Where names of two words or more, found elsewhere, stand again; `people` are values of findings."""
    wanted = {words for person in people if len(words := tuple(person.split())) > 1}
    if not wanted:
        return
    firsts = {words[0] for words in wanted}
    longest = min(_MAX_WORDS, max(map(len, wanted)))
    tokens = [(match.start(), match.end(), match[0].casefold()) for match in _WORD.finditer(text)]
    for n, (start, _, word) in enumerate(tokens):
        if word in firsts:
            length = _known_length(tokens[n : n + longest], wanted)
            if length:
                yield _candidate(text, start, tokens[n + length - 1][1], Certainty.LIKELY)


def _known_length(ahead: list[tuple[int, int, str]], wanted: set[tuple[str, ...]]) -> int:
    """How many of the tokens are a wanted name, the longest; 0 if none."""
    for length in range(len(ahead), 1, -1):
        some = ahead[:length]
        is_together = all(after[0] - before[1] <= 2 for before, after in pairwise(some))
        if is_together and tuple(word for _, _, word in some) in wanted:
            return length
    return 0


def _name(text: str, span: tuple[int, int], certainty: Certainty) -> Iterator[Candidate]:
    end = _cut(text, *span)
    if end > span[0] and not _FIRM.match(text, end):
        yield _candidate(text, span[0], end, certainty)


def _cut(text: str, start: int, end: int) -> int:
    """A name ends before a word that is none; where the first is none there is no name."""
    last = start
    for match in re.finditer(r"\S+", text[start:end]):
        word = match[0].casefold()
        if word.rstrip(".") in NOT_A_NAME:
            break
        if match[0].removeprefix("d'").removeprefix("d’")[:1].isupper() and word not in _PARTICLES:
            last = start + match.end()
    return last


def _is_common(match: re.Match[str]) -> bool:
    return match["name"].split(maxsplit=1)[0].casefold() in COMMON_NAMES


def _is_common_or_full(match: re.Match[str]) -> bool:
    return " " in match["name"] or _is_common(match)


def _is_of_today(match: re.Match[str]) -> bool:
    return not _is_of_the_past(match)


def _any(_: re.Match[str]) -> bool:
    return True


def _is_of_the_past(match: re.Match[str]) -> bool:
    """A king, a saint, the street named after a doctor, or the D of "Franklin D. Roosevelt"."""
    text, before = match.string, max(0, match.start() - 24)
    if _PLACE_BEFORE.search(text, before, match.start()):
        return True
    if _ROMAN.search(f"{match['name']} ") or _ROMAN.match(text, match.end()):
        return True
    title, words = (match["title"] or match["word"]).lower(), match["name"].casefold().split()
    if title in {"senhor", "senhora"}:
        return words[0] in ROYAL
    if title == "d" and (_CAPITAL_BEFORE.search(text, before, match.start()) or words[0] not in COMMON_NAMES):
        return not re.search(r"(?:Sra?|Exma?)\.?ª? \Z", text[before : match.start()])
    return title in {"d", "dom", "dona"} and words[0] in ROYAL and (len(words) == 1 or words[-1] in ROYAL)


def _small_end(name: str) -> int:
    """How much of a name written small is one: a first word that is known as a name, then such words more."""
    end = 0
    for n, match in enumerate(re.finditer(r"\S+", name)):
        word = match[0]
        is_name = word in COMMON_NAMES or word in SURNAMES
        if not is_name and (n == 0 or word not in _PARTICLES):
            break
        if is_name:
            end = match.end()
    return end


def _candidate(text: str, start: int, end: int, certainty: Certainty) -> Candidate:
    return Candidate(Kind.NAME, start, end, certainty, " ".join(text[start:end].casefold().split()))


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool], Certainty], ...] = (
    (forms.SAID, _any, Certainty.CERTAIN),
    (forms.LABELLED, _any, Certainty.CERTAIN),
    (forms.BOOKED, _any, Certainty.CERTAIN),
    (forms.SIGNED, _any, Certainty.CERTAIN),
    (forms.GREETED, _is_common, Certainty.LIKELY),
    (forms.CALLED, _is_common, Certainty.LIKELY),
    (forms.PRESENTED, _is_common, Certainty.LIKELY),
    (forms.LABELLED_LOOSELY, _is_common_or_full, Certainty.LIKELY),
    (forms.TITLED, _is_of_today, Certainty.LIKELY),
)
