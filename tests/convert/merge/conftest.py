"""The bases that the merge tests share, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.convert.lora.conftest import fused, llama, split, tied
from tests.convert.lora.tuned import Tiny, make_base

__all__ = ["fused", "llama", "split", "tied", "wide"]


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Tiny:
    """Rows of 256 values, so that K-quants can hold it."""
    root = tmp_path_factory.mktemp("wide")
    return make_base(root, tokenizer, "Llama", hidden_size=256, intermediate_size=512, initializer_range=0.1)
