"""A sink that keeps what one sequence emitted, and lets a test wait for it."""

from __future__ import annotations

import threading

from aion.engine.engine import Engine
from aion.types import Delta, Finished, GenerationEvent, Sampling

GREEDY = Sampling(temperature=0.0, max_new_tokens=12)


class Listener:
    def __init__(self) -> None:
        self.events: list[GenerationEvent] = []
        self._begun = threading.Event()
        self._ended = threading.Event()

    def __call__(self, event: GenerationEvent) -> None:
        self.events.append(event)
        self._begun.set()
        if isinstance(event, Finished):
            self._ended.set()

    @property
    def text(self) -> str:
        """What was generated, once it has ended."""
        self.wait()
        return "".join(e.text for e in self.events if isinstance(e, Delta))

    @property
    def n_finished(self) -> int:
        return sum(isinstance(e, Finished) for e in self.events)

    def wait_for_text(self) -> None:
        assert self._begun.wait(60)

    def wait(self) -> Finished:
        """The terminal event; nothing may come after it."""
        assert self._ended.wait(60)
        last = self.events[-1]
        assert isinstance(last, Finished)
        return last


def ask(engine: Engine, prompt: list[int], sampling: Sampling = GREEDY) -> Listener:
    """Submit and listen, without waiting."""
    listener = Listener()
    engine.submit(prompt, sampling, listener)
    return listener


def prompt_of(n_tokens: int, seed: int = 0) -> list[int]:
    """Some prompt of the tiny model, begin token first."""
    return [1, *(3 + (seed * 31 + i * i * 7) % 400 for i in range(n_tokens - 1))]
