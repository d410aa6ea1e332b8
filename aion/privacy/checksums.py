"""Is this number one that was given out? Asks python-stdnum; the four it does not have are here.

All take digits (and letters) without separators. stdnum is imported at the first question.
"""

from __future__ import annotations

from aion.privacy.iban_lengths import IBAN_LENGTHS


def is_cpf(number: str) -> bool:
    from stdnum.br import cpf  # noqa: PLC0415

    return len(set(number)) > 1 and cpf.is_valid(number)


def is_cnpj(number: str) -> bool:
    from stdnum.br import cnpj  # noqa: PLC0415

    return len(set(number)) > 1 and cnpj.is_valid(number)


def is_nif(number: str) -> bool:
    """First digits as the Autoridade Tributária gives them: 1-3 persons, 45 non-residents, 5-9 others."""
    from stdnum.pt import nif  # noqa: PLC0415

    return (
        number[0] in "1235689" or number[:2] in {"45", "70", "71", "72", "74", "75", "77", "78", "79"}
    ) and nif.is_valid(number)


def is_cc(number: str) -> bool:
    from stdnum.pt import cc  # noqa: PLC0415

    return cc.is_valid(number)


def is_iban(number: str) -> bool:
    from stdnum import iban  # noqa: PLC0415

    return len(number) == IBAN_LENGTHS.get(number[:2].upper()) and iban.is_valid(number, check_country=False)


def is_luhn(number: str) -> bool:
    from stdnum import luhn  # noqa: PLC0415

    return len(set(number)) > 1 and luhn.is_valid(number)


def is_nib(number: str) -> bool:
    """Portuguese account number: 21 digits, ISO 7064 mod 97-10."""
    return len(number) == 21 and int(number) % 97 == 1


def is_niss(number: str) -> bool:
    """Segurança Social: weights are the primes from 29 down to 2; 9 less the sum modulo 10."""
    weights = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
    return number[0] in "12" and int(number[10]) == 9 - _sum(number, weights) % 10


def is_pis(number: str) -> bool:
    """PIS, PASEP, NIS, NIT: modulo 11 as Caixa publishes it."""
    rest = 11 - _sum(number, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return len(set(number)) > 1 and int(number[10]) == (0 if rest > 9 else rest)


def is_titulo(number: str) -> bool:
    """Título de eleitor, 12 digits: Tribunal Superior Eleitoral, Resolução 21.538, art. 12."""
    state = number[8:10]
    if not 1 <= int(state) <= 28:
        return False
    first = _digit(_sum(number, range(2, 10)), state)
    second = _digit(_sum(f"{state}{first}", (7, 8, 9)), state)
    return number[10:] == f"{first}{second}"


def _digit(total: int, state: str) -> int:
    rest = total % 11
    if rest == 0 and state in {"01", "02"}:  # São Paulo and Minas Gerais
        return 1
    return 0 if rest == 10 else rest


def _sum(number: str, weights: range | tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))
