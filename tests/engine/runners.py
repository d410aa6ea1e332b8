"""Runners for tests: exact in their numbers, stopped between steps, failing on demand."""

from __future__ import annotations

import threading
from collections.abc import Sequence as SequenceOf
from typing import Any

from aion.engine.library import lib
from aion.engine.plan import AS_IT_COMES, Layout, Work
from aion.engine.runner import Runner
from aion.errors import ModelError


class ExactRunner(Runner):
    """An f32 cache without flash attention: what a sequence computes does not depend on its neighbours.

    llama.cpp's flash attention on the CPU rounds to f16 in the order of the cells, which moves logits by
    0.01 on this model and by 0.5 on a Q8_0 one: enough to flip a greedy choice between near equals.
    """

    def context_params(self) -> Any:
        params = super().context_params()
        params.type_k = params.type_v = lib.GGML_TYPE_F32
        params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        return params


class Steps:
    """Stops the engine after each computation until the test allows the next; `batches` are what it saw,
    as (first token position, number of tokens) of each piece."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, int]]] = []
        self._reached = threading.Semaphore(0)
        self._allowed = threading.Semaphore(0)
        self._free = False

    def wait(self) -> None:
        """Until a computation is done and the engine stands still."""
        assert self._reached.acquire(timeout=60)

    def allow(self) -> None:
        self._allowed.release()

    def run_free(self) -> None:
        self._free = True
        self._allowed.release()

    def reached(self, work: SequenceOf[Work]) -> None:
        self.batches.append([(piece.start, piece.end - piece.start) for piece in work])
        self._reached.release()
        if not self._free:
            assert self._allowed.acquire(timeout=60)

    def runner_type(self) -> type[Runner]:
        steps = self

        class SteppedRunner(ExactRunner):
            def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
                rows = super().decode(work, layout)
                steps.reached(work)
                return rows

        return SteppedRunner


def failing_once(error: Exception, *, rebuilds: bool = True) -> type[Runner]:
    """A runner whose first computation raises `error`, and which cannot be rebuilt when told so."""

    class FailingRunner(ExactRunner):
        failed = False

        def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
            if not FailingRunner.failed:
                FailingRunner.failed = True
                raise error
            return super().decode(work, layout)

        def _new_context(self) -> int:
            if FailingRunner.failed and not rebuilds:
                raise ModelError("No memory is left.")
            return super()._new_context()

    return FailingRunner
