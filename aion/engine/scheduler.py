"""Decides which tokens of which sequences go into the next batch. Touches no llama call.

Owned by the engine thread. Invariants: every running sequence has its own slot; no batch needs more cells
than are free; a waiting sequence has neither slot nor cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf

from aion.engine.answer_length import AnswerLength
from aion.engine.context import ContextShape
from aion.engine.kv_cache import KvCache, common_prefix
from aion.engine.kv_streams import KvStreams
from aion.engine.pace import PrefillPace
from aion.engine.plan import AS_IT_COMES, Clear, Layout, Plan, Share, Work
from aion.engine.precedence import count_overtaken, prefill_order, youngest
from aion.engine.rounds import layout_of
from aion.engine.sequence import Sequence
from aion.engine.speculation import Speculator
from aion.engine.step_cost import StepCost
from aion.engine.tally import Tally
from aion.engine.turns import Turns
from aion.engine.waiting import WaitingLine

_WORTH_WAITING = 32


class Scheduler:
    """Each batch takes decode tokens first and prefills with the rest.

    A sequence is admitted when its prompt and the answer it is expected to write find cells. When they run
    out all the same, kept prefixes go, then the youngest sequence, batch work first: it loses its slot and is
    the first to be admitted again. The eldest never does, so somebody always comes to an end.
    """

    def __init__(
        self,
        shape: ContextShape,
        speculator: Speculator | None = None,
        pace: PrefillPace | None = None,
        cost: StepCost | None = None,
        *,
        shares: bool = True,
    ) -> None:
        """`speculator` guesses tokens of decoding sequences; None computes one a step. `pace` says how
        much of a prompt is computed beside them; None fills the batch. `cost` is that of decode steps.
        `shares` False keeps sequences apart: prefixes of this model cannot serve others."""
        self._shape = shape
        self._cache = _cache_of(shape, shares=shares)
        self._cost = cost or StepCost()
        self._speculator = speculator
        self._pace = pace
        self._shares = shares
        self._turns = Turns()
        self._expected = AnswerLength()
        self._changes: list[Clear | Share] = []
        self._refused: Sequence | None = None
        self.waiting = WaitingLine()
        self.running: list[Sequence] = []
        self.n_preempted = 0
        self.tally = Tally()

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, sequence: Sequence) -> None:
        self.waiting.add(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out; what it has computed may serve others."""
        if sequence.slot is None:
            self.waiting.remove(sequence)
            return
        if sequence.n_completion:
            self._expected.ended(sequence)
        self._release(sequence)

    def computed(self, sequence: Sequence, n_past: int) -> None:
        """`n_past` tokens of a running sequence are in the KV cache now."""
        assert sequence.slot is not None
        sequence.n_past = n_past
        self._cache.resize(sequence.slot, n_past)

    def restart(self) -> None:
        """Nothing is in the KV cache any more: what runs is computed again, the kept prefixes are lost."""
        for sequence in self.running:
            self.computed(sequence, 0)
        self._cache.forget_kept()

    def forget(self) -> None:
        """The context was made anew, and nothing is running."""
        self._changes.clear()
        self._cache.forget()

    @property
    def n_cells_used(self) -> int:
        """Cells that running sequences hold; in one cache for all, no more than are taken. Any thread."""
        n_held = sum(sequence.n_past for sequence in list(self.running))
        if self._shape.apart:
            return n_held
        return min(n_held, self._shape.n_cells - self._cache.n_free)

    @property
    def is_whole(self) -> bool:
        """Whether every slot and cell is accounted for."""
        return self._cache.is_whole

    @property
    def is_idle_and_whole(self) -> bool:
        """Whether nothing runs and nothing is lost: the check of conservation when idle."""
        return not self.has_work and self._cache.is_idle and self.is_whole

    # --- admission -----------------------------------------------------------------------------

    def admit(self) -> list[Sequence]:
        """Give slots to waiting sequences while slots and cells last; return those admitted. One that found
        no place is not asked again while the others only decode: none can have come free."""
        admitted = []
        while (sequence := self.waiting.first) is not None and sequence is not self._refused:
            if not self._make_place(sequence):
                self._refused = sequence
                break
            self.waiting.take(sequence)
            sequence.slot = self._cache.acquire(sequence.tokens, sequence.effect.key)
            self.running.append(sequence)
            admitted.append(sequence)
            if not sequence.n_preempted:
                self.tally.admitted(len(sequence.prompt))
        return admitted

    def _make_place(self, sequence: Sequence) -> bool:
        """Whether there is a slot and cells for it now. Interactive work takes those of batch work."""
        if self._has_place(sequence):
            return True
        batch = [] if sequence.is_batch else [other for other in self.running if other.is_batch]
        if not batch:
            return False
        staying = [other for other in self.running if not other.is_batch]
        gone = [other.slot for other in batch if other.slot is not None]
        if self._n_wanted(sequence, staying) > self._cache.n_obtainable(gone):
            return False
        while batch:
            self._preempt(batch.pop(batch.index(youngest(batch))))
            if self._has_place(sequence):
                return True
        return False

    def _has_place(self, sequence: Sequence) -> bool:
        """Whether a slot is free, and cells for what the running ones and this one are expected to need."""
        if len(self.running) >= self._shape.n_running:
            return False
        while self._cache.n_free < (n_wanted := self._n_wanted(sequence, self.running)):
            prefix = self._cache.find(sequence.tokens, sequence.effect.key)
            n_lent = self._cache.n_lent(prefix) if prefix else 0
            if n_wanted + n_lent > self._cache.n_obtainable():
                return False
            self._clear([self._cache.evict(but=prefix.donor if prefix else None)])
        return True

    def _n_wanted(self, sequence: Sequence, beside: Iterable[Sequence]) -> int:
        return sum(map(self._n_to_come, beside)) + self._n_to_come(sequence)

    def _n_to_come(self, sequence: Sequence) -> int:
        """Cells a sequence is expected to take beyond those it holds, or may share at its start."""
        n_held = sequence.n_past
        if not n_held:
            prefix = self._cache.find(sequence.tokens, sequence.effect.key, sequence.slot)
            n_held = prefix.n_tokens if prefix else 0
        return self._expected.n_cells(sequence) - n_held

    def _give_way(self) -> None:
        """The cells do not suffice: the youngest goes."""
        self._expected.was_too_low()
        self._preempt(youngest(self.running))

    def _preempt(self, sequence: Sequence) -> None:
        """Take slot and cells away; its tokens stay, and are computed again when it has a slot once more."""
        self._release(sequence)
        sequence.n_past = 0
        sequence.n_preempted += 1
        self.n_preempted += 1
        self.waiting.add_first(sequence)

    def _release(self, sequence: Sequence) -> None:
        assert sequence.slot is not None
        self._refused = None
        self._clear(self._cache.release(sequence.slot))
        sequence.slot = None
        self.running.remove(sequence)

    def _clear(self, slots: Iterable[int]) -> None:
        self._changes += map(Clear, slots)

    # --- the next batch ------------------------------------------------------------------------

    def plan(self) -> Plan:
        """The next batch: one token of each decoding sequence and its guesses, then prompts."""
        work: list[Work] = []
        while self.running and not work:
            n_preempted = self.n_preempted
            members = self._turns.next(self.running)
            work = self._decode(members)
            self._prefill([s for s in members if s.slot is not None and not s.is_decoding], work)
            if not work and n_preempted == self.n_preempted:  # no cell is left for the prompts of this turn
                self._give_way()
        plan = Plan(self._changes, work, self._layout(work))
        self._changes = []
        return plan

    def _decode(self, members: SequenceOf[Sequence]) -> list[Work]:
        decoding = [s for s in members if s.is_decoding][: self._shape.n_batch]
        while not self._has_cells(len(decoding)):
            self._give_way()
            decoding = [s for s in decoding if s.slot is not None]
        room = min(self._shape.n_batch, self._cache.n_free) - len(decoding)
        n_guesses = self._shape.n_guesses
        work = []
        for sequence in decoding:
            if not sequence.n_past and sequence.slot is not None:  # a prompt of one token
                self._changes += self._cache.begin(sequence.slot, None)
            draft = self._draft(sequence, len(decoding), min(n_guesses, room // 2))
            work.append(Work(sequence, sequence.n_past, len(sequence.tokens), True, draft))
            room, n_guesses = room - len(draft), n_guesses - len(draft)
        return work

    def _has_cells(self, n_cells: int) -> bool:
        """Whether so many are free, or come free with kept prefixes."""
        self._clear(self._cache.make_room(n_cells))
        return self._cache.n_free >= n_cells

    def _draft(self, sequence: Sequence, n_decoding: int, n_most: int) -> tuple[int, ...]:
        """Guesses get no more than half of what decoding leaves, lest prompts wait for them."""
        if self._speculator is None or not sequence.n_completion:
            return ()
        return tuple(self._speculator.draft(sequence, n_decoding)[:n_most])

    def _prefill(self, prompts: list[Sequence], work: list[Work]) -> None:
        """Add pieces of `prompts` to `work`: one that waits to go on first, then the shortest, yet none is
        overtaken by more tokens than it has itself."""
        if not prompts:
            return
        self._refused = None  # what they compute may be shared
        room = self._prefill_room(work)
        n_used, n_done = sum(piece.n_tokens for piece in work), 0
        for i, sequence in enumerate(sorted(prompts, key=prefill_order)):
            n = min(room, len(sequence.tokens) - sequence.n_past)
            if not n or (n_done and self._is_enough(n_used, n_done, n, len(prompts) - i)):
                break
            if not self._may_start(sequence, work):
                continue
            n = min(room, len(sequence.tokens) - sequence.n_past)
            self._has_cells(n_used + n)
            n = min(n, self._cache.n_free - n_used)
            if n <= 0:
                break
            end = sequence.n_past + n
            work.append(Work(sequence, sequence.n_past, end, end == len(sequence.tokens)))
            room, n_used, n_done = room - n, n_used + n, n_done + (end == len(sequence.tokens))
        count_overtaken(prompts, work)

    def _prefill_room(self, work: list[Work]) -> int:
        room = self._shape.n_batch - sum(piece.n_tokens for piece in work)
        answers = [sequence for sequence in self.running if sequence.is_decoding]
        if self._pace is None or not answers:
            return room
        n_prompts = sum(not (sequence.is_decoding or sequence.is_batch) for sequence in self.running)
        return min(room, self._pace.n_beside(len(answers), n_prompts))

    def _is_enough(self, n_tokens: int, n_done: int, n_more: int, n_waiting: int) -> bool:
        return self._pace is not None and self._pace.is_enough(n_tokens, n_done, n_more, n_waiting)

    def _may_start(self, sequence: Sequence, work: list[Work]) -> bool:
        """Share what is computed of a fresh sequence's prompt; False while more of it is in this batch."""
        if sequence.n_past or not self._shares:
            return True
        assert sequence.slot is not None
        prefix = self._cache.find(sequence.tokens, sequence.effect.key, sequence.slot)
        n_shared = prefix.n_tokens if prefix else 0
        for piece in work:
            if piece.end - piece.start > 1:
                n_most = min(piece.end, len(sequence.tokens) - 1)
                n = common_prefix(piece.sequence.tokens, sequence.tokens, n_most)
                if n >= n_shared + max(_WORTH_WAITING, self._cache.n_worth_sharing):
                    return False
        self._changes += self._cache.begin(sequence.slot, prefix)
        sequence.n_past = n_shared
        if not sequence.n_preempted:
            sequence.n_cached = n_shared
            self.tally.reused(n_shared)
        return True

    def _layout(self, work: list[Work]) -> Layout:
        if not isinstance(self._cache, KvStreams) or len(work) < 2:
            return AS_IT_COMES
        fixed_s, per_token_s = self._cost.line()
        placed = [(piece.sequence.slot, piece) for piece in work if piece.sequence.slot is not None]
        return layout_of(
            {slot: piece.start + piece.n_tokens for slot, piece in placed},
            {slot for slot, piece in placed if piece.n_tokens == 1},
            self._cache.n_held,
            self._shape.n_round_cells,
            int(fixed_s / per_token_s),
        )


def _cache_of(shape: ContextShape, *, shares: bool) -> KvCache | KvStreams:
    if shape.apart:
        return KvStreams(shape.n_cells_each, shape.n_running, keeps=shape.n_kept > 0, shares=shares)
    return KvCache(shape.n_cells, shape.n_running, shape.n_kept, shares=shares)
