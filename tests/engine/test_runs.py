from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.engine.runs import cut_runs
from tests.convert.vocab.compared import write_tokenizer, write_vocabulary
from tests.convert.vocab.trained import TEKKEN, as_json, split, train

TOKENIZE = """
import sys
from pathlib import Path
from typing import Any
from aion.engine.model import Model
model = Model(Path(sys.argv[1]), vocab_only=True)
for run in ("a" * 300_000, " " * 300_000, "!" * 300_000, "1" * 300_000, "_" * 300_000, "é" * 300_000):
    tokens = model.tokenize(run)
    assert model.detokenize(tokens) == run, run[:3]
"""


@given(st.text(), st.sampled_from("a 1!_é"), st.integers(0, 9000))
def test_nothing_is_lost_and_ordinary_texts_are_whole(text: str, character: str, n: int) -> None:
    assert cut_runs(text) == [text]
    pieces = cut_runs(text + character * n + text)
    assert "".join(pieces) == text + character * n + text
    assert all(len(piece) <= 2 * len(text) + 4000 for piece in pieces)


@pytest.mark.parametrize("character", "a !1_é")
def test_no_run_is_longer_than_2000(character: str) -> None:
    assert [len(piece) for piece in cut_runs(character * 5000)] == [2000, 2000, 1000]


def test_a_long_run_does_not_end_the_process(tmp_path: Path) -> None:
    tokenizer = train(split(TEKKEN), ("<s>", "</s>"))
    files: dict[str, Any] = {"tokenizer": as_json(tokenizer), "tokenizer_config": {"eos_token": "</s>"}}
    path = write_vocabulary(write_tokenizer(tmp_path, tokenizer.get_vocab_size(), **files))
    command = [sys.executable, "-c", TOKENIZE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
