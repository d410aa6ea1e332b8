"""How much of the prompts is computed in one step: enough to be quick, not so much that others wait for it.

Two may wait: running answers, which pause while a prompt is computed beside them, and prompts that are done
but share their batch with more. Owned by the engine thread.
"""

from __future__ import annotations

from aion.engine.step_cost import StepCost

_PAUSE_S = 0.25
_LEARN = 0.3
_LEAST_TOKENS = 32
_WHOLE_STEP = 64
_LITTLE = 0.05


class PrefillPace:
    """Learns from the steps that hold pieces of prompts."""

    def __init__(self) -> None:
        self._tokens_per_s = 0.0
        self._cost = StepCost()

    def observe(self, n_tokens: int, seconds: float) -> None:
        """A step of `n_tokens`; small ones say little and are passed over."""
        if n_tokens < _LEAST_TOKENS or seconds <= 0.0:
            return
        rate, known = n_tokens / seconds, self._tokens_per_s
        self._tokens_per_s = known + _LEARN * (rate - known) if known else rate
        self._cost.observe(n_tokens, seconds)

    def n_beside(self, n_answers: int, n_prompts: int) -> int:
        """Prompt tokens to compute beside `n_answers` running answers while `n_prompts` wait for their first
        token: a quarter of a second's, few before anything is known. Where more wait for their first
        token than for their next one, more, up to a step that spends little on being a step."""
        usual = max(_LEAST_TOKENS, int(self._tokens_per_s * _PAUSE_S))
        fixed_s, per_token_s = self._cost.line()
        efficient = int(fixed_s / (_LITTLE * per_token_s))
        return max(usual, min(usual * n_prompts // n_answers, efficient))

    def is_enough(self, n_tokens: int, n_done: int, n_more: int, n_waiting: int) -> bool:
        """Whether a step of `n_tokens` that brings `n_done` prompts to their end should go out as it is, not
        with `n_more` tokens of the `n_waiting` other prompts: they would make those that are done wait
        longer, and spare the others the fixed time of a step. On a CPU it mostly should, on a GPU not."""
        if n_tokens < _WHOLE_STEP:
            return False
        fixed_s, per_token_s = self._cost.line()
        return n_done * n_more * per_token_s > n_waiting * fixed_s
