"""Marked sentences and how well `find` does on them, by kind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aion.privacy import Finding, Kind, find

CORPUS = Path(__file__).parent / "corpus"
_MARK = re.compile(r"«([A-Z]+)\|([^»]*)»")
UNSTRUCTURED = {Kind.NAME, Kind.ADDRESS}


@dataclass(frozen=True)
class Case:
    text: str
    spans: tuple[tuple[Kind, int, int], ...]


def case(marked: str) -> Case:
    """From a text with «KIND|value» marks."""
    text, spans, done = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[done : match.start()]
        spans.append((Kind(match[1]), len(text), len(text) + len(match[2])))
        text += match[2]
        done = match.end()
    return Case(text + marked[done:], tuple(spans))


def read(name: str) -> list[Case]:
    lines = (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [case(json.loads(line)["marked"]) for line in lines]


@dataclass
class Score:
    """Recall: every letter and digit of the span is in findings of its kind. Precision: at least four fifths
    of a finding's letters and digits are in spans of its kind."""

    n_spans: int = 0
    n_found: int = 0
    n_findings: int = 0
    n_right: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.n_found / self.n_spans if self.n_spans else 1.0

    @property
    def precision(self) -> float:
        return self.n_right / self.n_findings if self.n_findings else 1.0


def scores(cases: Iterable[Case]) -> dict[Kind, Score]:
    table = {kind: Score() for kind in Kind}
    for one in cases:
        findings = find(one.text)
        for kind, start, end in one.spans:
            _count_span(table[kind], one, (kind, start, end), findings)
        for finding in findings:
            _count_finding(table[finding.kind], one, finding)
    return table


def total(table: dict[Kind, Score], kinds: Iterable[Kind] = Kind) -> Score:
    chosen = [table[kind] for kind in kinds]
    return Score(
        sum(s.n_spans for s in chosen),
        sum(s.n_found for s in chosen),
        sum(s.n_findings for s in chosen),
        sum(s.n_right for s in chosen),
    )


def shown(title: str, table: dict[Kind, Score]) -> str:
    rows = [f"{title:<14}{'spans':>6}{'recall':>8}{'findings':>10}{'precision':>11}"]
    for kind, score in [*table.items(), ("all", total(table))]:
        rows.append(
            f"{kind:<14}{score.n_spans:>6}{score.recall:>8.3f}{score.n_findings:>10}{score.precision:>11.3f}"
        )
    return "\n".join(rows)


def _count_span(score: Score, one: Case, span: tuple[Kind, int, int], findings: tuple[Finding, ...]) -> None:
    kind, start, end = span
    covered = {n for f in findings if f.kind is kind for n in range(f.start, f.end)}
    found = {n for n in range(start, end) if one.text[n].isalnum()} <= covered
    score.n_spans += 1
    score.n_found += found
    if not found:
        score.wrong.append(f"missed {kind} {one.text[start:end]!r} in {one.text!r}")


def _count_finding(score: Score, one: Case, finding: Finding) -> None:
    meant = {n for kind, start, end in one.spans if kind is finding.kind for n in range(start, end)}
    letters = [n for n in range(finding.start, finding.end) if one.text[n].isalnum()]
    right = sum(n in meant for n in letters) >= 0.8 * len(letters)
    score.n_findings += 1
    score.n_right += right
    if not right:
        score.wrong.append(f"false {finding.kind} {one.text[finding.start : finding.end]!r} in {one.text!r}")
