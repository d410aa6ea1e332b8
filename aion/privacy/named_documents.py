"""Numbers that a word names: "CPF n.º ...", "o passaporte dela é ...". In any grouping; where a kind has a
checksum it must hold, and where it has none the word and the form are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aion.privacy import checksums
from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.naming import CONNECT, named

_GAP = r"[ .\n/-]{0,3}"
_END = r"(?![^\W_])"


@dataclass(frozen=True, slots=True)
class _Named:
    kind: Kind
    words: str
    form: str
    check: Callable[[str], bool]


def _digits(n: int) -> str:
    return rf"\d(?:{_GAP}\d){{{n - 1}}}(?!\d)"


def _is_nif(number: str) -> bool:
    return checksums.is_nif(number.removeprefix("PT"))


def _is_cc(number: str) -> bool:
    return number.isdigit() or checksums.is_cc(number)


def _is_passport(number: str) -> bool:
    return 6 <= len(number) <= 9 and sum(map(str.isdigit, number)) >= 4


_DOCUMENTS = (
    _Named(Kind.CPF, r"c\.?p\.?f\.?(?:/mf)?", _digits(11), checksums.is_cpf),
    _Named(
        Kind.CNPJ,
        r"c\.?n\.?p\.?j\.?(?:/mf)?",
        rf"[0-9A-Z](?:{_GAP}[0-9A-Z]){{11}}{_GAP}\d[ .-]?\d{_END}",
        checksums.is_cnpj,
    ),
    _Named(
        Kind.NIF,
        r"n\.?i\.?f\.?|n\.?i\.?p\.?c\.?|contribuinte|(?:identifica[cç][aã]o|n[uú]mero|n\.?º) fiscal"
        r"|vat(?: id)?|tax (?:id|number)|faturar|fature|fatur[ae]r? (?:para|com|ao|a)|factura com",
        r"(?:PT ?)?" + _digits(9),
        _is_nif,
    ),
    _Named(
        Kind.NISS, r"niss|seguran[cç]a social|seg\.? social|social security", _digits(11), checksums.is_niss
    ),
    _Named(
        Kind.PIS,
        r"pis(?: ?/ ?pasep)?|pasep|nis|nit|cadastro [uú]nico|cad[uú]nico",
        _digits(11),
        checksums.is_pis,
    ),
    _Named(
        Kind.TITULO,
        r"t[ií]tulo(?: de eleitora?| eleitoral)?|t[ií]t\.? eleitor(?:al)?",
        _digits(12),
        checksums.is_titulo,
    ),
    _Named(
        Kind.CNH,
        r"cnh|carteira (?:nacional )?de (?:habilita[cç][aã]o|motorista)|habilita[cç][aã]o"
        r"|carta de condu[cç][aã]o|driving licen[cs]e",
        rf"{_digits(11)}|[A-Z]{{1,2}}-? ?\d{{5,8}} ?\d?{_END}",
        bool,
    ),
    _Named(
        Kind.RG,
        r"r\.?g\.?|registro geral|(?:carteira|c[eé]dula|documento) de identidade|(?<!bilhete de )identidade",
        rf"(?:[A-Z]{{2}}[ .-]{{0,2}})?\d{{1,3}}[. ]?\d{{3}}[. ]?\d{{3}}(?: ?- ?[\dX]|[\dX])?{_END}",
        bool,
    ),
    _Named(
        Kind.CC,
        r"c\.?c\.?|cart[aã]o (?:de|do) cidad[aã]o|b\.?i\.?|bilhete de identidade|citizen card",
        rf"\d{{1,2}}\.?\d{{3}}\.?\d{{3}}(?:[ -]{{0,2}}\d)?(?:[ -]{{0,2}}[A-Z]{{2}}\d)?{_END}",
        _is_cc,
    ),
    _Named(
        Kind.PASSPORT,
        r"(?:passaportes?|passports?|pasaporte)(?: (?!d[aeo] )[^\W\d_]{4,14}(?= ))?",
        rf"[A-Z0-9]{{1,3}} ?[A-Z0-9]{{5,7}}{_END}",
        _is_passport,
    ),
)
_FIRST = [(document, named(document.words, document.form)) for document in _DOCUMENTS]
_NEXT = {
    document.kind: re.compile(
        rf"(?: ?[,;/] ?| )(?:(?:e|ou|and|or) )?{CONNECT}(?P<value>{document.form})", re.IGNORECASE
    )
    for document in _DOCUMENTS
}


def named_documents(text: str) -> Iterator[Candidate]:
    for document, pattern in _FIRST:
        for match in pattern.finditer(text):
            yield from _listed(text, document, match)


def compact(number: str) -> str:
    """Without separators, in capitals."""
    return re.sub(r"[^0-9A-Za-z]", "", number).upper()


def _listed(text: str, document: _Named, first: re.Match[str]) -> Iterator[Candidate]:
    """What was named, and what is listed after it: "CPF 1 e 2", "o NIF dele é 1 e o dela é 2"."""
    match: re.Match[str] | None = first
    while match and document.check(number := compact(match["value"])):
        value = number.removeprefix("PT") if document.kind is Kind.NIF else number
        yield Candidate(document.kind, *match.span("value"), Certainty.CERTAIN, value)
        match = _NEXT[document.kind].match(text, match.end("value"))
