"""The embedded models, opened once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aion.engine.model import Model


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return Path(__file__).parents[1] / "models"


@pytest.fixture(scope="session")
def chat_model(models_dir: Path) -> Iterator[Model]:
    with closing(Model(models_dir / "aion-nano.gguf")) as model:
        yield model


@pytest.fixture(scope="session")
def embed_model(models_dir: Path) -> Iterator[Model]:
    with closing(Model(models_dir / "aion-embed.gguf")) as model:
        yield model
