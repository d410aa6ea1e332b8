from __future__ import annotations

from aion.rag.evaluate.own import LABEL, by_item, labelled
from aion.rag.twins import text_hash
from aion.store.judgments import Judgment
from aion.types import Chunk, Passage


def judgment(source: str, grade: float, origin: str = LABEL, words: bytes | None = None) -> Judgment:
    return Judgment(1, "2026-01-01", "quanto?", source, words, grade, origin)


def passage(n: int, source: str, text: str) -> Passage:
    return Passage(n, n, n, source, "Guia", text, 1, 0.0, 0.0, 0.0)


def test_the_operators_last_word_outranks_feedback() -> None:
    (question,) = labelled(
        [judgment("a", 1), judgment("a", 2), judgment("a", 0, "feedback"), judgment("b", 1, "feedback"),
         judgment("b", 0, "feedback"), judgment("c", 0)]
    )  # fmt: skip
    assert sorted(question.relevance.values()) == [0.5, 2.0]


def test_a_question_that_nothing_answers_is_left_out() -> None:
    assert labelled([judgment("a", 0)]) == ()
    assert labelled([]) == ()


def test_a_labelled_document_is_hit_by_any_of_its_chunks() -> None:
    questions = labelled([judgment("a.md", 1)])
    search = by_item(lambda _: [passage(1, "b.md", "x"), passage(2, "a.md", "y")], questions)
    (wanted,) = questions[0].relevance
    assert [item == wanted for item in search("quanto?")] == [False, True]


def test_a_labelled_chunk_is_hit_by_its_words_wherever_they_stand() -> None:
    words = text_hash(Chunk("Guia", "Custa 95 €.", 1))
    questions = labelled([judgment("a.md", 1, words=words)])
    found = [passage(1, "a.md", "Outra coisa"), passage(2, "moved.md", "custa 95 €")]
    (wanted,) = questions[0].relevance
    assert [item == wanted for item in by_item(lambda _: found, questions)("quanto?")] == [False, True]
