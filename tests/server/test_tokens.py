"""`/tokenize`, `/detokenize` and `/apply-template`."""

from __future__ import annotations

import pytest

from aion.types import Message
from tests.server.live import Live


@pytest.mark.parametrize("text", ["Quanto custa?", "ação\n\n42 €", "</s> [INST]", "🦀", ""])
def test_what_is_taken_apart_goes_together_again(sintra: Live, text: str) -> None:
    tokens = sintra.post("/tokenize", {"content": text}).json()["tokens"]
    assert sintra.post("/detokenize", {"tokens": tokens}).json() == {"content": text}


def test_pieces_spell_the_text(sintra: Live) -> None:
    shown = sintra.post("/tokenize", {"content": "São 42 🦀", "with_pieces": True}).json()["tokens"]
    pieces = [bytes(p) if isinstance(p, list) else p.encode() for p in (each["piece"] for each in shown)]
    assert b"".join(pieces).decode() == "São 42 🦀"


def test_control_tokens_are_read_only_where_asked(sintra: Live) -> None:
    plain = sintra.post("/tokenize", {"content": "</s>"}).json()["tokens"]
    parsed = sintra.post("/tokenize", {"content": "</s>", "parse_special": True}).json()["tokens"]
    assert len(parsed) == 1 < len(plain)
    begun = sintra.post("/tokenize", {"content": "Olá", "add_special": True, "with_pieces": True}).json()
    assert begun["tokens"][0]["piece"] == "<s>"


def test_an_id_there_is_not_is_named(sintra: Live) -> None:
    response = sintra.post("/detokenize", {"tokens": [1, 10**6]})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "tokens")
    assert "1000000 is no token" in response.json()["error"]["message"]


def test_a_conversation_is_shown_in_the_models_template(sintra: Live) -> None:
    body = {"messages": [{"role": "system", "content": "Seja breve."}, {"role": "user", "content": "Olá!"}]}
    prompt = sintra.post("/apply-template", body).json()["prompt"]
    template = sintra.services.serving.current.template
    said = [Message("system", "Seja breve."), Message("user", "Olá!")]
    assert "Olá!" in prompt
    assert prompt == template.render(said) != "Olá!"
