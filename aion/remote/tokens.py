"""How many tokens a prompt has for a tokenizer elsewhere: an estimate that learns from what is told."""

from __future__ import annotations

from collections.abc import Sequence

from aion.types import Message

BYTES_A_TOKEN = 3.0  # Portuguese in vocabularies of 32,000 to 150,000 pieces has 3.0 to 4.3 bytes a token
_A_MESSAGE = 8  # what a chat template puts around one
_SLOWNESS = 0.2
_CREDIBLE = (1.0, 12.0)
_MARGIN = 0.95


class TokenEstimate:
    """Bytes of UTF-8 over the bytes a token has had. Before the first answer it is rather too many than too
    few; each usage told moves it. Safe for threads."""

    def __init__(self) -> None:
        self._bytes_a_token = BYTES_A_TOKEN

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt these messages make."""
        return self.of_bytes(n_bytes(messages)) + _A_MESSAGE * len(messages)

    def of_bytes(self, n: int) -> int:
        return -int(-n // self._bytes_a_token)

    def learn(self, messages: Sequence[Message], n_tokens: int) -> None:
        """`n_tokens` were counted for this prompt by the server."""
        n_of_text = n_tokens - _A_MESSAGE * len(messages)
        n = n_bytes(messages)
        if n < 200 or n_of_text <= 0:
            return
        told = _MARGIN * n / n_of_text
        if _CREDIBLE[0] <= told <= _CREDIBLE[1]:
            self._bytes_a_token += _SLOWNESS * (told - self._bytes_a_token)


def n_bytes(messages: Sequence[Message]) -> int:
    """Bytes of what the messages say; a surrogate alone counts like its replacement."""
    return sum(len(message.content.encode("utf-8", "replace")) for message in messages)
