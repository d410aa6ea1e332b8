from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aion.rag.wording import END, plain_words, wordings


def test_words_are_plain_and_sentences_end() -> None:
    assert plain_words("Palácio\nAbre às 9h30. É (muito) bonito!") == [
        "palacio", END, "abre", "as", "9h30", END, "e", "muito", "bonito", END
    ]  # fmt: skip


def score(question: str, *texts: str) -> list[float]:
    return wordings(question, [plain_words(text) for text in texts])


def test_words_of_one_sentence_count_more_than_spread_ones() -> None:
    together, spread = score(
        "Quando abre o palácio?", "O palácio abre cedo. Chove.", "O palácio é belo. Abre a porta."
    )
    assert together > spread > 0


def test_the_word_as_it_is_written_counts_more_than_its_stem() -> None:
    university, universe = score("A universidade é antiga?", "Uma universidade.", "Um universo.")
    assert university > universe


def test_what_all_texts_have_tells_less() -> None:
    rare, common = score("tour castelo", "o castelo", "o tour", "um tour", "tour")[:2]
    assert rare > common


def test_words_side_by_side_count() -> None:
    beside, apart = score("dom Pedro segundo", "rei dom pedro segundo", "segundo dom rei pedro")
    assert beside > apart


@given(st.text(max_size=80), st.lists(st.text(max_size=80), max_size=4))
def test_the_wording_is_within_0_and_1(question: str, texts: list[str]) -> None:
    assert all(0 <= value <= 1 + 1e-9 for value in score(question, *texts))


def test_a_text_that_is_the_question_has_all_of_its_wording() -> None:
    assert score("Quanto custa o tour?", "quanto custa o tour")[0] == 1
