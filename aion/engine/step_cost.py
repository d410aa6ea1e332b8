"""What a step takes: a line over the number of tokens in it, learnt from the steps themselves."""

from __future__ import annotations

_FORGET = 0.97


class StepCost:
    """Least squares of step time over batch size, old steps slowly forgotten. Owned by the engine thread."""

    def __init__(self) -> None:
        self._n = self._x = self._xx = self._y = self._xy = 0.0

    def observe(self, n_tokens: int, seconds: float) -> None:
        self._n, self._x, self._y = (_FORGET * v for v in (self._n, self._x, self._y))
        self._xx, self._xy = _FORGET * self._xx, _FORGET * self._xy
        self._n += 1.0
        self._x += n_tokens
        self._xx += n_tokens * n_tokens
        self._y += seconds
        self._xy += n_tokens * seconds

    def seconds(self, n_tokens: int) -> float:
        """Expected time of a batch of `n_tokens`; where only one size was seen, half of it is taken to be
        fixed, and before anything was, one second and one a token."""
        fixed, per_token = self.line()
        return fixed + per_token * n_tokens

    def line(self) -> tuple[float, float]:
        """Seconds of any step, and of each token in it."""
        if not self._n:
            return 1.0, 1.0
        mean_x, mean_y = self._x / self._n, self._y / self._n
        spread = self._xx / self._n - mean_x * mean_x
        if spread > 0.01 * mean_x * mean_x:
            slope = (self._xy / self._n - mean_x * mean_y) / spread
        else:
            slope = 0.5 * mean_y / mean_x
        slope = min(max(slope, 0.01 * mean_y / mean_x), mean_y / mean_x)
        return mean_y - slope * mean_x, slope
