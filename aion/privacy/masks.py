"""Placeholders for personal data, and the way back. One `Masks` a conversation, for one task at a time."""

from __future__ import annotations

import re

from aion.privacy.finding import Finding, Kind
from aion.privacy.placeholder import LITERAL, PLACEHOLDER, placeholder, read
from aion.privacy.scan import find, scan


class Masks:
    """What each placeholder stands for. A value keeps its number in every written form of it; each form has
    its own letter (`[CPF_1]`, `[CPF_1B]`), so that what is put back is exactly what was there."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}  # of each placeholder
        self._forms: dict[
            tuple[str, str], dict[str, str]
        ] = {}  # label and value -> written form -> placeholder
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        """How many values are masked, whatever their forms."""
        return sum(label != LITERAL for label, _ in self._forms)

    def restore(self, text: str) -> str:
        """`text` with each placeholder of this conversation replaced by what it stands for; others stay."""
        return PLACEHOLDER.sub(self.replacement, text)

    def replacement(self, match: re.Match[str]) -> str:
        return self._texts.get(read(match), match[0])

    def people(self) -> list[str]:
        """The values of the names masked so far."""
        return [value for label, value in self._forms if label == Kind.NAME]

    def placeholder_of(self, finding: Finding, written: str) -> str:
        return self._placeholder(finding.kind.value, finding.value, written)

    def literal(self, written: str) -> str:
        """A placeholder for text that only looks like one."""
        return self._placeholder(LITERAL, written, written)

    def _placeholder(self, label: str, value: str, written: str) -> str:
        key = (label, value)
        if key not in self._forms:
            self._counts[label] = self._counts.get(label, 0) + 1
        forms = self._forms.setdefault(key, {})
        if written not in forms:
            number = self._number(forms, label)
            forms[written] = placeholder(label, number, len(forms))
            self._texts[forms[written]] = written
        return forms[written]

    def _number(self, forms: dict[str, str], label: str) -> int:
        for first in forms.values():
            return int(re.sub(r"\D", "", first))
        return self._counts[label]


def mask(text: str, masks: Masks | None = None) -> str:
    """`text` with a placeholder for each finding; `masks.restore` gives back exactly `text`."""
    masks = Masks() if masks is None else masks
    seen = scan(text, masks.people())
    pieces, done = [], 0
    stands = {(f.start, f.end): masks.placeholder_of(f, text[f.start : f.end]) for f in seen.findings}
    for start, end in sorted([*stands, *seen.literals]):
        pieces += [
            _plain(text[done:start], masks),
            stands.get((start, end)) or masks.literal(text[start:end]),
        ]
        done = end
    return "".join([*pieces, _plain(text[done:], masks)])


def redact(text: str) -> str:
    """`text` with `[CPF]`, `[E-MAIL]`, `[NOME]` ... for each finding; nothing can be put back."""
    pieces, done = [], 0
    for finding in find(text):
        pieces += [text[done : finding.start], finding.kind.redacted]
        done = finding.end
    return "".join([*pieces, text[done:]])


def _plain(piece: str, masks: Masks) -> str:
    """A piece between findings, without what would be taken for a placeholder on the way back."""
    return PLACEHOLDER.sub(lambda match: masks.literal(match[0]), piece)
