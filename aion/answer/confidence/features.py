"""What of a retrieval tells whether it answers: the numbers that confidence is computed from.

Each means the same for a short question and a long one, in eleven documents and in a hundred thousand chunks.
Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from aion.answer.confidence.question_terms import Term, share, terms
from aion.rag.sentences import split_sentences
from aion.rag.stem import stems
from aion.rag.wording import plain_words
from aion.types import Passage, Retrieval, Signals

N_READ = 3  # passages whose sentences are looked at
_NEGATING = (
    "nao nem nunca nenhum nenhuma jamais sem exceto not never nor without except"  # "no" is "in the" too
)
_NEGATIONS = frozenset(_NEGATING.split())
_BM25_SATURATED = (
    2.2  # what a rare word of a short chunk has of BM25 at most, in inverse document frequencies
)

_FOR = (
    "first_share", "best_count", "best_names", "best_topic", "sentence_count", "sentence_names", "phrase",
    "wording", "bm25", "bm25_margin", "bm25_lead",
)  # fmt: skip
_AGAINST = ("missing", "names_missing", "negated")
LEXICAL = (*_FOR, *_AGAINST, "n_terms", "n_chunks")
DENSE = ("cosine_best", "cosine_first", "cosine_mean", "cosine_margin", "cosine_lead", "both", "first_dense")
RERANK = ("rerank_best", "rerank_margin")
SIGNS = dict.fromkeys((*_FOR, *DENSE, *RERANK), 1) | dict.fromkeys(_AGAINST, -1)
"""1 of what can only speak for an answer, -1 of what can only speak against one."""


def features(retrieval: Retrieval) -> dict[str, float]:
    """All features by name, in the order LEXICAL, DENSE, RERANK; what is not there is 0."""
    signals = retrieval.signals
    wanted = terms(retrieval.query, signals)
    read = [_read(passage, signals) for passage in retrieval.passages[:N_READ]]
    found = _of_terms(wanted, read, signals)
    found |= _of_sentences(retrieval.query, wanted, read)
    found |= _of_lexical_list(wanted, signals)
    found |= _of_dense_list(retrieval.passages, signals)
    found |= _of_reranker(retrieval.passages)
    return {name: found[name] for name in (*LEXICAL, *DENSE, *RERANK)}


@dataclass(frozen=True, slots=True)
class _Read:
    """A passage with its stems, by sentence and in all. Its title is part of each sentence."""

    passage: Passage
    sentences: tuple[tuple[str, frozenset[str]], ...]
    held: frozenset[str]


def _read(passage: Passage, signals: Signals) -> _Read:
    def stemmed(text: str) -> list[str]:
        return [stem for language in signals.languages for stem in stems(text, language)]

    title = frozenset(stemmed(passage.title))
    sentences = tuple((text, title.union(stemmed(text))) for text in split_sentences(passage.text))
    return _Read(passage, sentences, title.union(*(held for _, held in sentences)))


def _of_terms(wanted: Sequence[Term], read: Sequence[_Read], signals: Signals) -> dict[str, float]:
    """How much of the question single passages have, and what of it no chunk of the index has. A missing term
    tells the more the more chunks there are to have it."""
    names = [term for term in wanted if term.is_name]
    topic = [term for term in wanted if not term.is_common]
    missing = [term for term in wanted if not term.n_chunks]
    total = sum(term.weight for term in wanted)
    n_chunks = log(1 + signals.n_chunks) / 10
    held = [one.held for one in read]
    return {
        "first_share": share(wanted, held[0]) if held else 0.0,
        "best_count": max((_count(wanted, one) for one in held), default=0.0),
        "best_names": max((_count(names, one) for one in held), default=0.0) if names else 1.0,
        "best_topic": max((share(topic, one) for one in held), default=0.0),
        "missing": n_chunks * sum(term.weight for term in missing) / total if total else 0.0,
        "names_missing": float(sum(term.is_name for term in missing)),
        "n_terms": log(1 + len(wanted)),
        "n_chunks": n_chunks,
    }


def _count(wanted: Sequence[Term], held: frozenset[str]) -> float:
    return sum(bool(term.stems & held) for term in wanted) / len(wanted) if wanted else 0.0


def _of_sentences(question: str, wanted: Sequence[Term], read: Sequence[_Read]) -> dict[str, float]:
    """Of the sentence that has most of the question, and of the words as they are written."""
    sentences = [sentence for one in read for sentence in one.sentences]
    text, held = max(
        sentences, key=lambda sentence: share(wanted, sentence[1]), default=("", frozenset[str]())
    )
    names = [term for term in wanted if term.is_name]
    asked = plain_words(question)
    phrases = [_phrase(asked, plain_words(one.passage.text)) for one in read]
    return {
        "sentence_count": _count(wanted, held),
        "sentence_names": _count(names, held) if names else 1.0,
        "phrase": max(phrases, default=0.0),
        "negated": float(not _NEGATIONS.isdisjoint(asked) and _NEGATIONS.isdisjoint(plain_words(text))),
        "wording": max((one.passage.wording for one in read), default=0.0),
    }


def _phrase(asked: Sequence[str], said: Sequence[str]) -> float:
    """The longest run of the question's words that is said word for word, in parts of all of them."""
    words = [word for word in asked if word]
    places: dict[str, list[int]] = {}
    for place, word in enumerate(said):
        places.setdefault(word, []).append(place)
    longest, before = 0, dict[int, int]()
    for word in words:
        before = {place: before.get(place - 1, 0) + 1 for place in places.get(word, ())}
        longest = max([longest, *before.values()])
    return longest / len(words) if words else 0.0


def _of_lexical_list(wanted: Sequence[Term], signals: Signals) -> dict[str, float]:
    """The best BM25 in parts of the most the question could have, and how far it is ahead, in parts of it."""
    most = _BM25_SATURATED * sum(term.weight for term in wanted) * log(2 * (signals.n_chunks + 1))
    best = signals.bm25[0] if signals.bm25 else 0.0
    others = signals.bm25[1:] if best else ()
    return {
        "bm25": best / most if most else 0.0,
        "bm25_margin": (best - others[0]) / best if others else 0.0,
        "bm25_lead": 1 - sum(others) / len(others) / best if others else 0.0,
    }


def _of_dense_list(passages: Sequence[Passage], signals: Signals) -> dict[str, float]:
    """Cosines, and how far the two lists agree."""
    if not signals.cosines or not passages:
        return dict.fromkeys(DENSE, 0.0)
    best, others, first = signals.cosines[0], signals.cosines[1:], passages[0]
    return {
        "cosine_best": best,
        "cosine_first": first.cosine,
        "cosine_mean": sum(passage.cosine for passage in passages) / len(passages),
        "cosine_margin": best - others[0] if others else 0.0,
        "cosine_lead": best - sum(others) / len(others) if others else 0.0,
        "both": signals.n_both / len(signals.cosines),
        "first_dense": 1 / first.dense_rank if first.dense_rank else 0.0,
    }


def _of_reranker(passages: Sequence[Passage]) -> dict[str, float]:
    scores = sorted((p.rerank for p in passages if p.rerank is not None), reverse=True)
    return {
        "rerank_best": scores[0] if scores else 0.0,
        "rerank_margin": scores[0] - scores[1] if len(scores) > 1 else 0.0,
    }
