"""How long each stage of a piece of work took."""

from __future__ import annotations

import time


class Stopwatch:
    """Laps in milliseconds since the one before. Of one thread."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._laps: list[tuple[str, float]] = []

    def lap(self, name: str) -> None:
        """End the stage of this name."""
        now = time.perf_counter()
        self._laps.append((name, (now - self._last) * 1000))
        self._last = now

    @property
    def laps(self) -> tuple[tuple[str, float], ...]:
        """(name, ms) in order."""
        return tuple(self._laps)

    @property
    def ms(self) -> float:
        """From the start to the last lap."""
        return (self._last - self._started) * 1000
