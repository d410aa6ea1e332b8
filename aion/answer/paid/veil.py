"""Personal data on its way out and back: masked in what is sent, put back in what comes, by one mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from aion.privacy.masks import Masks, mask
from aion.privacy.restorer import Restorer
from aion.types import Message, ToolCall

NOTICE = "Marcas entre colchetes como [CPF_1] estão no lugar de dados pessoais; copie-as tal como estão."


class Veil(Protocol):
    """What lies between one conversation and a stranger."""

    @property
    def n_masked(self) -> int:
        """How many different pieces of personal data were masked."""
        ...

    def hide(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as they may be sent. Takes its time: not on an event loop."""
        ...

    def restore(self, text: str) -> str:
        """Take what came back; return what can be shown, for a placeholder may be split."""
        ...

    def finish(self) -> str:
        """What was held back."""
        ...


class OpenVeil:
    """Hides nothing (AION_FALLBACK_REDACT=false)."""

    n_masked = 0

    def hide(self, messages: Sequence[Message]) -> list[Message]:
        return list(messages)

    def restore(self, text: str) -> str:
        return text

    def finish(self) -> str:
        return ""


class PrivacyVeil:
    """Hides what aion.privacy finds, in all messages by one mapping; the system prompt then says what the
    placeholders are."""

    def __init__(self) -> None:
        self._masks = Masks()
        self._restorer = Restorer(self._masks)

    @property
    def n_masked(self) -> int:
        return len(self._masks)

    def hide(self, messages: Sequence[Message]) -> list[Message]:
        masked = [self._masked(message) for message in messages]
        if self._masks.people():  # a name that a later message gives away may stand in an earlier one
            masked = [self._masked(message) for message in messages]
        if not self.n_masked:
            return masked
        if masked and masked[0].role == "system":
            return [replace(masked[0], content=f"{masked[0].content}\n\n{NOTICE}"), *masked[1:]]
        return [Message("system", NOTICE), *masked]

    def restore(self, text: str) -> str:
        return self._restorer.push(text)

    def finish(self) -> str:
        return self._restorer.finish()

    def _masked(self, message: Message) -> Message:
        calls = tuple(ToolCall(c.id, c.name, mask(c.arguments, self._masks)) for c in message.tool_calls)
        return replace(message, content=mask(message.content, self._masks), tool_calls=calls)
