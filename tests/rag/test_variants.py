from __future__ import annotations

import pytest

from aion.rag.stem import question_stems, stems
from aion.rag.variants import wanted_stems


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("Qual ônibus vai para o palácio?", "O autocarro 434 sobe ao palácio."),
        ("Posso levar o meu cachorro?", "Não aceitamos cães nos quartos."),
        ("vcs aceitam pets", "Um cão por quarto."),
        ("Onde fica o comboio?", "A estação de trem fica a 200 m."),
        ("Qual é a ementa?", "O cardápio muda às segundas."),
    ],
)
def test_what_the_other_side_of_the_ocean_says_is_wanted_too(asked: str, written: str) -> None:
    assert set(wanted_stems(asked, ["pt"])) & set(stems(written)) - set(question_stems(asked, ["pt"]))


def test_other_words_are_themselves() -> None:
    asked = "Quanto custa o bilhete do castelo?"
    assert [s for s in wanted_stems(asked, ["pt", "en"]) if s in question_stems(asked, ["pt", "en"])] == (
        question_stems(asked, ["pt", "en"])
    )
    assert wanted_stems("Quanto custa a entrada do castelo?", ["pt"]) == question_stems(
        "Quanto custa a entrada do castelo?", ["pt"]
    )


def test_english_has_no_such_words() -> None:
    assert wanted_stems("Is a pet welcome?", ["en"]) == question_stems("Is a pet welcome?", ["en"])
