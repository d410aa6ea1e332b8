"""Whatever stands in a vocabulary's files, reading them ends in a vocabulary or in one sentence."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.read import read_vocabulary
from aion.errors import CheckpointError
from tests.convert.vocab.compared import Json, write_tokenizer
from tests.convert.vocab.test_metaspace import tokenizer_json
from tests.convert.vocab.trained import LLAMA3, as_json, split, train, with_ends

N_VOCAB = 2010
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3000)
    | st.sampled_from(["", "a", "</s>", "é", 1.5, [], {}, [[]]])
)
CONFIG: Json = {
    "bos_token": "<s>", "eos_token": {"content": "</s>"}, "add_prefix_space": True, "legacy": False,
    "added_tokens_decoder": {"7": {"content": "x", "special": True}}, "prefix_token": "a",
}  # fmt: skip


class Samples:
    """Two good tokenizer.json; hypothesis prints what a test is given, so its repr is short."""

    def __init__(self, byte_level: Json, metaspace: Json) -> None:
        self.byte_level, self.metaspace = byte_level, metaspace

    def __repr__(self) -> str:
        return "Samples"


@pytest.fixture(scope="module")
def samples(plain_tokenizer: Path) -> Samples:
    trained = with_ends(train(split(LLAMA3), ["<s>", "</s>"]), "<s>", "</s>")
    return Samples(as_json(trained), as_json(tokenizer_json(plain_tokenizer, "always")))


def broken(data: Json, rng: random.Random, value: object) -> Json:
    """`data` with the field at the end of a random walk replaced."""
    data = copy.deepcopy(data)
    node: Any = data
    while True:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.15:
            node[key] = value
            return data
        node = node[key]


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**20),
    value=VALUES,
    file=st.sampled_from(["tokenizer", "config", "both"]),
)
def test_reading_ends_in_a_vocabulary_or_in_one_sentence(
    tmp_path: Path, samples: Samples, seed: int, value: object, file: str
) -> None:
    rng = random.Random(seed)
    tokenizer = samples.metaspace if seed % 2 else samples.byte_level
    config = CONFIG
    if file != "tokenizer":
        config = broken(CONFIG, rng, value)
    if file != "config":
        tokenizer = broken(tokenizer, rng, value)
    folder = write_tokenizer(tmp_path, N_VOCAB, tokenizer=tokenizer, tokenizer_config=config)
    try:
        tokens = read_vocabulary(Checkpoint(folder)).tokens
    except CheckpointError:
        return
    assert len(tokens) == len({token.text for token in tokens}) == N_VOCAB
    assert all(token.text.decode() for token in tokens)
