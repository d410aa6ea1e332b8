"""The embedded models, opened once for all tests; property tests draw the same examples every time, so that
a failure is of the change and comes again. New ones: HYPOTHESIS_PROFILE=default pytest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from aion.engine.model import Model

settings.register_profile("same", derandomize=True, deadline=None)
if "HYPOTHESIS_PROFILE" not in os.environ:
    settings.load_profile("same")


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
