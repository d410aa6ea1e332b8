"""The arrays that llama.cpp reads."""

from __future__ import annotations

import numpy as np
import pytest

from aion.engine.token_batch import TokenBatch


@pytest.mark.parametrize("n_embd", [0, 3])
def test_llama_cpp_reads_what_was_filled_in(n_embd: int) -> None:
    inputs = np.arange(15, dtype=np.float32).reshape(5, 3) if n_embd else [7, 8, 9, 7, 6]
    batch = TokenBatch(8, n_embd)
    struct = batch.fill(inputs, [0, 1, 2, 4, 5], [3, 3, 3, 1, 1], [0, 0, 1, 1, 1])
    assert struct.n_tokens == 5
    if n_embd:
        assert not struct.token
        assert struct.embd[:15] == [float(i) for i in range(15)]
    else:
        assert not struct.embd
        assert struct.token[:5] == [7, 8, 9, 7, 6]
    assert struct.pos[:5] == [0, 1, 2, 4, 5]
    assert struct.n_seq_id[:5] == [1] * 5
    assert [struct.seq_id[i][0] for i in range(5)] == [3, 3, 3, 1, 1]
    assert struct.logits[:5] == [0, 0, 1, 1, 1]
    assert batch.fill(inputs[:1], [9], [2], [1]).n_tokens == 1
    assert (struct.pos[0], struct.seq_id[0][0]) == (9, 2)
