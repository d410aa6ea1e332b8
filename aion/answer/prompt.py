"""The words of a prompt: the RAG instructions, the numbered context and the plain instruct form.

The one place where a prompt is worded: the server, the trainer and the tests all call it. It knows
neither tokens nor chat templates (those are the engine's).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Language = Literal["pt", "en"]
DEFAULT_SOURCE = "KB"

INSTRUCTIONS: dict[Language, str] = {
    "pt": "Instruções:\n"
    "1. Responda em PT-BR, de forma objetiva e didática, em passos claros.\n"
    "2. Use SOMENTE as informações do CONTEXTO e não invente nada.\n"
    "3. No fim, liste as fontes entre colchetes [1], [2] … e depois "
    "Fontes: [1] fonte; [2] fonte",
    "en": "Instructions:\n"
    "1. Answer in English, to the point and didactically, in clear steps.\n"
    "2. Use ONLY the information of the CONTEXT and invent nothing.\n"
    "3. At the end, list the sources in brackets [1], [2] … and then "
    "Fontes: [1] source; [2] source",
}


def rag_prompt(message: str, language: Language = "pt") -> str:
    """The user's message followed by the three instructions of the contract (section 3); a question in
    English is asked to be answered so."""
    return f"{message.strip()}\n\n{INSTRUCTIONS[language]}"


def rag_context(texts: Sequence[str]) -> str:
    """`[n] text` blocks, numbered from 1, separated by a blank line."""
    return "\n\n".join(f"[{n}] {text.strip()}" for n, text in enumerate(texts, 1))


def with_context(prompt: str, context: str) -> str:
    """The user turn: the prompt, then the context block only when there is a context."""
    return f"{prompt}\n\n[CONTEXT]\n{context}" if context else prompt


def plain_prompt(system: str, prompt: str, context: str = "") -> str:
    """The contract's plain instruct text, for a model that carries no chat template."""
    return f"{system}\n\n### Instrução:\n{with_context(prompt, context)}\n\n### Resposta:\n"


def sources_line(sources: Sequence[tuple[int, str]]) -> str:
    """`Fontes: [1] source; [2] source` of the cited (n, source) pairs; "" when none is cited."""
    if not sources:
        return ""
    return "Fontes: " + "; ".join(f"[{n}] {source or DEFAULT_SOURCE}" for n, source in sources)
