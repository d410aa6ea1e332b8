"""What leaves the machine masked comes back as it was, in every message and however the answer is cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from aion.answer.paid.veil import NOTICE, OpenVeil, PrivacyVeil
from aion.types import Message, ToolCall
from tests.answer.paying import MESSAGES, paying
from tests.remote.asking import run
from tests.remote.stand_in import StandIn, says

CPF, EMAIL = "529.982.247-25", "maria@example.com"
CONVERSATION = (
    Message("system", f"Escreva a {EMAIL}."),
    Message("user", f"Sou o CPF {CPF}."),
    Message("assistant", f"Guardei {CPF}."),
    Message("user", f"Avise {EMAIL} sobre {CPF}."),
)


def test_the_same_data_has_the_same_placeholder_in_every_message() -> None:
    veil = PrivacyVeil()
    hidden = veil.hide(CONVERSATION)
    assert [m.content for m in hidden] == [
        f"Escreva a [EMAIL_1].\n\n{NOTICE}",
        "Sou o CPF [CPF_1].",
        "Guardei [CPF_1].",
        "Avise [EMAIL_1] sobre [CPF_1].",
    ]
    assert [m.role for m in hidden] == [m.role for m in CONVERSATION]
    assert veil.n_masked == 2


def test_a_name_given_away_later_is_hidden_earlier_too() -> None:
    messages = [Message("user", "Joana Prates ligou."), Message("user", "Meu nome é Joana Prates.")]
    hidden = PrivacyVeil().hide(messages)
    assert "Joana" not in " ".join(m.content for m in hidden)
    assert hidden[0] == Message("system", NOTICE)


def test_arguments_of_calls_are_hidden_too() -> None:
    call = ToolCall("c1", "find", f'{{"cpf": "{CPF}"}}')
    (_, hidden) = PrivacyVeil().hide([Message("assistant", "", (call,))])
    assert hidden.tool_calls[0].arguments == '{"cpf": "[CPF_1]"}'


def test_without_personal_data_nothing_changes() -> None:
    assert PrivacyVeil().hide(MESSAGES) == list(MESSAGES)
    assert OpenVeil().hide(CONVERSATION) == list(CONVERSATION)


@pytest.mark.parametrize(
    "pieces", [["Avisei [EMAIL_1]", " de [CPF_1]."], list("Avisei [EMAIL_1] de [CPF_1].")]
)
def test_only_placeholders_leave_and_the_reader_sees_what_they_stand_for(
    stand_in: StandIn, tmp_path: Path, pieces: list[str]
) -> None:
    stand_in.then(says(*pieces))
    with paying(stand_in, tmp_path, redact=True) as paid:
        text, answer = run(paid.ask(CONVERSATION))
    assert text == f"Avisei {EMAIL} de {CPF}."
    (asked,) = stand_in.completions
    assert CPF.encode() not in asked.data
    assert EMAIL.encode() not in asked.data
    assert (answer.n_masked, answer.payload) == (2, asked.body)


def test_it_is_the_operators_to_turn_off(stand_in: StandIn, tmp_path: Path) -> None:
    with paying(stand_in, tmp_path, redact=False) as paid:
        _, answer = run(paid.ask(CONVERSATION))
    assert CPF.encode() in stand_in.completions[0].data
    assert answer.n_masked == 0
