"""What the scheduler asks of the runner for one step: plain data, no llama call."""

from __future__ import annotations

from dataclasses import dataclass, field

from aion.engine.sequence import Sequence


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
class Clear:
    """Forget what is computed in `slot` from token `n_past` on."""

    slot: int
    n_past: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """`slot` takes the first `n_tokens` cells of `donor` as its own, or a copy of them."""

    donor: int
    slot: int
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Filler:
    """A token of no meaning in `slot` after the `n_past` that are there, to be forgotten at once."""

    slot: int
    n_past: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How slots follow each other in the batch, those of `fillers` among them; () as they come."""

    order: tuple[int, ...] = ()
    fillers: tuple[Filler, ...] = ()


AS_IT_COMES = Layout()


@dataclass(slots=True)
class Plan:
    """The next step: changes of the KV cache in the order in which they hold, then tokens to compute."""

    changes: list[Clear | Share] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    layout: Layout = AS_IT_COMES

    @property
    def n_tokens(self) -> int:
        return sum(piece.n_tokens for piece in self.work)

    @property
    def shares(self) -> list[Share]:
        return [change for change in self.changes if isinstance(change, Share)]
