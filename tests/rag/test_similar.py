from __future__ import annotations

import pytest

from aion.rag.similar import Seen
from aion.rag.wording import plain_words

TEXT = (
    "O tour de dia inteiro sai da praça do comércio, passa pela quinta da regaleira e pelo palácio da pena, "
    "almoça em colares e volta ao fim da tarde; custa 95 euros por adulto e inclui as entradas"
)


def are_both_shown(one: str, other: str) -> bool:
    seen = Seen()
    return seen.add(plain_words(one)) and seen.add(plain_words(other))


def test_nearly_the_same_text_is_needless() -> None:
    assert not are_both_shown(TEXT, TEXT.replace("praça", "Praça") + ", disse o guia.")


@pytest.mark.parametrize(
    ("old", "new"),
    [("95 euros", "105 euros"), ("inclui as", "não inclui as"), ("volta ao", "nunca volta ao")],
)
def test_another_number_or_a_negation_is_worth_showing(old: str, new: str) -> None:
    assert are_both_shown(TEXT, TEXT.replace(old, new))


def test_other_texts_are_shown() -> None:
    assert are_both_shown(TEXT, "O tour de meio dia custa 55 euros por adulto e não inclui o almoço.")
    assert are_both_shown("sim", "não")
