"""Street addresses with a house's number, Brazilian and Portuguese, some English ones; postal codes.

A street without a number is a place to visit, and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.naming import CONNECT, START, is_quantity, subject

_UPPER = "A-ZÀ-ÖØ-Þ"
_LOWER = "a-zà-öø-þ"
_STREET = (
    r"Rua|R\.|RUA|Avenida|AVENIDA|Av\.?|AV\.?|Aven\.|Travessa|Tv\.|Trav\.|Largo|Lg\.|Lgo\.|Praça|Praca"
    r"|P[çc]a?\."
    r"|Alameda|Al\.|Estrada|Est\.|Estr\.|Rodovia|Rod\.|Beco|Calçada|Cç\.|Ladeira|Viela|Caminho|Escadinhas"
    r"|Rotunda|Azinhaga|Impasse|Rampa|Urbanização|Urb\.|Bairro|Quadra|Servidão|Via"
)
_LOWER_STREET = r"(?i:rua|avenida|av\.?|travessa|alameda|praça|praca|estrada|rodovia|calçada|ladeira|beco)"
_NAME = rf"(?:[{_UPPER}\d][\w'ºª]{{0,24}}\.?(?:-[{_UPPER}]\w{{1,20}}){{0,2}}|d[aeo]s?|e|a|à|ao)"
_NO_NAME = (
    r"com|para|por|que|onde|est[aá]|estava|fica|tem|at[eé]|sem|mais|uns|umas|são|era|foram|cheia|h[aá]|custa"
)
_LOWER_NAME = rf"(?:d[aeo]s?|e|(?!(?:{_NO_NAME})\b)[{_LOWER}]{{3,20}}|\d{{1,2}}(?= de ))"
_NUMBER = (
    r"(?:(?:,? ?\n?(?:n\.? ?[ºo°]?\.?|n[uú]mero|num\.?|#|-|lote|lt\.?|km) ?|, ?\n?| )"
    r"(?:\d{1,5}(?:\.\d{3})?(?:[ -]?[A-Z](?!\w))?(?:-\d{1,4})?|s/n))(?![\w/]|[:.,]\d)"
)
_ROOM = (
    r"(?:ap(?:to|t|artamento)?|bl(?:oco)?|casa|cs|sala|sl|conj(?:unto)?|cj|loja|lj|lote|lt|quadra|qd|torre"
    r"|km|andar"
    r"|fra[cç][aã]o|porta|letra|suite|cx)\.? ?(?:n\.?º ?)?(?-i:\d{1,5}[A-Z]?|[A-Z]\d{0,3})(?!\w)"
)
_SIDE = r"(?:esq|dto|dt|drt|frente|fte|tr[aá]s)"
_FLOOR = (
    rf"(?:r/c|rc|cave|r[eé]s-do-ch[aã]o)(?: {_SIDE}\.?\w{{0,6}})?"
    rf"|\d{{1,2}}\.? ?[ºª°](?: ?(?:andar|{_SIDE}|[A-F](?!\w))\.?\w{{0,6}})?|{_SIDE}\.?(?!\w)"
)
_MORE_NUMBER = r"\d{1,5}(?![\w:/.,-])(?! ?(?:€|km|h|m|pessoas|adultos))"
_PART = rf"(?i:(?:,? ?(?:[-/] ?)?)\n?(?:{_ROOM}|{_FLOOR}|{_MORE_NUMBER}))"
_WORD = rf"[{_UPPER}][\w'.]{{0,23}}\w"
_PLACE = rf"(?:{_WORD}(?:-[{_UPPER}]\w{{1,20}})?(?: (?:(?:d[aeo]s? |e )?{_WORD})){{0,3}})"
_CEP = r"(?:CEP:? ?)?\d{2}\.?\d{3}-\d{3}(?!\d)"
_POSTAL = rf"\d{{4}}-\d{{3}}(?!\d)(?:,? {_PLACE})?"
_STATE = r"[A-Z]{2}(?!\w)"
_TAIL = (
    rf"(?:,? ?-? ?\n?(?:{_PLACE}(?:(?: ?[-/,] ?| ){_STATE})?(?:, ?| ?- ?| ?\n?)){{0,3}}(?:{_CEP}|{_POSTAL})"
    rf"| - {_PLACE}(?: ?[-/,] ?{_STATE})?)?"
)
_ADDRESS = re.compile(
    rf"(?<!\w)(?:{_STREET}) ?(?:{_NAME}[ ,]{{1,2}}){{0,8}}?{_NAME}(?P<number>{_NUMBER}){_PART}{{0,5}}{_TAIL}"
)
_LOWER_ADDRESS = re.compile(
    rf"(?<!\w){_LOWER_STREET} (?:{_LOWER_NAME} ){{0,4}}?{_LOWER_NAME}(?P<number>{_NUMBER}){_PART}{{0,4}}"
)
_ENGLISH = re.compile(
    rf"(?<![\w.,/-])\d{{1,5}}[A-Z]? (?:[{_UPPER}][\w']{{1,20}} ){{1,4}}(?:Street|St|Road|Rd|Avenue|Ave|Lane"
    rf"|Ln|Drive"
    r"|Boulevard|Blvd|Court|Crescent|Terrace|Gardens)\b\.?(?:, (?:Flat|Apt|Unit)\.? \w{1,5})?"
)
_CODE = re.compile(rf"{START}{_CEP}|{START}\d{{4}}-\d{{3}} ?\n?{_PLACE}(?!\w)")
_CODE_AT_END = re.compile(rf"{_CEP}|{_POSTAL}")
_CODE_NAMED = re.compile(
    rf"(?<!\w)(?i:cep|c[oó]digo[ -]postal|postal code|zip){CONNECT}"
    rf"(?P<value>\d{{2}}\.?\d{{3}}-?\d{{3}}(?!\d)|{_POSTAL})"
)

_HOUR = re.compile(
    r" ?(?:h\b|h\d|às|:\d|a \d|de [a-zç]+|minutos|min\b|horas|dias|noites|adultos|crianças)", re.IGNORECASE
)
_COUNTED = re.compile(
    rf" (?!depois|antes|fundos|mas|mais|duas|dois|apenas|n[oa]s|em|ao|aos|às)[{_LOWER}]{{3,20}}(?:s"
    rf"|ões)(?!\w)"
)
_YEAR_ONLY = re.compile(r"[^,º] (?:19|20)\d\d\Z")  # "o Caminho de Santiago 2025"
_ROAD = re.compile(r"(?:Nacional|Municipal|Regional|Federal|Estadual) \d{1,4}\Z")  # "Estrada Nacional 247"


def addresses(text: str) -> Iterator[Candidate]:
    for pattern in (_ADDRESS, _LOWER_ADDRESS):
        for match in pattern.finditer(text):
            if _is_door(text, match.start(), match.end("number")):
                has_code = _CODE_AT_END.search(text, match.end("number"), match.end())
                yield _address(text, match.span(), Certainty.CERTAIN if has_code else Certainty.LIKELY)
    for match in _ENGLISH.finditer(text):
        yield _address(text, match.span(), Certainty.LIKELY)
    for match in _CODE_NAMED.finditer(text):
        yield _address(text, match.span("value"), Certainty.CERTAIN)
    for match in _CODE.finditer(text):
        if subject(text, match.start()) != "other":
            yield _address(text, match.span(), Certainty.PLAUSIBLE)


def _is_door(text: str, start: int, end: int) -> bool:
    """Is the number that ends at `end` a house's, and not an hour, a year, a road or so many of something?"""
    if is_quantity(text, start, end) or _HOUR.match(text, end) or _COUNTED.match(text, end):
        return False
    return not (_YEAR_ONLY.search(text, max(start, end - 8), end) or _ROAD.search(text, start, end))


def _address(text: str, span: tuple[int, int], certainty: Certainty) -> Candidate:
    return Candidate(Kind.ADDRESS, *span, certainty, " ".join(text[slice(*span)].casefold().split()))
