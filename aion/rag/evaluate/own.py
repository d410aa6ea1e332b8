"""The operator's own questions: judgments about documents and chunks, turned into items a ranking can hit.

A judged chunk is an item of its own; a document judged as a whole is hit by any of its other chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aion.rag.evaluate.folder import LabelledQuestion
from aion.rag.evaluate.modes import Find
from aion.rag.evaluate.run import Search
from aion.rag.twins import text_hash
from aion.store.judgments import Judgment
from aion.types import Chunk

LABEL = "label"  # the origin of what the operator said; it outranks all other judgments


def labelled(judgments: Iterable[Judgment]) -> tuple[LabelledQuestion, ...]:
    """The questions with at least one item of a grade above 0, in the order they were first judged."""
    grades: dict[str, dict[str, list[Judgment]]] = {}
    for judgment in judgments:
        items = grades.setdefault(judgment.question, {})
        items.setdefault(_item(judgment.source, judgment.text_hash), []).append(judgment)
    questions = []
    for question, items in grades.items():
        relevance = {item: grade for item, given in items.items() if (grade := _grade(given)) > 0}
        if relevance:
            questions.append(LabelledQuestion(question, relevance))
    return tuple(questions)


def by_item(find: Find, questions: Sequence[LabelledQuestion]) -> Search:
    """`find` as a search for the items that `questions` were judged by."""
    relevance: Mapping[str, Mapping[str, float]] = {q.text: q.relevance for q in questions}

    def search(question: str) -> list[str]:
        items = relevance[question]
        found = []
        for passage in find(question):
            words = text_hash(Chunk(passage.title, passage.text, passage.line))
            exact, whole = _item(passage.source, words), _item(passage.source, None)
            found.append(whole if whole in items and exact not in items else exact)
        return found

    return search


def _grade(given: Sequence[Judgment]) -> float:
    """The operator's last word, else the mean of the others."""
    own = [judgment.grade for judgment in given if judgment.origin == LABEL]
    return own[-1] if own else sum(judgment.grade for judgment in given) / len(given)


def _item(source: str, words: bytes | None) -> str:
    """A chunk by its words alone: they answer as well in whichever document they stand."""
    return f"words {words.hex()}" if words else f"document {source}"
