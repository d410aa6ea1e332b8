from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.privacy import Masks, Restorer, find, mask, redact
from tests.privacy.scoring import Case, read

PIECES = (
    *("529.982.247-25", "52998224725", "[CPF_1]", "CPF_1", "[CPF_1B]", "[cpf 1]", "CPF", "NOME_1", "[NOME_1"),
    *("_1]", "[", "]", "\\_", "[TEXTO_1]", "TEXTO_2", " ", "\n", ", ", "meu nome é Ana Souza", "Ana Souza"),
    *("ANA SOUZA", "Sr. ", "ana@example.com", "+351 912 345 678", "912345678", "(11) 98765-4321", "[E-MAIL]"),
    *("PT50 0035 5904 5440 9103 1779 2", "Rua das Flores, 12", "2710-523 Sintra", "85.243.17.201", "tel "),
    *("\u200b", "\u00ad", "\u00a0", "５２９", "１", "1", "x", "é", "\ufffc", "\r\n", "nascido em 12/05/1980"),
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
CASES = [one for name in ("written", "held_out") for one in read(name)]


def masked(text: str) -> tuple[str, Masks]:
    masks = Masks()
    return mask(text, masks), masks


@given(texts)
def test_what_is_masked_comes_back_exactly(text: str) -> None:
    out, masks = masked(text)
    assert masks.restore(out) == text


@given(st.text())
def test_any_text_comes_back_exactly(text: str) -> None:
    out, masks = masked(text)
    assert masks.restore(out) == text


@given(st.lists(texts, max_size=4))
def test_a_conversation_comes_back_exactly(turns: list[str]) -> None:
    masks = Masks()
    outs = [mask(turn, masks) for turn in turns]
    assert [masks.restore(out) for out in outs] == turns


@given(texts)
def test_nothing_is_left_to_find(text: str) -> None:
    out, _ = masked(text)
    assert find(out) == ()
    assert find(redact(text)) == ()


@pytest.mark.parametrize("one", CASES, ids=range(len(CASES)))
def test_the_corpus_comes_back_and_nothing_is_left(one: Case) -> None:
    out, masks = masked(one.text)
    assert masks.restore(out) == one.text
    assert find(out) == ()
    assert find(redact(one.text)) == ()


@given(texts, st.data())
def test_a_stream_is_the_whole(text: str, data: st.DataObject) -> None:
    _, masks = masked("CPF 529.982.247-25, meu nome é Ana Souza, ana@example.com, tel 912345678")
    deltas, done = [], 0
    while done < len(text):
        n = data.draw(st.integers(1, 5))
        deltas.append(text[done : done + n])
        done += n
    restorer = Restorer(masks)
    assert "".join([*map(restorer.push, deltas), restorer.finish()]) == masks.restore(text)


@given(texts)
def test_findings_are_in_order_and_apart(text: str) -> None:
    ends = 0
    for finding in find(text):
        assert ends <= finding.start < finding.end <= len(text)
        ends = finding.end


def test_one_value_has_one_number_in_all_its_forms() -> None:
    out, masks = masked("CPF 529.982.247-25, cpf 52998224725, CPF 529 982 247 25 e CPF 529.982.247-25")
    assert out == "CPF [CPF_1], cpf [CPF_1B], CPF [CPF_1C] e CPF [CPF_1]"
    assert len(masks) == 1


def test_a_phone_is_the_same_with_and_without_its_country() -> None:
    out, _ = masked("Tel. 912 345 678 ou +351912345678")
    assert out == "Tel. [TELEFONE_1] ou [TELEFONE_1B]"


def test_a_name_once_known_is_masked_wherever_it_stands_again() -> None:
    masks = Masks()
    mask("Meu nome é Zuleica Brandt.", masks)
    assert (
        mask("Zuleica Brandt esteve aqui, disse ZULEICA BRANDT.", masks)
        == "[NOME_1] esteve aqui, disse [NOME_1B]."
    )


def test_what_only_looks_like_a_placeholder_is_kept_apart() -> None:
    out, masks = masked("CPF 529.982.247-25 vira [CPF_1]?")
    assert out == "CPF [CPF_1] vira [TEXTO_1]?"
    assert masks.restore(out) == "CPF 529.982.247-25 vira [CPF_1]?"


@pytest.mark.parametrize(
    "said",
    ["[CPF_1]", "[cpf_1]", "CPF_1", "cpf_1", "[ CPF_1 ]", "[CPF 1]", "[CPF-1]", "[CPF\\_1]", "[CPF_01]"],
)
def test_a_model_may_write_a_placeholder_otherwise(said: str) -> None:
    _, masks = masked("CPF 529.982.247-25")
    assert masks.restore(f"O seu {said}, certo?") == "O seu 529.982.247-25, certo?"


@pytest.mark.parametrize("said", ["[CPF_2]", "CPF 1", "XCPF_1", "CPF_1x", "[NIF_1]", "[CPF_1", "CPF_11"])
def test_what_is_no_placeholder_of_this_conversation_stays(said: str) -> None:
    _, masks = masked("CPF 529.982.247-25")
    assert masks.restore(said).replace("529.982.247-25", "CPF_1") == said


def test_a_word_that_is_no_placeholder_is_not_held_back() -> None:
    restorer = Restorer(Masks())
    assert restorer.push("O palácio abre às 9h. ") == "O palácio abre às 9h. "
    assert restorer.push("Veja [1") == "Veja [1"


def test_half_a_placeholder_is_never_given_out() -> None:
    _, masks = masked("CPF 529.982.247-25")
    restorer = Restorer(masks)
    assert [restorer.push(delta) for delta in ("É ", "[C", "PF", "_", "1", "]", ".")] == [
        "É ",
        "",
        "",
        "",
        "",
        "529.982.247-25",
        ".",
    ]


def test_redacting_keeps_the_sentence() -> None:
    text = "Sou a Ana Lima, ana@example.com, CPF 529.982.247-25, Rua das Flores, 12."
    assert redact(text) == "Sou a [NOME], [E-MAIL], CPF [CPF], [ENDEREÇO]."


def test_masking_without_a_conversation() -> None:
    assert mask("CPF 529.982.247-25") == "CPF [CPF_1]"
