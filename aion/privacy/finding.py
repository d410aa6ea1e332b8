"""What can be found in a text, and where it stands. Owns the kinds and how sure a detector is of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """A kind of personal data; the value is its placeholder's label, in plain ASCII for models to repeat."""

    CPF = "CPF"
    CNPJ = "CNPJ"
    NIF = "NIF"
    NISS = "NISS"
    CC = "CC"  # cartão de cidadão, bilhete de identidade
    RG = "RG"
    PIS = "PIS"
    TITULO = "TITULO"
    CNH = "CNH"
    IBAN = "IBAN"
    CARD = "CARTAO"
    PASSPORT = "PASSAPORTE"
    PHONE = "TELEFONE"
    EMAIL = "EMAIL"
    IP = "IP"
    ADDRESS = "ENDERECO"
    PLATE = "PLACA"
    BIRTH = "NASCIMENTO"
    NAME = "NOME"

    @property
    def redacted(self) -> str:
        """What stands for it where nothing is put back: `[CPF]`, `[E-MAIL]`."""
        return f"[{_WORDS.get(self, self.value)}]"


_WORDS = {
    Kind.EMAIL: "E-MAIL",
    Kind.ADDRESS: "ENDEREÇO",
    Kind.CARD: "CARTÃO",
    Kind.TITULO: "TÍTULO",
}


class Certainty(IntEnum):
    """Which of two findings in the same place wins; the longer one among equals."""

    PLAUSIBLE = 1  # a form that other things have too
    LIKELY = 2  # a checksum, or a form that little else has
    CERTAIN = 3  # named by a word beside it, or both


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a detector sees in a folded text; `value` is the same for all written forms of one thing."""

    kind: Kind
    start: int
    end: int
    certainty: Certainty
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data at text[start:end], offsets in characters; `value` as in Candidate."""

    kind: Kind
    start: int
    end: int
    value: str
