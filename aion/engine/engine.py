"""The engine: one thread that owns a context and serves many sequences in one batch.

Other threads talk to it by small messages (`submit`, `abort`, `close`); it answers each sequence
through its sink with any number of Delta and exactly one Finished. A step: take messages, let the
batcher compute, emit. A failed step ends the live sequences with an error,
rebuilds the context, and the engine goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence as SequenceOf

from aion.engine.adapters import Adapters
from aion.engine.answer_length import fitted
from aion.engine.batcher import Batcher
from aion.engine.config import EngineConfig
from aion.engine.detokenizer import Detokenizer
from aion.engine.gate import ComputeGate
from aion.engine.messages import Abort, Add, Close, Free, Late, Message
from aion.engine.model import Model
from aion.engine.runner import Runner
from aion.engine.sampler import Sampler
from aion.engine.sequence import Sequence, Sink
from aion.engine.status import EngineStatus
from aion.engine.timeouts import Timeouts
from aion.errors import EngineBusy, EngineFailed
from aion.types import AdapterChoice, ErrorCause, FinishReason, Priority, Sampling

_logger = logging.getLogger(__name__)


class Engine:
    """Continuous batching over one model. `submit`, `abort`, `status` and `close` from any thread."""

    def __init__(
        self,
        model: Model,
        config: EngineConfig,
        *,
        gate: ComputeGate | None = None,
        runner_type: type[Runner] = Runner,
        fingerprint: str | None = None,
    ) -> None:
        """`fingerprint` identifies the base, so that adapters of another are refused."""
        gate = gate or ComputeGate()
        self.model = model
        self.n_ctx = config.n_ctx_for(model)
        self._config = config
        self._batcher = Batcher(model, config, gate, runner_type)
        self._mailbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._timeouts = Timeouts(config.queue_timeout_s, self._mailbox.put, self._time_out)
        self.adapters = Adapters(
            model, gate, config.n_threads, lambda: self._mailbox.put(Free()), fingerprint=fingerprint
        )
        self._live: dict[int, Sequence] = {}
        self._lock = threading.Lock()
        self._n_pending = 0
        self._n_tokens = 0
        self._is_checked = True
        self._closing = False
        self.failure = ""
        """Why the engine has stopped for good, "" while it works."""
        self._thread = threading.Thread(target=self._run, name="aion-engine", daemon=True)
        self._thread.start()

    def submit(
        self,
        prompt: SequenceOf[int],
        sampling: Sampling,
        sink: Sink,
        adapters: SequenceOf[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
    ) -> int:
        """Queue a generation; return its id. `sink` is called on the engine thread and must not block.

        It keeps the versions of `adapters` (None: the default) that are live now. What is not complete in
        `timeout_s` seconds ends with an error. Raises PromptTooLong, InvalidRequest for an empty
        prompt, an unknown adapter or a `sampling` that cannot be, EngineBusy when too many wait.
        """
        sampling = fitted(sampling, len(prompt), self.n_ctx, self.model.n_ctx_train)
        text = Detokenizer(sampling.stop, drop_leading_space=self.model.generates_leading_space)
        effect = self.adapters.acquire(adapters)
        sequence = Sequence(list(prompt), sampling, sink, text, effect, priority=priority)
        try:
            sequence.sampler = Sampler(sampling, self.model, prompt)
            self._enqueue(sequence)
        except BaseException:  # nothing may keep an adapter from being freed
            self.adapters.release(effect)
            self._mailbox.put(Free())
            if sequence.sampler is not None:
                sequence.sampler.close()
            raise
        self._timeouts.watch(sequence.id, timeout_s)
        if sequence.finished:  # before it was watched, so that `_end` found nothing to forget
            self._timeouts.forget(sequence.id)
        return sequence.id

    def _enqueue(self, sequence: Sequence) -> None:
        with self._lock:
            if self.failure:
                raise EngineFailed(self.failure)
            if self._closing:
                raise EngineBusy("The engine is shutting down; ask again when it is back.", 5)
            if self._n_pending >= self._config.n_parallel + self._config.n_waiting_max:
                raise EngineBusy(
                    f"{self._n_pending} requests are under way or waiting, as many as AION_QUEUE allows; "
                    "try again in a moment.",
                    retry_after_s=2,
                )
            self._n_pending += 1
            self._mailbox.put(Add(sequence))  # under the lock: nothing comes after Close

    def _time_out(self, late: Late) -> None:
        self._mailbox.put(late)
        self._batcher.interrupt(late.sequence_id)

    def abort(self, sequence_id: int) -> None:
        """End a generation at once; its sink gets Finished("abort"). Unknown ids are ignored.

        A batch that computes a part of its prompt is given up; what else was in it is computed again.
        """
        self._mailbox.put(Abort(sequence_id))
        self._batcher.interrupt(sequence_id)

    def status(self) -> EngineStatus:
        """A snapshot of plain numbers; waits for nothing."""
        batcher, tally = self._batcher, self._batcher.tally
        return EngineStatus(
            n_running=len(batcher.running),
            n_waiting=batcher.n_waiting,
            n_steps=batcher.n_steps,
            n_tokens=self._n_tokens,
            n_drafted=batcher.n_drafted,
            n_accepted=batcher.n_accepted,
            n_preempted=batcher.n_preempted,
            n_pending=self._n_pending,
            n_cells=batcher.n_cells,
            n_cells_used=batcher.n_cells_used,
            n_admitted=tally.n_admitted,
            n_prompt=tally.n_prompt,
            n_hits=tally.n_hits,
            n_reused=tally.n_reused,
            n_computed=tally.n_computed,
            n_computed_together=tally.n_together,
            compute_s=tally.compute_s,
            step_sizes=tuple(tally.step_sizes),
        )

    @property
    def is_idle_and_whole(self) -> bool:
        """Whether all slots and cells are free again."""
        return not self._live and self._batcher.is_idle_and_whole

    def close(self) -> None:
        """Abort what lives, stop the thread and free the context. The model stays open."""
        self.adapters.close()
        self._timeouts.close()
        with self._lock:
            self._closing = True
        if self._thread.is_alive():
            self._mailbox.put(Close())
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
            self.failure = message
        self._end_all(reason, message)
        self._batcher.close()

    def _end_all(self, reason: FinishReason, message: str | None) -> None:
        """The last act: whatever was submitted, taken from the mailbox or not, gets its Finished."""
        with self._lock:
            self._closing = True
        while not self._mailbox.empty():
            if isinstance(late := self._mailbox.get(), Add):
                self._add(late.sequence)
        for sequence in list(self._live.values()):
            self._end(sequence, reason, message)

    def _take_messages(self) -> bool:
        """Handle all that has come, waiting only when there is nothing to compute; False to stop."""
        block = not self._batcher.has_work
        if block:
            self._check_whole()
        while True:
            try:
                message = self._mailbox.get(block=block)
            except queue.Empty:
                return True
            block = False
            match message:
                case Add(sequence):
                    self._add(sequence)
                case Abort(sequence_id) if sequence_id in self._live:
                    self._end(self._live[sequence_id], "abort")
                case Late(sequence_id) if sequence_id in self._live:
                    self._late(self._live[sequence_id], message)
                case Free():
                    self._free_unused()
                case Close():
                    return False

    def _check_whole(self) -> None:
        """Nothing runs: every slot and cell must be free or kept. What is lost would never come back, so the
        context is made anew."""
        if self._is_checked:
            return
        self._is_checked = True
        if self.is_idle_and_whole:
            return
        _logger.error("Slots or KV cells were lost; the context is made anew.")
        for sequence in list(self._live.values()):
            self._end(sequence, "error", "The engine lost track of the request; ask again.")
        self._batcher.rebuild()

    def _late(self, sequence: Sequence, late: Late) -> None:
        if late.cause == "timeout" or not sequence.has_begun:
            self._end(sequence, "error", late.error, late.cause)

    def _free_unused(self) -> None:
        for adapter in self.adapters.unused():
            self._batcher.free(adapter)

    def _add(self, sequence: Sequence) -> None:
        self._live[sequence.id] = sequence
        self._batcher.add(sequence)

    def _step(self) -> None:
        self._is_checked = False
        try:
            for sampled in self._batcher.step():
                if sampled.failure and not sampled.sequence.finished:
                    self._end(sampled.sequence, "error", sampled.failure)
                for token in sampled.tokens:
                    if not sampled.sequence.finished:
                        self._take(sampled.sequence, token)
        except EngineFailed as error:
            self._fail(error.message)
        except Exception as error:
            _logger.exception("A step of the engine failed.")
            self._fail(f"The engine failed in a step ({error!r}); ask again.")

    def _take(self, sequence: Sequence, token: int) -> None:
        if self.model.is_end(token):
            self._end(sequence, "stop")
            return
        sequence.tokens.append(token)
        self._n_tokens += 1
        text = sequence.detokenizer.push(self._piece(sequence, token))
        if not self._delivered(sequence, text):
            self._end(sequence, "abort")
        elif sequence.detokenizer.stopped:
            self._end(sequence, "stop")
        elif sequence.n_completion >= sequence.sampling.max_new_tokens:
            self._end(sequence, "length")

    def _piece(self, sequence: Sequence, token: int) -> bytes:
        return self.model.piece(token) if sequence.sampler is None else sequence.sampler.piece(token)

    def _delivered(self, sequence: Sequence, text: str) -> bool:
        """Hand text on. A listener that fails costs its own sequence, not those beside it."""
        try:
            sequence.emit(text)
        except Exception:
            _logger.exception("The listener of sequence %d failed.", sequence.id)
            return False
        return True

    def _end(
        self,
        sequence: Sequence,
        reason: FinishReason,
        error: str | None = None,
        cause: ErrorCause = "failed",
    ) -> None:
        self._batcher.remove(sequence)
        del self._live[sequence.id]
        with self._lock:
            self._n_pending -= 1
        self.adapters.release(sequence.effect)
        if any(adapter.is_retired for adapter, _ in sequence.effect.parts):
            self._free_unused()
        try:
            sequence.finish(reason, error, cause)
        except Exception:
            _logger.exception("The listener of sequence %d failed on its last event.", sequence.id)
        self._timeouts.forget(sequence.id)

    def _fail(self, message: str) -> None:
        _logger.error("%s", message)
        for sequence in self._batcher.running:
            self._end(sequence, "error", message)
        self._batcher.rebuild()
