"""The bases that the adapter tests share, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.convert.lora.tuned import Tiny, fuse, make_base

Root = pytest.TempPathFactory


@pytest.fixture(scope="session")
def llama(tmp_path_factory: Root, tokenizer: Path) -> Tiny:
    """Queries and keys are turned to pairs; head_dim is not n_embd / n_head."""
    return make_base(tmp_path_factory.mktemp("llama"), tokenizer, "Llama", head_dim=32)


@pytest.fixture(scope="session")
def tied(tmp_path_factory: Root, tokenizer: Path) -> Tiny:
    """Biases beside queries, keys and values; the output is the embedding's table."""
    return make_base(tmp_path_factory.mktemp("tied"), tokenizer, "Qwen2", tie_word_embeddings=True)


@pytest.fixture(scope="session")
def split(tmp_path_factory: Root, tokenizer: Path) -> Tiny:
    """The same model as `fused`, in Llama's matrices."""
    return make_base(tmp_path_factory.mktemp("split"), tokenizer, "Llama", rms_norm_eps=1e-5)


@pytest.fixture(scope="session")
def fused(tmp_path_factory: Root, split: Tiny) -> Tiny:
    """The same model as `split`, in Phi-3's matrices."""
    return fuse(split, tmp_path_factory.mktemp("fused"))
