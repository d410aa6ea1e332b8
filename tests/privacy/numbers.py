"""Numbers that were never given out to anyone here, yet pass (or just miss) their checksums. Formulas written
down anew, so that a mistake in the detectors' shows.
"""

from __future__ import annotations

import random

from stdnum import iban, luhn
from stdnum.br import cnpj, cpf
from stdnum.pt import cc, nif


class Numbers:
    """Draws numbers with one random generator."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def digits(self, n: int) -> str:
        return "".join(self.rng.choices("0123456789", k=n))

    def cpf(self) -> str:
        body = self.digits(9)
        return body + str(cpf._calc_check_digits(body))

    def cnpj(self) -> str:
        body = self.digits(8) + "0001"
        return body + str(cnpj.calc_check_digits(body))

    def cnpj_with_letters(self) -> str:
        body = "".join(self.rng.choices("0123456789ABCDEFGHJKLMNPRSTVWXYZ", k=11)) + "A"
        return body + str(cnpj.calc_check_digits(body))

    def nif(self) -> str:
        body = self.rng.choice("1235689") + self.digits(7)
        return body + str(nif.calc_check_digit(body))

    def niss(self) -> str:
        body = self.rng.choice("12") + self.digits(9)
        return body + str(9 - weighted(body, 29, 23, 19, 17, 13, 11, 7, 5, 3, 2) % 10)

    def pis(self) -> str:
        body = self.rng.choice("12") + self.digits(9)
        check = 11 - weighted(body, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2) % 11
        return body + str(check if check < 10 else 0)

    def titulo(self) -> str:
        body, state = self.digits(8), self.rng.choice(("06", "08", "13", "21", "26"))
        first = weighted(body, *range(2, 10)) % 11 % 10
        second = (int(state[0]) * 7 + int(state[1]) * 8 + first * 9) % 11 % 10
        return f"{body}{state}{first}{second}"

    def cc(self) -> str:
        body = self.digits(9) + self.rng.choice(("ZZ", "ZY", "ZX", "ZW"))
        return body + str(cc.calc_check_digit(body))

    def iban(self) -> str:
        country, body = self.rng.choice(
            (
                ("PT", self.nib()),
                ("DE", self.digits(18)),
                ("BR", self.digits(23) + "P1"),
                ("ES", self.digits(20)),
            )
        )
        return country + str(iban.calc_check_digits(f"{country}00{body}")) + body

    def nib(self) -> str:
        body = "0035" + self.digits(15)
        return f"{body}{98 - int(body + '00') % 97:02d}"

    def card(self) -> str:
        prefix, n = self.rng.choice(
            (("4", 16), ("51", 16), ("54", 16), ("2345", 16), ("37", 15), ("6062 82", 16))
        )
        body = prefix.replace(" ", "")
        body += self.digits(n - 1 - len(body))
        return body + str(luhn.calc_check_digit(body))

    def passport(self) -> str:
        letters = "".join(self.rng.choices("ABCDFGHJKLMNPRSTVXYZ", k=self.rng.choice((1, 2))))
        return letters + self.digits(6)

    def rg(self) -> str:
        number = self.digits(8)
        return f"{number[:2]}.{number[2:5]}.{number[5:]}-{self.rng.choice('0123456789X')}"

    def phone_br(self) -> str:
        area = self.rng.choice(("11", "21", "31", "41", "51", "61", "71", "85", "91", "48"))
        return area + "9" + self.rng.choice("6789") + self.digits(7)

    def phone_pt(self) -> str:
        return self.rng.choice(("91", "92", "93", "96")) + self.digits(7)

    def landline_pt(self) -> str:
        return "21" + self.rng.choice("0123456789") + self.digits(6)


def weighted(number: str, *weights: int) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True))


def spoilt(number: str, rng: random.Random) -> str:
    """`number` with its last digit wrong."""
    last = int(number[-1])
    return number[:-1] + str((last + rng.randrange(1, 10)) % 10)
