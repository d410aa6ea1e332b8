"""Decides which tokens of which sequences go into the next batch. Touches no llama call.

Owned by the engine thread. Invariants: every running sequence has its own slot; the cells the running
ones hold and may still need never exceed `n_cells`; a waiting sequence has neither slot nor cells.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from aion.engine.adapter import NO_EFFECT, Effect
from aion.engine.kv_cache import KvCache, common_prefix
from aion.engine.pace import PrefillPace
from aion.engine.sequence import Sequence
from aion.engine.speculation import Speculator

_TURN_STEPS = 4
_WORTH_WAITING = 32


@dataclass(frozen=True, slots=True)
class Work:
    """Tokens `start:end` of a sequence to be computed; logits are wanted for the last when `samples`, and
    for each of the guessed tokens `draft` that follow it."""

    sequence: Sequence
    start: int
    end: int
    samples: bool
    draft: tuple[int, ...] = ()

    @property
    def n_tokens(self) -> int:
        return self.end - self.start + len(self.draft)

    @property
    def n_logits(self) -> int:
        """Rows of logits, those of its last tokens."""
        return 1 + len(self.draft) if self.samples else 0


@dataclass(frozen=True, slots=True)
class Share:
    """Before the batch: `slot` takes the first `n_tokens` cells of `donor` as its own."""

    donor: int
    slot: int
    n_tokens: int


@dataclass(slots=True)
class Plan:
    """The next step: slots to clear, prefixes to share, tokens to compute, in this order."""

    clears: list[int] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)

    @property
    def n_tokens(self) -> int:
        return sum(piece.n_tokens for piece in self.work)


class Scheduler:
    """Admission in order of arrival; each batch takes decode tokens first and prefills with the rest.

    Adapters act on a whole batch, so a batch holds sequences of one effect; where there are several,
    they take turns of a few steps.
    """

    def __init__(
        self,
        n_slots: int,
        n_cells: int,
        n_batch: int,
        n_kept: int = 0,
        speculator: Speculator | None = None,
        pace: PrefillPace | None = None,
        shares: bool = True,
    ) -> None:
        """`speculator` guesses tokens of decoding sequences; None computes one a step. `pace` says how
        much of a prompt is computed beside them; None fills the batch. `shares` False
        keeps sequences apart: prefixes of this model cannot serve others."""
        self._n_batch = n_batch
        self._n_slots = n_slots
        self._cache = KvCache(n_cells, n_slots, n_kept, shares=shares)
        self._speculator = speculator
        self._pace = pace
        self._shares = shares
        self._clears: list[int] = []
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []
        self._turn = NO_EFFECT
        self._n_turn_steps = 0

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, sequence: Sequence) -> None:
        self.waiting.append(sequence)

    def admit(self) -> list[Sequence]:
        """Give slots to waiting sequences while slots and cells last; return those admitted."""
        admitted = []
        while self.waiting and len(self.running) < self._n_slots:
            needed = self._n_promised + self.waiting[0].n_reserved
            self._clears += self._cache.make_room(needed)
            if self._cache.n_free < needed:
                break
            sequence = self.waiting.popleft()
            sequence.slot = self._cache.acquire(sequence.tokens, sequence.effect.key)
            self.running.append(sequence)
            admitted.append(sequence)
        return admitted

    @property
    def _n_promised(self) -> int:
        """Cells the running sequences may still come to need."""
        return sum(s.n_reserved - s.n_past for s in self.running)

    def remove(self, sequence: Sequence) -> None:
        """Take a sequence out; what it has computed may serve others."""
        if sequence.slot is None:
            self.waiting.remove(sequence)
            return
        self._clears += self._cache.release(sequence.slot)
        sequence.slot = None
        self.running.remove(sequence)

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
        self._clears.clear()
        self._cache.forget()

    def plan(self) -> Plan:
        """The next batch: one token of each decoding sequence, then chunks of prompts, oldest first."""
        plan = Plan(self._clears)
        self._clears = []
        if not self.running:
            return plan
        effect = self._next_turn()
        members = [sequence for sequence in self.running if sequence.effect == effect]
        room = self._n_batch
        decoding = [sequence for sequence in members if sequence.is_decoding][:room]
        room -= len(decoding)
        for sequence in decoding:
            draft = self._draft(sequence, len(decoding), room)
            plan.work.append(Work(sequence, sequence.n_past, len(sequence.tokens), True, draft))
            room -= len(draft)
        if self._pace is not None and any(sequence.is_decoding for sequence in self.running):
            room = min(room, self._pace.n_tokens())
        for sequence in members:
            if room and not sequence.is_decoding and self._may_start(sequence, plan):
                end = min(sequence.n_past + room, len(sequence.tokens))
                plan.work.append(Work(sequence, sequence.n_past, end, end == len(sequence.tokens)))
                room -= end - sequence.n_past
        return plan

    def _draft(self, sequence: Sequence, n_decoding: int, room: int) -> tuple[int, ...]:
        """Guesses get no more than half of what decoding leaves, lest prompts wait for them."""
        if self._speculator is None or not sequence.n_completion:
            return ()
        return tuple(self._speculator.draft(sequence, n_decoding)[: room // 2])

    def _may_start(self, sequence: Sequence, plan: Plan) -> bool:
        """Share what is computed of a fresh sequence's prompt; False while more of it is in this batch."""
        if sequence.n_past or not self._shares:
            return True
        assert sequence.slot is not None
        donor, n_shared = self._cache.find(sequence.slot)
        for other in plan.work:
            n = common_prefix(other.sequence.tokens[: other.end], sequence.tokens[:-1])
            if other.end - other.start > 1 and n >= n_shared + _WORTH_WAITING:
                return False
        if n_shared:
            self._cache.share(donor, sequence.slot, n_shared)
            plan.shares.append(Share(donor, sequence.slot, n_shared))
            sequence.n_past = sequence.n_cached = n_shared
        return True

    def _next_turn(self) -> Effect:
        """Whose step it is: the effects of the running sequences in the order they were admitted, for a few
        steps each, but only one that computes prompts."""
        effects = list(dict.fromkeys(sequence.effect for sequence in self.running))
        at = effects.index(self._turn) if self._turn in effects else None
        if at is None or (self._n_turn_steps >= _TURN_STEPS and len(effects) > 1):
            self._turn = effects[0 if at is None else (at + 1) % len(effects)]
            self._n_turn_steps = 0
        members = [s for s in self.running if s.effect == self._turn]
        self._n_turn_steps += 1 if all(s.is_decoding for s in members) else _TURN_STEPS
        return self._turn

    @property
    def is_idle_and_whole(self) -> bool:
        """Whether nothing runs and nothing is lost: the check of conservation for tests and shutdown."""
        return not self.has_work and self._cache.is_idle and self._cache.is_whole
