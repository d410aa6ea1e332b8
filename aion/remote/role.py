"""What a server is to AION: how errors call it, and the settings they point at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """`title` begins sentences, `remedy` ends those about a server in trouble; the others are names of
    settings. `speaks_generate`: without OpenAI's routes it may be asked by `POST /generate`."""

    title: str
    url: str
    key: str
    model: str
    timeout: str
    remedy: str
    speaks_generate: bool = False


LOCAL = Role(
    "The model server",
    "AION_LOCAL_LLM_URL",
    "AION_LOCAL_LLM_API_KEY",
    "AION_LOCAL_LLM_MODEL",
    "AION_LOCAL_LLM_TIMEOUT_S",
    "see its log",
    speaks_generate=True,
)
PAID = Role(
    "The paid API",
    "AION_FALLBACK_BASE_URL",
    "AION_FALLBACK_API_KEY",
    "AION_FALLBACK_MODEL",
    "AION_FALLBACK_TIMEOUT_S",
    "ask again later",
)
