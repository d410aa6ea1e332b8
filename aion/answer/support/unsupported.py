"""Which sentences of an answer the passages do not bear out. By words only: no model judges.

A sentence is unsupported when a number or a name in it stands in no passage that was sent, or a number only
far from its wording; when too little of its wording stands close together in one of them; or when it denies
what a sentence of like words says, or the other way round. One that is not marked may be wrong all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log

from aion.answer.citing.citations import Citation
from aion.answer.spans import Span
from aion.answer.support.claims import Claim, claims
from aion.answer.support.evidence import Evidence, Sentence, Stretch
from aion.answer.support.names import names_told
from aion.answer.support.number_words import without_spelt
from aion.answer.support.numbers import numbers_told
from aion.rag.language import question_language
from aion.types import Passage

MIN_COVERAGE = 0.30  # chosen by benchmarks/support.py on its train part
NEAR = 0.8  # of the best coverage, from which on a stretch may lend its numbers
REST = 0.2  # of the wording: where so much is left, it is of another stretch,
MOST = 0.5  # if that has most of it
SAME_WORDING = 0.8  # of either sentence, from which on a negation in one of the two only contradicts
MIN_STEMS = 2  # fewer claim too little to be judged by
_MAX_STRETCHES = 2  # that a sentence may be put together from, beside the best


def unsupported(
    text: str, passages: Sequence[Passage], citations: Sequence[Citation] = (), question: str = ""
) -> tuple[Span, ...]:
    """The sentences and list items of `text`, the answer as shown, that no cited passage bears out, in order.

    `passages` are those the model was sent, `citations` those in `text`; without any, all that was sent
    counts. Numbers and names of the question may be repeated. Portuguese and English; of a sentence on
    passages in another language than the answer's only the numbers are compared. Greetings, questions,
    headings and refusals are not judged.
    """
    found = claims(text, citations)
    if not found or not passages:
        return ()
    cited = {citation.n for citation in citations}
    borne = [passage for passage in passages if passage.n in cited]
    evidence = Evidence(borne or passages, question_language(text), question)
    return tuple(Span(claim.start, claim.end) for claim in found if not _is_borne_out(claim, evidence))


def _is_borne_out(claim: Claim, evidence: Evidence) -> bool:
    numbers = numbers_told(claim.words)
    if any(evidence.numbers.isdisjoint(forms) for forms in numbers):
        return False
    if evidence.foreign and (claim.cited & evidence.foreign or not claim.cited):
        return True
    if any(not evidence.stemmed(name) <= evidence.words for name in names_told(claim.words)):
        return False
    wording = evidence.stemmed(without_spelt(claim.words))
    if len(wording) < MIN_STEMS:
        return True
    weights = _weights(wording, evidence)
    shares = [_share(weights, stretch.stems) for stretch in evidence.stretches]
    if max(shares) < MIN_COVERAGE or _is_denied(evidence.n_negations(claim.words), wording, evidence):
        return False
    near = (stretch.numbers for stretch in _near(weights, shares, evidence.stretches))
    known = evidence.asked_numbers.union(*near)
    return not any(known.isdisjoint(forms) for forms in numbers)


def _weights(wording: frozenset[str], evidence: Evidence) -> dict[str, float]:
    """What the stems count for, 1 in all: less the more passages have them, as in aion.rag.wording."""
    n_passages = len(evidence.stems)
    n_with = {stem: sum(stem in there for there in evidence.stems) for stem in wording}
    weights = {stem: log(1 + n_passages / (1 + n)) for stem, n in n_with.items()}
    total = sum(weights.values())
    return {stem: weight / total for stem, weight in weights.items()}


def _near(
    weights: Mapping[str, float], shares: Sequence[float], stretches: Sequence[Stretch]
) -> Iterator[Stretch]:
    """The stretches a sentence is made of: the best ones and, for one put together from several, those
    which have most of what is left of it. Its numbers are not what they are chosen by."""
    best = max(shares)
    for stretch, share in zip(stretches, shares, strict=True):
        if share >= NEAR * best:
            yield stretch
    rest = {stem: weight for stem, weight in weights.items() if not stem[0].isdecimal()}
    chosen = stretches[shares.index(best)]
    for _ in range(_MAX_STRETCHES):
        rest = {stem: weight for stem, weight in rest.items() if stem not in chosen.stems}
        left = sum(rest.values())
        gains = [_share(rest, stretch.stems) for stretch in stretches]
        if left < REST or max(gains) < MOST * left:
            return
        chosen = stretches[gains.index(max(gains))]
        yield chosen


def _is_denied(n_negations: int, wording: frozenset[str], evidence: Evidence) -> bool:
    """Whether sentences of nearly the same words have other numbers of negations, and none the same."""
    alike = [sentence.n_negations for sentence in evidence.sentences if _is_alike(sentence, wording)]
    return bool(alike) and n_negations not in alike


def _is_alike(sentence: Sentence, wording: frozenset[str]) -> bool:
    """Whether the sentence says little else than the wording, and the wording little else than it under its
    heading."""
    n_shared = len(sentence.stems & wording)
    n_there = len((sentence.stems | sentence.heading) & wording)
    return (
        n_shared >= MIN_STEMS
        and n_shared >= SAME_WORDING * len(sentence.stems)
        and n_there >= SAME_WORDING * len(wording)
    )


def _share(weights: Mapping[str, float], stems: frozenset[str]) -> float:
    return sum(weight for stem, weight in weights.items() if stem in stems)
