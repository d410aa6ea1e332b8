"""One text, looked at until nothing more is found. Chooses between findings that overlap.

Linear in the text's length: every pattern looks at a bounded piece from where it begins; the rounds are few.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

from aion.privacy.finding import Candidate, Finding, Kind
from aion.privacy.fold import Folded, fold
from aion.privacy.placeholder import PLACEHOLDER, REDACTED

_MAX_ROUNDS = 8  # two do for ordinary texts: one finds, one sees that nothing is left


@dataclass(frozen=True, slots=True)
class Scan:
    """`findings` and `literals` (what only looks like a placeholder): sorted, none overlaps another."""

    findings: tuple[Finding, ...]
    literals: tuple[tuple[int, int], ...]


def find(text: str) -> tuple[Finding, ...]:
    """The personal data in `text`, in order, none overlapping."""
    return scan(text).findings


def scan(text: str, people: Iterable[str] = ()) -> Scan:
    """`people`: values of names found before, looked for wherever they stand."""
    found: list[Finding] = []
    literals: list[tuple[int, int]] = []
    redacted = [match.span() for match in REDACTED.finditer(text)]
    persons = set(people)
    for _ in range(_MAX_ROUNDS):
        folded = fold(text, _spans(found, literals, redacted))
        unreal = [folded.origin(*match.span()) for match in PLACEHOLDER.finditer(folded.text)]
        if unreal:
            literals += unreal
            folded = fold(text, _spans(found, literals, redacted))
        new = _findings(folded, persons)
        if not new:
            break
        found += new
        persons.update(finding.value for finding in new if finding.kind is Kind.NAME)
    return Scan(tuple(sorted(found, key=lambda finding: finding.start)), tuple(sorted(literals)))


@cache
def _detectors() -> tuple[Callable[[str], Iterable[Candidate]], ...]:
    """Imported at the first text: their patterns take 50 ms to compile."""
    from aion.privacy.addresses import addresses  # noqa: PLC0415
    from aion.privacy.births import births  # noqa: PLC0415
    from aion.privacy.documents import documents  # noqa: PLC0415
    from aion.privacy.named_documents import named_documents  # noqa: PLC0415
    from aion.privacy.names import names  # noqa: PLC0415
    from aion.privacy.network import network  # noqa: PLC0415
    from aion.privacy.payments import payments  # noqa: PLC0415
    from aion.privacy.phones import phones  # noqa: PLC0415
    from aion.privacy.plates import plates  # noqa: PLC0415

    return (documents, named_documents, payments, network, phones, addresses, plates, births, names)


def _spans(found: list[Finding], *others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted([*((finding.start, finding.end) for finding in found), *chain(*others)])


def _findings(folded: Folded, persons: set[str]) -> list[Finding]:
    from aion.privacy.names import known  # noqa: PLC0415
    from aion.privacy.network import Urls  # noqa: PLC0415

    candidates = [candidate for detector in _detectors() for candidate in detector(folded.text)]
    candidates += known(folded.text, persons)
    urls = Urls(folded.text)
    return [
        Finding(candidate.kind, *folded.origin(candidate.start, candidate.end), candidate.value)
        for candidate in _chosen([c for c in candidates if not urls.hold(c)])
    ]


def _chosen(candidates: list[Candidate]) -> Iterator[Candidate]:
    """The most certain, then the longest, then the first; nothing that overlaps what was chosen."""
    starts: list[int] = []
    ends: list[int] = []
    for candidate in sorted(candidates, key=lambda c: (-c.certainty, c.start - c.end, c.start, c.kind)):
        n = bisect_left(starts, candidate.end)
        if n and ends[n - 1] > candidate.start:
            continue
        starts.insert(n, candidate.start)
        ends.insert(n, candidate.end)
        yield candidate
