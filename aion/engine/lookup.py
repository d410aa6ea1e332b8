"""Guesses the next tokens of a sequence from its own: what followed the last time these tokens stood there.

Answers over documents copy from the prompt, so the guess is often right (prompt lookup decoding,
github.com/apoorvumang/prompt-lookup-decoding). No model and no other sequence is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

_SIZES = (4, 3, 2)
_LEARN = 0.25
_FIRST_ACCEPTANCE = 0.6


class PromptLookup:
    """An index of the n-grams of one growing list of tokens."""

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}
        self._n_indexed = 0

    def propose(self, tokens: list[int], n_most: int) -> list[int]:
        """The `n_most` tokens that followed the latest earlier place which ended like `tokens`, the longest
        match first; past the end they repeat. Empty when there is no such place."""
        self._index(tokens)
        for size in _SIZES:
            at = self._after.get(tuple(tokens[-size:]))
            if at is not None:
                period = len(tokens) - at
                return [tokens[at + i % period] for i in range(n_most)]
        return []

    def _index(self, tokens: list[int]) -> None:
        for at in range(self._n_indexed, len(tokens)):
            for size in _SIZES:
                if at >= size:
                    self._after[tuple(tokens[at - size : at])] = at
        self._n_indexed = len(tokens)


@dataclass(slots=True)
class Acceptance:
    """How often the guesses of one sequence were right, and when to try again after giving up."""

    rate: float = _FIRST_ACCEPTANCE
    n_since_try: int = 0

    def learn(self, n_drafted: int, n_accepted: int) -> None:
        """Of `n_drafted` guessed tokens the first `n_accepted` were right."""
        n_judged = min(n_drafted, n_accepted + 1)
        self.rate += (1 - (1 - _LEARN) ** n_judged) * (n_accepted / n_judged - self.rate)
        self.n_since_try = 0
