"""How long an answer may be, and how many KV cells a sequence is expected to need.

Few answers are as long as they may be: to admit sequences by their longest answers leaves most cells empty.
What is expected too low is mended by preemption, and by expecting more.
"""

from __future__ import annotations

import math
from dataclasses import replace

from aion.engine.sequence import Sequence
from aion.errors import InvalidRequest, PromptTooLong
from aion.types import Sampling

_FIRST_SHARE = 0.5
_LEARN = 0.1
_LEAST_AHEAD = 32


def fitted(sampling: Sampling, n_prompt: int, n_ctx: int, n_ctx_train: int) -> Sampling:
    """`sampling`, its answer no longer than a context of `n_ctx` tokens leaves after the prompt; the model
    was trained for `n_ctx_train`. Raises InvalidRequest for an empty prompt, PromptTooLong when none is left.
    """
    if n_prompt == 0:
        raise InvalidRequest("The prompt is empty; write at least one word.", param="prompt")
    room = n_ctx - n_prompt
    if room < 1:
        remedy = (
            "shorten the prompt or raise AION_CTX" if n_ctx < n_ctx_train else "the model knows no longer one"
        )
        raise PromptTooLong(
            f"The prompt has {n_prompt} tokens and the context holds {n_ctx}, answer included: the prompt "
            f"is too long; {remedy}.",  # LangChain knows it by "prompt is too long"
            param="prompt",
        )
    return sampling if sampling.max_new_tokens <= room else replace(sampling, max_new_tokens=room)


class AnswerLength:
    """`share`: how much of their longest answers the latest sequences wrote, between 0 and 1. Owned by the
    engine thread."""

    def __init__(self) -> None:
        self.share = _FIRST_SHARE

    def ended(self, sequence: Sequence) -> None:
        """A sequence has written its answer."""
        self._learn(sequence.n_completion / sequence.sampling.max_new_tokens)

    def was_too_low(self) -> None:
        """The cells did not suffice."""
        self._learn(1.0)

    def n_cells(self, sequence: Sequence) -> int:
        """What the sequence holds in the end if its answer has the expected length, and a little more where
        it has that already; never more than it may need."""
        expected = math.ceil(self.share * sequence.sampling.max_new_tokens)
        ahead = max(_LEAST_AHEAD, expected - sequence.n_completion)
        return min(len(sequence.tokens) + ahead, sequence.n_reserved)

    def _learn(self, share: float) -> None:
        self.share += _LEARN * (share - self.share)
