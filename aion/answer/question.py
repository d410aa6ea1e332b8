"""What is asked of the router."""

from __future__ import annotations

from dataclasses import dataclass

from aion.errors import InvalidRequest
from aion.types import AdapterChoice, Message, Priority, Sampling

MAX_NEW_TOKENS = 512
MAX_CONVERSATION_CHARS = 128
SAMPLING = Sampling(temperature=0.5, top_p=0.9, max_new_tokens=MAX_NEW_TOKENS)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `tau` None takes the setting; `force_fallback` is for developers only; a `seed` makes
    the same answer come again; `adapters` None takes the service's default.

    What was said before it is `history`, oldest first, or, where that is empty, what the log has of
    `conversation`. `system` None takes the setting; `sampling` is the contract's unless a client says
    otherwise. `priority` is that of the local generation. `asker` is who asked, "" the operator: of a
    conversation only what the same one asked is said before it.
    """

    message: str
    tenant: str
    tau: float | None = None
    force_fallback: bool = False
    seed: int | None = None
    adapters: tuple[AdapterChoice, ...] | None = None
    history: tuple[Message, ...] = ()
    conversation: str | None = None
    system: str | None = None
    sampling: Sampling = SAMPLING
    priority: Priority = "interactive"
    asker: str = ""

    def __post_init__(self) -> None:
        if not self.message.strip():
            raise InvalidRequest("The message is empty; write a question.", param="message")
        if self.tau is not None and not 0.0 <= self.tau <= 1.0:
            raise InvalidRequest(f"tau is {self.tau}; give a number from 0 to 1.", param="tau")
        if self.conversation is not None and not 0 < len(self.conversation) <= MAX_CONVERSATION_CHARS:
            raise InvalidRequest(
                f"conversation_id has {len(self.conversation)} characters; give 1 to "
                f"{MAX_CONVERSATION_CHARS}, or none for a new conversation.",
                param="conversation_id",
            )
