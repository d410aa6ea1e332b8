"""What engines tell of themselves: counted exactly, and never less after a model was replaced."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

from aion.answer.prompt import plain_prompt
from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.engine.serving import Loaded, Serving
from aion.engine.status import STEP_SIZES, EngineStatus
from aion.engine.tally import Tally
from aion.engine.template import ChatTemplate
from aion.types import Finished, GenerationEvent, Sampling, Usage
from tests.server.live import wait_until

PROMPT = list(range(20, 60))
GREEDY = Sampling(temperature=0.0, max_new_tokens=6, ignore_eos=True)


def _loaded(models_dir: Path, n_parallel: int = 2) -> Loaded:
    model = Model(models_dir / "aion-nano.gguf")
    engine = Engine(model, EngineConfig(512, n_parallel, 1, n_kept=2))
    return Loaded(model, engine, ChatTemplate(model, plain_prompt))


def _generated(engine: Engine, prompt: Sequence[int] = PROMPT) -> Usage:
    ended: Future[Usage] = Future()

    def sink(event: GenerationEvent) -> None:
        if isinstance(event, Finished):
            ended.set_result(event.usage)

    engine.submit(prompt, GREEDY, sink)
    return ended.result(60)


def test_prompts_and_what_of_them_was_reused(models_dir: Path) -> None:
    loaded = _loaded(models_dir)
    with closing(loaded):
        usages = [_generated(loaded.engine) for _ in range(3)]
        wait_until(lambda: loaded.engine.status().n_pending == 0, "the last to end")
        status = loaded.engine.status()
    assert status.n_admitted == 3
    assert status.n_prompt == 3 * len(PROMPT)
    assert status.n_tokens == sum(usage.n_completion for usage in usages) == 18
    assert status.n_reused == sum(usage.n_cached for usage in usages) > 0
    assert status.n_hits == sum(usage.n_cached > 0 for usage in usages) == 2
    assert status.n_computed >= status.n_prompt - status.n_reused + status.n_tokens - 3
    assert sum(status.step_sizes) == status.n_steps == status.step_sizes[0] == status.n_computed_together
    assert (status.n_running, status.n_cells_used) == (0, 0)
    assert status.n_cells >= 1024
    assert status.compute_s > 0


def test_nothing_that_was_done_is_lost_with_a_model(models_dir: Path) -> None:
    first, second = _loaded(models_dir), _loaded(models_dir)
    with closing(Serving(first)) as serving:
        _generated(first.engine)
        with serving.lease():
            serving.replace(second)
            _generated(first.engine)
            assert serving.status().n_tokens == 12
            assert serving.status().n_cells == 2 * second.engine.status().n_cells
        wait_until(lambda: serving.n_retired == 0, "the first to be freed")
        _generated(second.engine)
        status = serving.status()
    assert (status.n_tokens, status.n_admitted, serving.n_swaps) == (18, 3, 1)
    assert status.n_cells == second.engine.status().n_cells


def test_steps_are_counted_by_their_size() -> None:
    tally = Tally()
    for n_sequences in (1, 2, 3, 64, 65):
        tally.stepped(n_sequences, n_tokens=10, seconds=0.5)
    assert dict(zip([*STEP_SIZES, 0], tally.step_sizes, strict=True)) == {
        1: 1, 2: 1, 4: 1, 8: 0, 16: 0, 32: 0, 64: 1, 0: 1,
    }  # fmt: skip
    assert (tally.n_computed, tally.n_together, tally.compute_s) == (50, 135, 2.5)


def test_two_engines_are_told_of_as_one() -> None:
    one = EngineStatus(1, 2, 3, 4, 5, 6, 7, n_cells=8, step_sizes=(1, 0, 0, 0, 0, 0, 0, 2))
    both = one + one
    assert (both.n_running, both.n_tokens, both.n_cells) == (2, 8, 16)
    assert both.step_sizes == (2, 0, 0, 0, 0, 0, 0, 4)
    assert (one.ended().n_running, one.ended().n_cells, one.ended().n_tokens) == (0, 0, 4)
