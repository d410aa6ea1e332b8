"""Numbers of people and firms that tell themselves: their usual groups and a checksum that holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aion.privacy import checksums
from aion.privacy.finding import Candidate, Certainty, Kind
from aion.privacy.named_documents import compact
from aion.privacy.naming import END, START, subject


@dataclass(frozen=True, slots=True)
class _Form:
    kind: Kind
    pattern: re.Pattern[str]
    check: Callable[[str], bool]
    certainty: Certainty = Certainty.LIKELY


def _is_vat(number: str) -> bool:
    return checksums.is_nif(number[2:])


_FORMS = (
    _Form(
        Kind.CPF,
        re.compile(
            rf"{START}\d{{3}}([ .-]{{0,2}}\n?)\d{{3}}([ .-]{{0,2}}\n?)\d{{3}}[ ./-]{{0,3}}\n?\d{{2}}{END}"
        ),
        checksums.is_cpf,
    ),
    _Form(
        Kind.CNPJ,
        re.compile(rf"{START}\d{{2}}[ .]?\d{{3}}[ .]?\d{{3}} ?[/. -]? ?\n?\d{{4}} ?[- .]? ?\d{{2}}{END}"),
        checksums.is_cnpj,
    ),
    _Form(
        Kind.CNPJ,  # with letters, from July 2026 on; without separators only in capitals
        re.compile(
            r"(?<![^\W_])[0-9A-Za-z]{2}[ .]{1,2}[0-9A-Za-z]{3}[ .]{1,2}[0-9A-Za-z]{3} ?[/.-] ?\n?"
            r"[0-9A-Za-z]{4} ?- ?\d{2}(?![^\W_])"
            r"|(?<![^\W_])(?=[A-Z]{0,11}\d)[0-9A-Z]{12}\d{2}(?![^\W_])"
        ),
        checksums.is_cnpj,
    ),
    _Form(
        Kind.CC,
        re.compile(r"(?<![^\W_])\d{8}[ -]{0,2}\d[ -]{0,2}[A-Za-z]{2}\d(?![^\W_])"),
        checksums.is_cc,
        Certainty.CERTAIN,
    ),
    _Form(Kind.NIF, re.compile(r"(?<![^\W_])PT ?\d{3} ?\d{3} ?\d{3}(?![^\W_])"), _is_vat),
    _Form(Kind.PIS, re.compile(rf"{START}\d{{3}}\.\d{{5}}\.\d{{2}}-\d{END}"), checksums.is_pis),
)


def documents(text: str) -> Iterator[Candidate]:
    for form in _FORMS:
        for match in form.pattern.finditer(text):
            number = compact(match[0])
            if form.check(number) and _stands(text, match):
                value = number.removeprefix("PT") if form.kind is Kind.NIF else number
                yield Candidate(form.kind, *match.span(), form.certainty, value)


def _stands(text: str, match: re.Match[str]) -> bool:
    """Digits without any separator are an order's number when words before say so; a column is no number."""
    if match[0].isdigit():
        return subject(text, match.start()) != "other"
    return "\n" not in match[0] or re.search(r"[./-]", match[0]) is not None
