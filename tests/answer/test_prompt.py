"""The contract's words, section 1 and 3."""

from __future__ import annotations

from aion.answer.prompt import plain_prompt, rag_context, rag_prompt, sources_line, with_context


def test_the_plain_form_is_the_contracts() -> None:
    assert plain_prompt("S", "P") == "S\n\n### Instrução:\nP\n\n### Resposta:\n"
    assert plain_prompt("S", "P", "C") == "S\n\n### Instrução:\nP\n\n[CONTEXT]\nC\n\n### Resposta:\n"


def test_the_context_block_comes_only_with_a_context() -> None:
    assert with_context("P", "") == "P"
    assert with_context("P", "C") == "P\n\n[CONTEXT]\nC"


def test_passages_are_numbered_blocks_apart_by_a_blank_line() -> None:
    assert rag_context([" um \n", "dois"]) == "[1] um\n\n[2] dois"
    assert rag_context([]) == ""


def test_the_rag_prompt_carries_the_message_and_three_instructions() -> None:
    prompt = rag_prompt("  Qual o preço?\n")
    assert prompt.startswith("Qual o preço?\n\nInstruções:\n1. ")
    for words in (
        "1. Responda em PT-BR, de forma objetiva e didática, em passos claros",
        "2. Use SOMENTE as informações do CONTEXTO e não invente nada",
        "3. No fim, liste as fontes entre colchetes [1], [2] … e depois Fontes: [1] fonte; [2] fonte",
    ):
        assert words in prompt
    assert "\n4." not in prompt


def test_the_sources_line() -> None:
    assert sources_line([(1, "a.md"), (3, "b.md")]) == "Fontes: [1] a.md; [3] b.md"
    assert sources_line([]) == ""


def test_a_passage_without_a_source_is_called_kb() -> None:
    assert sources_line([(2, "")]) == "Fontes: [2] KB"
