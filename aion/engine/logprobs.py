"""How probable the drawn tokens were, and which others were, told with the text they became.

Probabilities are those of the model, before penalties, biases, temperature and grammar.
Owned by the engine thread.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from aion.engine.model import Model
from aion.types import TokenLogprob


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Natural logarithms of the softmax of `logits`, shape kept."""
    shifted = logits.astype(np.float64) - np.max(logits)
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def token_logprob(model: Model, logits: NDArray[np.float32], token: int, n_top: int) -> TokenLogprob:
    """The log probability of `token` under `logits`, and the `n_top` most probable tokens, best first."""
    logprobs = log_softmax(logits)
    n = min(n_top, len(logprobs))
    best = np.argpartition(-logprobs, n - 1)[:n] if n else np.empty(0, np.int64)
    best = best[np.lexsort((best, -logprobs[best]))]
    top = tuple(_one(model, int(t), float(logprobs[t])) for t in best)
    return _one(model, token, float(logprobs[token]), top)


def _one(model: Model, token: int, logprob: float, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    return TokenLogprob(token, model.piece(token, special=True), logprob, top)


class LogprobTrail:
    """Pairs tokens with text: a token is told once its first byte is shown, so tokens that only made up a
    stop string never are."""

    def __init__(self, drops_leading_space: bool = False) -> None:
        """`drops_leading_space`: the space that a text begins with is never shown."""
        self._waiting: deque[tuple[int, TokenLogprob]] = deque()
        self._n_taken = self._n_shown = 0
        self._drops_leading_space = drops_leading_space

    def push(self, token: TokenLogprob, piece: bytes) -> None:
        """The next token of the sequence; `piece` is its part of the text."""
        self._waiting.append((self._n_taken, token))
        self._n_taken += len(piece)
        if piece and self._drops_leading_space:
            self._drops_leading_space = False
            self._n_taken -= piece.startswith(b" ")

    def shown(self, text: str) -> tuple[TokenLogprob, ...]:
        """`text` is being shown: the tokens to tell with it."""
        self._n_shown += len(text.encode("utf-8", "replace"))
        told = []
        while self._waiting and self._waiting[0][0] < self._n_shown:
            told.append(self._waiting.popleft()[1])
        return tuple(told)

    def rest(self) -> tuple[TokenLogprob, ...]:
        """What was not told when a sequence ends without a stop string."""
        told = tuple(token for _, token in self._waiting)
        self._waiting.clear()
        return told
