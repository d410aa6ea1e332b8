from __future__ import annotations

import pytest

from aion.answer.citing.citations import CitationFilter

NAMES = ["precos-2026.md", "Preços 2026"]


def filtered(text: str) -> CitationFilter:
    citations = CitationFilter(2, NAMES)
    out = "".join(map(citations.push, text)) + citations.finish()
    assert citations.shown == out
    return citations


@pytest.mark.parametrize(
    ("block", "listed"),
    [
        ("\n\nFontes: [1] precos.md; [2] x", [1, 2]),
        ("\nFontes: [1], [9]", [1]),
        (" Fontes: [2] guia.md", [2]),
        ("\n\n**Fontes:**\n- [1] a\n- [2] b\n", [1, 2]),
        ("\n\n## Referências\n\n1. [2] Guia de Sintra", [2]),
        ("\n\n---\nSources:\n[1] a\n[2] b", [1, 2]),
        ("\n\n**References**\n* guia.pdf\n* https://a.pt/b", []),
        ("\n\nReferências bibliográficas: Preços 2026, página 3", []),
        ("\n\nFonte: precos-2026.md", []),
        ("\n\nFontes:", []),
        ("\n\n**Fontes:**\n- `guia.md`\n- `b.txt`", []),
        ("\n\nFontes consultadas:\n\n[1, 2]", [1, 2]),
        ("\n\nFontes: 【1†source】", [1]),
        ("\n\n[^1]: precos.md\n[^2]: horarios.md", [1, 2]),
        (" Fontes: [1]. [2].", [1, 2]),
    ],
)
def test_a_list_of_sources_at_the_end_is_cut(block: str, listed: list[int]) -> None:
    citations = filtered("Custa 95 € [1]." + block)
    assert citations.shown.removesuffix("\n\n---") == "Custa 95 € [1]."
    assert citations.listed == listed
    assert citations.cited == [1]


@pytest.mark.parametrize(
    "text",
    [
        "Em Sintra há fontes.\n\nFontes:\n- Fonte da Sabuga [1]\n- Fonte Mourisca [2]",
        "A água vem de fontes. Fontes: a Sabuga e a Mourisca.",
        "Fontes: [1] e [2] falam disso.",
        "As referências são boas.\nReferência para grupos: 20 pessoas [1].",
        "Preço [1].\n\nFontesinha é um bairro.",
        "Veja.\n\nFontes",
        "Veja.\n\nSource code: `a.md`",
        "Diz-se:\n[1]: abre às 9h.\n[2]: fecha às 18h.",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert filtered(text).shown == text


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("a [1].\n\nFontes: [1] x\n\nBoa viagem!", "a [1].\n\nBoa viagem!"),
        ("a [1]. Fontes: [1] x\nBoa viagem, e até breve [2].", "a [1].\n\nBoa viagem, e até breve [2]."),
        ("a.\n\nFontes:\n- [1] x\n\n- um\n- dois", "a.\n\n- um\n- dois"),
        ("a.\n\nSources: [1] x\n\n`code[1]`", "a.\n\n`code[1]`"),
        ("Custa 14 €. Fonte: [1]. Abre às 9h. Fonte: [2]. Fim.", "Custa 14 €. Abre às 9h. Fim."),
        ("- Custa 14 €. Fonte: [1]\n- Abre. Fonte: [2]\n- Fim.", "- Custa 14 €.\n- Abre.\n- Fim."),
        ("Custa 14 €.\nFonte: [1]\nAbre.\nFonte: [2]\nFim.", "Custa 14 €.\nAbre.\nFim."),
        ("**A**\nUm.\nFonte: [1]\n\n**B**\nDois.", "**A**\nUm.\n\n**B**\nDois."),
        ("a.\n\nFonte: precos-2026.md\n- Leve água", "a.\n\n- Leve água"),
        ("a.\nFontes: [1] x.md; [2] y.md. Há um café.", "a.\nHá um café."),
    ],
)
def test_prose_after_the_list_is_shown(text: str, out: str) -> None:
    assert filtered(text).shown == out
