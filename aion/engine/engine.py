"""The engine: one thread that owns a context and serves many sequences in one batch.

Other threads talk to it by small messages (`submit`, `abort`, `close`); it answers each sequence
through its sink with any number of Delta and exactly one Finished. A step: take messages, admit,
plan, one `llama_decode`, sample, emit. A failed step ends the live sequences with an error,
rebuilds the context, and the engine goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, replace

from aion.engine.detokenizer import Detokenizer
from aion.engine.gate import ComputeGate
from aion.engine.model import Model
from aion.engine.runner import Runner
from aion.engine.sampler import Sampler
from aion.engine.scheduler import Scheduler, Work
from aion.engine.sequence import Sequence, Sink
from aion.errors import EngineBusy, EngineFailed, InvalidRequest, PromptTooLong
from aion.types import FinishReason, Sampling

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Add:
    sequence: Sequence


@dataclass(frozen=True, slots=True)
class _Abort:
    sequence_id: int


@dataclass(frozen=True, slots=True)
class _Close:
    pass


_Message = _Add | _Abort | _Close


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """A snapshot for /health: what runs, what waits, what was done since the start."""

    n_running: int
    n_waiting: int
    n_steps: int
    n_tokens: int


class Engine:
    """Continuous batching over one model. `submit`, `abort`, `status` and `close` from any thread."""

    def __init__(
        self,
        model: Model,
        *,
        n_ctx: int,
        n_parallel: int,
        n_threads: int,
        n_batch: int = 512,
        n_waiting_max: int = 64,
        gate: ComputeGate | None = None,
        runner_type: type[Runner] = Runner,
    ) -> None:
        """`n_ctx` is the most tokens one sequence may have, prompt and answer together."""
        self.model = model
        self.n_ctx = min(n_ctx, model.n_ctx_train)
        self._n_pending_max = n_parallel + n_waiting_max
        n_cells = self.n_ctx * n_parallel
        self._runner = runner_type(model, n_cells, n_parallel, n_batch, n_threads, gate or ComputeGate())
        self._scheduler = Scheduler(n_parallel, n_cells, n_batch)
        self._mailbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._live: dict[int, Sequence] = {}
        self._lock = threading.Lock()
        self._n_pending = 0
        self._n_steps = self._n_tokens = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="aion-engine", daemon=True)
        self._thread.start()

    def submit(self, prompt: SequenceOf[int], sampling: Sampling, sink: Sink) -> int:
        """Queue a generation; return its id. `sink` is called on the engine thread and must not block.

        Raises PromptTooLong, InvalidRequest for an empty prompt, EngineBusy when too many wait.
        """
        sampling = self._fitted(len(prompt), sampling)
        text = Detokenizer(sampling.stop, drop_leading_space=self.model.generates_leading_space)
        sequence = Sequence(list(prompt), sampling, sink, text)
        with self._lock:
            if self._closing:
                raise EngineBusy("The engine is shutting down; ask again when it is back.", 5)
            if self._n_pending >= self._n_pending_max:
                raise EngineBusy(
                    f"{self._n_pending} requests are under way or waiting, as many as AION_QUEUE allows; "
                    "try again in a moment.",
                    retry_after_s=2,
                )
            self._n_pending += 1
            self._mailbox.put(_Add(sequence))  # under the lock: nothing comes after _Close
        return sequence.id

    def _fitted(self, n_prompt: int, sampling: Sampling) -> Sampling:
        if n_prompt == 0:
            raise InvalidRequest("The prompt is empty; write at least one word.", param="prompt")
        room = self.n_ctx - n_prompt
        if room < 1:
            raise PromptTooLong(
                f"The prompt has {n_prompt} tokens and the context holds {self.n_ctx}, "
                "answer included; shorten the prompt or raise AION_CTX.",
                param="prompt",
            )
        if sampling.max_new_tokens <= room:
            return sampling
        return replace(sampling, max_new_tokens=room)

    def abort(self, sequence_id: int) -> None:
        """End a generation between two steps; its sink gets Finished("abort"). Unknown ids are ignored."""
        self._mailbox.put(_Abort(sequence_id))

    def status(self) -> EngineStatus:
        scheduler = self._scheduler
        return EngineStatus(len(scheduler.running), len(scheduler.waiting), self._n_steps, self._n_tokens)

    @property
    def is_idle_and_whole(self) -> bool:
        """Whether all slots and cells are free again."""
        return not self._live and self._scheduler.is_idle_and_whole

    def close(self) -> None:
        """Abort what lives, stop the thread and free the context. The model stays open."""
        with self._lock:
            self._closing = True
        if self._thread.is_alive():
            self._mailbox.put(_Close())
            self._thread.join()

    # --- the engine thread ---------------------------------------------------------------------

    def _run(self) -> None:
        reason: FinishReason = "abort"
        message = None
        try:
            while self._take_messages():
                self._step()
        except Exception as error:
            _logger.exception("The engine stops: after a failed step it could not be rebuilt.")
            reason, message = "error", f"The engine has stopped ({error}); restart AION."
        self._end_all(reason, message)
        self._runner.close()

    def _end_all(self, reason: FinishReason, message: str | None) -> None:
        """The last act: whatever was submitted, taken from the mailbox or not, gets its Finished."""
        with self._lock:
            self._closing = True
        while not self._mailbox.empty():
            if isinstance(late := self._mailbox.get(), _Add):
                self._add(late.sequence)
        for sequence in list(self._live.values()):
            self._end(sequence, reason, message)

    def _take_messages(self) -> bool:
        """Handle all that has come, waiting only when there is nothing to compute; False to stop."""
        block = not self._scheduler.has_work
        while True:
            try:
                message = self._mailbox.get(block=block)
            except queue.Empty:
                return True
            block = False
            match message:
                case _Add(sequence):
                    self._add(sequence)
                case _Abort(sequence_id) if sequence_id in self._live:
                    self._end(self._live[sequence_id], "abort")
                case _Close():
                    return False

    def _add(self, sequence: Sequence) -> None:
        self._live[sequence.id] = sequence
        self._scheduler.add(sequence)

    def _step(self) -> None:
        try:
            for sequence in self._scheduler.admit():
                sequence.sampler = Sampler(sequence.sampling, self.model.n_vocab)
            if self._scheduler.running:
                self._compute(self._scheduler.plan())
        except EngineFailed as error:
            self._fail(error.message)
        except Exception as error:
            _logger.exception("A step of the engine failed.")
            self._fail(f"The engine failed in a step ({error!r}); ask again.")

    def _compute(self, work: list[Work]) -> None:
        rows = self._runner.decode(work)
        self._n_steps += 1
        for piece, row in zip(work, rows, strict=True):
            piece.sequence.n_past = piece.end
            if piece.samples:
                self._advance(piece.sequence, row)

    def _advance(self, sequence: Sequence, row: int) -> None:
        assert sequence.sampler is not None
        token = sequence.sampler.sample(self._runner.context, row)
        if self.model.is_end(token):
            self._end(sequence, "stop")
            return
        sequence.tokens.append(token)
        self._n_tokens += 1
        text = sequence.detokenizer.push(self.model.piece(token))
        if not self._delivered(sequence, text):
            self._end(sequence, "abort")
        elif sequence.detokenizer.stopped:
            self._end(sequence, "stop")
        elif sequence.n_completion >= sequence.sampling.max_new_tokens:
            self._end(sequence, "length")

    def _delivered(self, sequence: Sequence, text: str) -> bool:
        """Hand text on. A listener that fails costs its own sequence, not those beside it."""
        try:
            sequence.emit(text)
        except Exception:
            _logger.exception("The listener of sequence %d failed.", sequence.id)
            return False
        return True

    def _end(self, sequence: Sequence, reason: FinishReason, error: str | None = None) -> None:
        slot = self._scheduler.remove(sequence)
        if slot is not None:
            self._runner.clear(slot)
        del self._live[sequence.id]
        with self._lock:
            self._n_pending -= 1
        try:
            sequence.finish(reason, error)
        except Exception:
            _logger.exception("The listener of sequence %d failed on its last event.", sequence.id)

    def _fail(self, message: str) -> None:
        _logger.error("%s", message)
        for sequence in list(self._scheduler.running):
            self._end(sequence, "error", message)
        self._runner.rebuild()
