"""One step of computing for many sequences: plan, share prefixes, one `llama_decode`, sample.

Owns the context (through the runner) and the scheduler. Knows no messages, no text and no listeners.
Owned by the engine thread, but for `interrupt`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from aion.engine.adapter import Adapter
from aion.engine.config import EngineConfig
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.pace import PrefillPace
from aion.engine.plan import Plan, Work
from aion.engine.quarantine import computes_nan
from aion.engine.runner import Interrupted, Runner
from aion.engine.sampler import DamagedLogits, SamplingFailed
from aion.engine.scheduler import Scheduler
from aion.engine.sequence import Sequence
from aion.engine.speculation import Speculator
from aion.engine.threads import ThreadGovernor

_WORTH_INTERRUPTING = 16


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a step brought a sequence: one token, and one more for every guess that was right; or why no
    token could be chosen for it."""

    sequence: Sequence
    tokens: list[int]
    failure: str | None = None


class Batcher:
    """`add` a sequence, `step` until it has what it needs, `remove` it. A failed step raises; `rebuild`
    makes the context anew once no sequence is running."""

    def __init__(
        self,
        model: Model,
        config: EngineConfig,
        gate: ComputeGate,
        runner_type: type[Runner] = Runner,
    ) -> None:
        self._model = model
        shape = config.shape_for(model)
        self._n_batch = shape.n_batch
        self._runner = runner_type(model, shape, config.n_threads, gate, config.options)
        self._speculator, self._pace = Speculator(), PrefillPace()
        self._decode_threads = ThreadGovernor(config.n_threads)
        self._prefill_threads = ThreadGovernor(config.n_threads)
        guesses = self._speculator if config.speculates and model.can_roll_back else None
        self._scheduler = Scheduler(
            shape, guesses, self._pace, self._speculator.cost, shares=model.can_share_prefixes
        )
        self.tally, self.n_cells = self._scheduler.tally, shape.n_cells
        self._lock = threading.Lock()
        self._prefilling: set[int] = set()
        self._restarted: set[int] = set()
        self.n_steps = self.n_drafted = self.n_accepted = 0

    @property
    def has_work(self) -> bool:
        return self._scheduler.has_work

    @property
    def running(self) -> list[Sequence]:
        return list(self._scheduler.running)

    @property
    def n_waiting(self) -> int:
        return len(self._scheduler.waiting)

    @property
    def n_preempted(self) -> int:
        """How often a sequence had to give up its slot and begin again."""
        return self._scheduler.n_preempted

    @property
    def n_cells_used(self) -> int:
        """KV cells that running sequences hold."""
        return self._scheduler.n_cells_used

    @property
    def is_idle_and_whole(self) -> bool:
        """Whether nothing runs and all slots and cells are accounted for."""
        return self._scheduler.is_idle_and_whole

    def add(self, sequence: Sequence) -> None:
        self._scheduler.add(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out, whether it runs or waits; what it has computed may serve others."""
        self._restarted.discard(sequence.id)
        if sequence.n_past > len(sequence.tokens):  # guesses were right that nobody wanted any more
            self._keep(sequence, len(sequence.tokens))
        self._scheduler.remove(sequence)

    def step(self) -> list[Sampled]:
        """Compute the next batch; empty when it was interrupted or brought prompts forward only. Raises
        EngineFailed."""
        self._scheduler.admit()
        plan = self._scheduler.plan()
        for change in plan.changes:
            self._runner.change(change)
        if not plan.work:
            return []
        try:
            rows = self._decode(plan)
        except Interrupted:
            return []
        sampled, damaged = [], []
        for piece, row in zip(plan.work, rows, strict=True):
            self._scheduler.computed(piece.sequence, piece.end)
            if piece.samples:
                try:
                    sampled.append(Sampled(piece.sequence, self._sample(piece, row)))
                except DamagedLogits as error:
                    damaged.append(Sampled(piece.sequence, [], error.message))
                except SamplingFailed as error:
                    sampled.append(Sampled(piece.sequence, [], error.message))
        return sampled + self._isolate(damaged) if damaged else sampled

    def interrupt(self, sequence_id: int) -> None:
        """Give up the batch under way when it computes a long piece of this sequence. Any thread."""
        with self._lock:
            if sequence_id in self._prefilling and self._model.can_roll_back:
                self._runner.interrupt.set()

    def free(self, adapter: Adapter) -> None:
        """Free an adapter that no sequence uses."""
        self._runner.free(adapter)

    def rebuild(self) -> None:
        """Make the context anew, after a failed step; nothing may be running."""
        self._runner.rebuild()
        self._scheduler.forget()

    def close(self) -> None:
        self._runner.close()

    def _decode(self, plan: Plan) -> list[int]:
        is_decode = all(piece.end - piece.start == 1 for piece in plan.work)
        threads = self._decode_threads if is_decode else self._prefill_threads
        self._runner.use_threads(threads.n)
        with self._lock:
            self._runner.interrupt.clear()
            self._prefilling = {p.sequence.id for p in plan.work if p.end - p.start > _WORTH_INTERRUPTING}
        try:
            rows = self._runner.decode(plan.work, plan.layout)
        finally:
            with self._lock:
                self._prefilling = set()
        seconds, n_tokens = self._runner.seconds, plan.n_tokens
        threads.observe(n_tokens, seconds)
        if is_decode:
            self._speculator.cost.observe(n_tokens, seconds)
        else:
            self._pace.observe(n_tokens, seconds)
        self.n_steps += 1
        self.tally.stepped(len(plan.work), n_tokens, seconds)
        return rows

    def _isolate(self, damaged: list[Sampled]) -> list[Sampled]:
        """Find whose numbers are broken, and let all others start again from an empty cache.

        NaN in one sequence's cells reaches others through attention, masked as they are. So each that may be
        the cause is computed alone; one that has been let off before fails, lest this go on without end.
        """
        prefilling = [s for s in self._scheduler.running if s.n_past and not s.is_decoding]
        suspects = dict.fromkeys([*(each.sequence for each in damaged), *prefilling])
        causes = {s for s in suspects if computes_nan(self._runner, s, self._n_batch, self._model.n_vocab)}
        causes |= {each.sequence for each in damaged if each.sequence.id in self._restarted}
        self._restarted |= {each.sequence.id for each in damaged}
        self._runner.wipe()
        self._scheduler.restart()
        return [Sampled(sequence, [], damaged[0].failure) for sequence in causes]

    def _sample(self, piece: Work, row: int) -> list[int]:
        """Tokens drawn one after the other, as far as each was what had been guessed there."""
        sequence = piece.sequence
        assert sequence.sampler is not None
        tokens: list[int] = []
        for guess in (*piece.draft, -1):
            try:
                token = sequence.sampler.sample(self._runner.context, row + len(tokens))
            except DamagedLogits:
                if tokens:
                    break
                raise
            tokens.append(token)
            if token != guess or self._model.is_end(token):
                break
        if piece.draft:
            n_right = len(tokens) - 1
            sequence.acceptance.learn(len(piece.draft), n_right)
            self.n_drafted += len(piece.draft)
            self.n_accepted += n_right
            self._keep(sequence, piece.end + n_right)
        return tokens

    def _keep(self, sequence: Sequence, n_past: int) -> None:
        """Forget what was computed of a running sequence after its first `n_past` tokens."""
        assert sequence.slot is not None
        self._runner.clear(sequence.slot, n_past)
        self._scheduler.computed(sequence, n_past)
