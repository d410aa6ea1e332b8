"""What is asked of a server: the body of a chat completion, and what of a request no server can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aion.errors import InvalidRequest
from aion.remote.card import Card
from aion.remote.role import Role
from aion.types import AdapterChoice, Message, Priority, Sampling, ToolUse

# OpenAI's newer models take max_completion_tokens and no max_tokens, most other servers the older name alone.
LENGTHS = ("max_tokens", "max_completion_tokens")
DISPENSABLE = frozenset({
    "stream_options", "temperature", "top_p", "stop", "seed", "top_k", "min_p", "repetition_penalty",
    "repeat_penalty", "frequency_penalty", "presence_penalty", "logit_bias", "ignore_eos", "min_tokens",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of AION's, as `Generator.stream` takes it."""

    messages: tuple[Message, ...]
    sampling: Sampling
    adapters: tuple[AdapterChoice, ...] | None = None
    priority: Priority = "interactive"


@dataclass(slots=True)
class Dialect:
    """What one server takes: learnt from its refusals, for as long as it is asked."""

    length: str = "max_tokens"
    unwanted: set[str] = field(default_factory=set)

    def learn(self, parameter: str) -> bool:
        """Do without `parameter` from now on; False where that is not possible or was done already. The limit
        of the answer's length changes its name and is never left out."""
        if parameter == self.length:
            other = next(name for name in LENGTHS if name != parameter)
            if other in self.unwanted:
                return False
            self.length = other
        elif parameter not in DISPENSABLE or parameter in self.unwanted:
            return False
        self.unwanted.add(parameter)
        return True


def refuse_unsendable(role: Role, sampling: Sampling, tools: ToolUse | None) -> None:
    """Raise InvalidRequest, naming the field, for what only the engine of this process can do."""
    impossible = (
        ("tools", "tools", tools is not None),
        ("logprobs", "logprobs", sampling.logprobs is not None),
        ("grammar", "a grammar that begins within the answer", sampling.grammar_start is not None),
    )
    for param, what, is_asked in impossible:
        if is_asked:
            raise InvalidRequest(
                f"{role.title} of {role.url} cannot be asked for {what} through AION; leave it out, or ask "
                "that server itself.",
                param=param,
            )


def chat_payload(asked: Asked, card: Card, dialect: Dialect, model: str) -> dict[str, Any]:
    """The body of `POST /v1/chat/completions`. What is not said takes the server's default.

    Raises InvalidRequest for adapters and grammars that this server could not follow.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in asked.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        dialect.length: asked.sampling.max_new_tokens,
        **_sampling(asked.sampling),
        **_grammar(asked.sampling, card),
        **_adapter(asked.adapters, card),
    }
    if asked.priority == "batch" and card.kind == "aion":
        body["priority"] = "batch"
    return {name: value for name, value in body.items() if name not in dialect.unwanted}


def _message(message: Message) -> dict[str, Any]:
    content = message.content.encode("utf-8", "replace").decode()  # a surrogate alone is no UTF-8
    sent: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        sent["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    return sent | ({"tool_call_id": message.tool_call_id} if message.tool_call_id else {})


def _sampling(sampling: Sampling) -> dict[str, Any]:
    """What differs from doing nothing; a penalty of repetition under both names it has in the wild."""
    wanted: dict[str, tuple[Any, Any]] = {
        "stop": (list(sampling.stop), []),
        "seed": (sampling.seed, None),
        "top_k": (sampling.top_k, 0),
        "min_p": (sampling.min_p, 0.0),
        "repetition_penalty": (sampling.repetition_penalty, 1.0),
        "repeat_penalty": (sampling.repetition_penalty, 1.0),
        "frequency_penalty": (sampling.frequency_penalty, 0.0),
        "presence_penalty": (sampling.presence_penalty, 0.0),
        "logit_bias": ({str(token): bias for token, bias in sampling.logit_bias}, {}),
        "ignore_eos": (sampling.ignore_eos, False),
        "min_tokens": (sampling.min_tokens, 0),
    }
    told = {name: value for name, (value, nothing) in wanted.items() if value != nothing}
    return {"temperature": sampling.temperature, "top_p": sampling.top_p, **told}


def _grammar(sampling: Sampling, card: Card) -> Mapping[str, Any]:
    if not sampling.grammar:
        return {}
    if card.kind == "other":
        raise InvalidRequest(
            "The model server of AION_LOCAL_LLM_URL is neither AION nor llama-server and would overlook the "
            "grammar; leave grammar and response_format out.",
            param="grammar",
        )
    return {"grammar": sampling.grammar}


def _adapter(adapters: Sequence[AdapterChoice] | None, card: Card) -> Mapping[str, Any]:
    """None leaves the choice to the server. AION takes adapters by a field of its own, others as models."""
    if adapters is None:
        return {}
    if card.kind == "aion":
        return {"adapter": [{"name": a.name, "scale": a.scale} for a in adapters] or "none"}
    if not adapters:
        return {"model": card.base} if card.base else {}
    if len(adapters) == 1 and adapters[0].scale == 1.0 and adapters[0].name in card.names:
        return {"model": adapters[0].name}
    known = ", ".join(sorted(card.names)) or "none"
    asked = ", ".join(f"{a.name} x {a.scale:g}" for a in adapters)
    raise InvalidRequest(
        f"The model server of AION_LOCAL_LLM_URL cannot apply {asked}: it has the models {known}, each at "
        "its full strength; name one of them.",
        param="adapter",
    )
