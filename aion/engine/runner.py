"""Calls llama.cpp for a planned batch. Decides nothing; owned by the engine thread.

Invariant: after `clear(slot)` no KV cell of that slot is left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence as SequenceOf
from typing import Any

from aion.engine.adapter import NO_EFFECT, Adapter, Effect
from aion.engine.context import DEFAULT_OPTIONS, ContextOptions, ContextShape, context_params
from aion.engine.gate import ComputeGate
from aion.engine.interrupt import Interrupt
from aion.engine.library import forget_complaints, last_complaint, lib
from aion.engine.model import Model
from aion.engine.plan import AS_IT_COMES, Clear, Filler, Layout, Share, Work
from aion.engine.token_batch import TokenBatch
from aion.errors import EngineFailed, ModelError

_FILLING = 0
_ABORTED = 2  # llama_decode's status when the abort callback said so


class Interrupted(Exception):
    """A computation was stopped on purpose; the sequences of the batch are as they were before it."""


class Runner:
    """A llama context of `shape` with one reusable batch, all of it under one effect."""

    def __init__(
        self,
        model: Model,
        shape: ContextShape,
        n_threads: int,
        gate: ComputeGate,
        options: ContextOptions = DEFAULT_OPTIONS,
    ):
        self._model = model
        self._gate = gate
        self._shape = shape
        self._options = options
        self._effect = NO_EFFECT
        self._n_threads = self._n_threads_first = n_threads
        self.interrupt = Interrupt()
        self.seconds = 0.0
        """How long the latest batch took to compute, without the wait for the gate."""
        self.context = self._new_context()
        self._batch = TokenBatch(shape.n_batch + (shape.n_slots if shape.apart else 0))

    def context_params(self) -> Any:
        """What the context is made with."""
        return context_params(self._shape, self._n_threads_first, self._options)

    def _new_context(self) -> int:
        context = lib.llama_init_from_model(self._model.handle, self.context_params())
        if not context:
            raise ModelError(
                f"No context of {self._shape.n_cells} tokens could be made for {self._model.path} "
                f"({last_complaint()}); lower AION_CTX or AION_PARALLEL."
            )
        self.interrupt.attach(context)
        return int(context)

    def decode(self, work: SequenceOf[Work], layout: Layout = AS_IT_COMES) -> list[int]:
        """Compute a batch; return the first logits row of each piece of work (-1 where none is wanted).

        Raises EngineFailed when llama.cpp refuses the batch, Interrupted when `interrupt` was set meanwhile;
        nothing of the batch is in the KV cache then.
        """
        assert sum(piece.n_logits for piece in work) <= self._shape.n_outputs, (
            "llama.cpp would end the process"
        )
        self._apply(work[0].sequence.effect)
        batch, rows = self._filled(work, layout)
        with self._gate:
            forget_complaints()
            started = time.perf_counter()
            status = lib.llama_decode(self.context, batch)
            lib.llama_synchronize(self.context)
            self.seconds = time.perf_counter() - started
        for filler in layout.fillers:
            self.clear(filler.slot, filler.n_past)
        if status == _ABORTED and self.interrupt.is_set:
            for piece in work:
                assert piece.sequence.slot is not None
                self.clear(piece.sequence.slot, piece.start)
            raise Interrupted
        if status != 0:
            raise EngineFailed(
                f"llama.cpp gave up on a batch of {batch.n_tokens} tokens "
                f"(status {status}: {last_complaint()})."
            )
        return rows

    def _filled(self, work: SequenceOf[Work], layout: Layout) -> tuple[Any, list[int]]:
        """The batch, laid out, and the first logits row of each piece of work."""
        tokens, positions, slots, wanted = list[int](), list[int](), list[int](), list[int]()
        rows: dict[int, int] = {}
        pieces: dict[int, Work | Filler] = dict(map(_placed, work))
        pieces |= {filler.slot: filler for filler in layout.fillers}
        for slot in layout.order or pieces:
            piece = pieces[slot]
            if isinstance(piece, Filler):
                tokens.append(_FILLING)
                positions.append(piece.n_past)
                slots.append(slot)
                wanted.append(0)
                continue
            n, n_logits = piece.n_tokens, piece.n_logits
            tokens += piece.sequence.tokens[piece.start : piece.end]
            tokens += piece.draft
            positions += range(piece.start, piece.start + n)
            slots += [slot] * n
            wanted += [0] * (n - n_logits) + [1] * n_logits
            rows[slot] = len(tokens) - n_logits if piece.samples else -1
        batch = self._batch.fill(tokens, positions, slots, wanted)
        return batch, [rows[slot] for slot, _ in map(_placed, work)]

    def use_threads(self, n_threads: int) -> None:
        """Compute with so many from the next batch on."""
        if n_threads != self._n_threads:
            lib.llama_set_n_threads(self.context, n_threads, n_threads)
            self._n_threads = n_threads

    def _apply(self, effect: Effect) -> None:
        if effect != self._effect:
            effect.apply(self.context)
            self._effect = effect

    def free(self, adapter: Adapter) -> None:
        """Free an adapter that no sequence uses; the context lets go of it first."""
        with self._gate:
            if any(part is adapter for part, _ in self._effect.parts):
                self._apply(NO_EFFECT)
            adapter.free()

    def change(self, change: Clear | Share) -> None:
        """Forget a slot from some token on, or let one hold the first cells of another too: itself, or, where
        slots have their own cells, a copy. llama.cpp copies all of a slot, when it next computes."""
        if isinstance(change, Clear):
            self.clear(change.slot, change.n_past)
            return
        memory = lib.llama_get_memory(self.context)
        if self._shape.apart:
            lib.llama_memory_seq_cp(memory, change.donor, change.slot, -1, -1)
            self.clear(change.slot, change.n_tokens)
        else:
            lib.llama_memory_seq_cp(memory, change.donor, change.slot, 0, change.n_tokens)

    def clear(self, slot: int, n_past: int = 0) -> None:
        """Forget what is computed in `slot` from token `n_past` on. Raises EngineFailed when the model
        cannot forget a part."""
        if not self.context:
            return
        memory = lib.llama_get_memory(self.context)
        if not lib.llama_memory_seq_rm(memory, slot, n_past or -1, -1):
            raise EngineFailed(f"llama.cpp could not forget what follows token {n_past} of a sequence.")

    def wipe(self) -> None:
        """Forget everything computed, and overwrite it: what is only forgotten still takes part in
        attention, masked, and NaN comes through."""
        lib.llama_memory_clear(lib.llama_get_memory(self.context), True)

    def rebuild(self) -> None:
        """Throw the context away and make a new one, after a failed step."""
        with self._gate:
            lib.llama_free(self.context)
            self.context = 0
            self._effect = NO_EFFECT
            self._n_threads = self._n_threads_first
            self.context = self._new_context()

    def close(self) -> None:
        if self.context:
            lib.llama_free(self.context)
            self.context = 0


def _placed(piece: Work) -> tuple[int, Work | Filler]:
    assert piece.sequence.slot is not None
    return piece.sequence.slot, piece
