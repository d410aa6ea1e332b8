from __future__ import annotations

from aion.events.masking import mask_row

CPF = "529.982.247-25"
PLAIN = "O tour da Pena custa 45 € e dura quatro horas."


def test_one_person_is_one_placeholder_throughout_a_row() -> None:
    masked = mask_row([f"Meu CPF é {CPF}.", PLAIN, f"O CPF {CPF} tem reserva."])
    assert masked.texts == ("Meu CPF é [CPF_1].", PLAIN, "O CPF [CPF_1] tem reserva.")
    assert masked.counts == {"CPF": 2}


def test_another_row_counts_anew() -> None:
    mask_row([f"CPF {CPF}"])
    assert mask_row([f"CPF {CPF}", PLAIN]).texts == ("CPF [CPF_1]", PLAIN)


def test_a_name_said_in_one_text_is_masked_in_a_plain_one() -> None:
    passage = "Joaquina Ferraz Teles conduz o tour."
    alone = mask_row([passage])
    assert alone.texts == (passage,)  # nothing there says that it is a name
    said = "Meu nome é Joaquina Ferraz Teles. Quem conduz o tour?"
    for texts in ([said, passage], [passage, said]):
        assert "Joaquina" not in " ".join(mask_row(texts).texts)
