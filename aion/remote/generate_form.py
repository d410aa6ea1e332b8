"""The contract's `POST /generate`, for servers that speak nothing else (the original service)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aion.errors import InvalidRequest
from aion.remote.payload import Asked
from aion.remote.reply import Broken, NoText
from aion.types import Message

_WHO = {"user": "Pergunta", "assistant": "Resposta", "tool": "Resultado"}


def generate_payload(asked: Asked) -> dict[str, Any]:
    """Its body. Earlier turns of a conversation go before the question, for it knows one prompt alone.

    Raises InvalidRequest for adapters and grammars.
    """
    for param, is_asked in (("adapter", bool(asked.adapters)), ("grammar", bool(asked.sampling.grammar))):
        if is_asked:
            raise InvalidRequest(
                f"The model server of AION_LOCAL_LLM_URL speaks only POST /generate, which takes no {param}; "
                "leave it out.",
                param=param,
            )
    sampling = asked.sampling
    body: dict[str, Any] = {
        "system": "\n\n".join(m.content for m in asked.messages if m.role == "system"),
        "prompt": _prompt([m for m in asked.messages if m.role != "system"]),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_new_tokens": sampling.max_new_tokens,
    }
    return body | ({"stop": list(sampling.stop)} if sampling.stop else {})


def generated_text(body: bytes) -> str:
    """The text of its answer. Raises Broken and NoText."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Broken("a body that is not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
        raise Broken("JSON without a text")
    text: str = answer["text"].encode("utf-8", "replace").decode()
    if not text.strip():
        raise NoText("the text was empty")
    return text


def _prompt(turns: Sequence[Message]) -> str:
    if len(turns) <= 1:
        return turns[0].content if turns else ""
    return "\n\n".join(f"{_WHO.get(m.role, m.role)}: {m.content}" for m in turns)
