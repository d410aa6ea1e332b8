"""A tiny random f32 model, made by AION's own converter, and engines on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from aion.convert import convert
from aion.engine.config import EngineConfig
from aion.engine.engine import Engine
from aion.engine.model import Model
from aion.engine.runner import Runner
from tests.convert.conftest import train_tokenizer
from tests.convert.tiny import CONFIG, write_folder
from tests.engine.runners import ExactRunner

MakeTiny = Callable[[str | None], Path]


class Endless(Model):
    """Never draws an end token, so that a test knows how long an answer is."""

    def is_end(self, token: int) -> bool:  # noqa: ARG002
        return False


class MakeEngine(Protocol):
    """`options` are those of an EngineConfig."""

    def __call__(
        self,
        model: Model | None = None,
        runner_type: type[Runner] = ExactRunner,
        fingerprint: str | None = None,
        **options: Any,
    ) -> Engine: ...


@pytest.fixture(scope="session")
def make_tiny(tmp_path_factory: pytest.TempPathFactory) -> MakeTiny:
    """Converts a tiny checkpoint that carries the given chat template, or none."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = train_tokenizer(folder / "tokenizer.model")
    checkpoint = write_folder(folder / "checkpoint", tokenizer, CONFIG | {"max_position_embeddings": 512})
    numbers = itertools.count()

    def make(chat_template: str | None) -> Path:
        return convert(checkpoint, folder / f"{next(numbers)}.gguf", "f32", chat_template=chat_template)

    return make


@pytest.fixture(scope="session")
def tiny_path(make_tiny: MakeTiny) -> Path:
    return make_tiny(None)


@pytest.fixture(scope="session")
def tiny_model(tiny_path: Path) -> Iterator[Model]:
    with closing(Endless(tiny_path)) as model:
        yield model


@pytest.fixture(scope="module")
def make_shared(tiny_model: Model) -> Iterator[tuple[Engine, Engine]]:
    """An engine with a small cache of prefixes, and one without."""

    def make(n_kept: int) -> Engine:
        config = EngineConfig(n_ctx=128, n_parallel=3, n_threads=1, n_batch=24, n_kept=n_kept)
        return Engine(tiny_model, config, runner_type=ExactRunner)

    with closing(make(3)) as cached, closing(make(0)) as plain:
        yield cached, plain


@pytest.fixture
def make_engine(tiny_model: Model) -> Iterator[MakeEngine]:
    """Engines on one thread, exact in their numbers; closed at the end."""
    with ExitStack() as stack:

        def make(
            model: Model | None = None,
            runner_type: type[Runner] = ExactRunner,
            fingerprint: str | None = None,
            **options: Any,
        ) -> Engine:
            config = replace(EngineConfig(n_ctx=128, n_parallel=4, n_threads=1), **options)
            engine = Engine(model or tiny_model, config, runner_type=runner_type, fingerprint=fingerprint)
            return stack.enter_context(closing(engine))

        yield make
