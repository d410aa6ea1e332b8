"""What a server says of itself in its list of models: which model answers, how long its context is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

from aion.remote.reply import Broken

Kind = Literal["aion", "llamacpp", "other"]


@dataclass(frozen=True, slots=True)
class Card:
    """`model` is the one to ask for, "" where the server names none; `names` are all it has, `adapters` those
    which AION and vLLM tell to be children of `base`; `n_ctx` is None where it does not say."""

    model: str = ""
    names: frozenset[str] = frozenset()
    base: str = ""
    adapters: frozenset[str] = frozenset()
    n_ctx: int | None = None
    kind: Kind = "other"

    @property
    def more_at(self) -> str:
        """The route where this kind of server tells the context it serves with; "" for none."""
        return {"aion": "/health", "llamacpp": "/props"}.get(self.kind, "")

    def serving(self, n_ctx: int | None) -> Card:
        """The same with that context."""
        return replace(self, n_ctx=n_ctx)


def read_card(body: bytes, wanted: str) -> Card:
    """The answer to `GET /v1/models`; `wanted` is the model to ask for, its first if "". Raises Broken."""
    listed = _json(body)
    data = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(data, list):
        raise Broken("a list of models without data")
    entries = [e for e in data if isinstance(e, dict) and isinstance(e.get("id"), str)]
    if not entries:
        return Card(wanted)
    bases = [e for e in entries if not e.get("parent")] or entries
    chosen = next((e for e in entries if e["id"] == wanted), None)
    own = chosen or bases[0]
    owner = str(own.get("owned_by"))
    return Card(
        wanted or own["id"],
        frozenset(e["id"] for e in entries),
        str(own.get("parent") or own["id"]),
        frozenset(e["id"] for e in entries if e.get("parent")),
        _n_ctx(own),
        "aion" if owner == "aion" else "llamacpp" if owner == "llamacpp" else "other",
    )


def read_n_ctx(body: bytes) -> int | None:
    """The context of one sequence, as AION's `/health` or llama-server's `/props` tells it."""
    try:
        told = _json(body)
    except Broken:
        return None
    if not isinstance(told, dict):
        return None
    generation = told.get("default_generation_settings")
    return _count(told.get("n_ctx")) or _count(generation.get("n_ctx") if isinstance(generation, dict) else 0)


def _n_ctx(entry: dict[str, Any]) -> int | None:
    """vLLM tells `max_model_len`, llama-server what the model was trained for."""
    meta = entry.get("meta")
    trained = meta.get("n_ctx_train") if isinstance(meta, dict) else 0
    return _count(entry.get("max_model_len")) or _count(entry.get("context_length")) or _count(trained)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Broken("a list of models that is not JSON") from None
