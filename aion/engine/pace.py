"""How much of a prompt may be computed beside running answers, so that they pause for a blink only."""

from __future__ import annotations

_PAUSE_S = 0.25
_LEARN = 0.3
_LEAST_TOKENS = 32


class PrefillPace:
    """Learns tokens a second from the steps that hold pieces of prompts. Owned by the engine thread."""

    def __init__(self) -> None:
        self._tokens_per_s = 0.0

    def observe(self, n_tokens: int, seconds: float) -> None:
        """A step of `n_tokens`; small ones say little and are passed over."""
        if n_tokens >= _LEAST_TOKENS and seconds > 0.0:
            rate = n_tokens / seconds
            known = self._tokens_per_s
            self._tokens_per_s = known + _LEARN * (rate - known) if known else rate

    def n_tokens(self) -> int:
        """Prompt tokens that take about a quarter of a second; few before anything is known."""
        return max(_LEAST_TOKENS, int(self._tokens_per_s * _PAUSE_S))
