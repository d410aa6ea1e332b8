from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import Piece, PieceType
from aion.convert.vocab.rows import one_a_row
from aion.errors import CheckpointError
from tests.convert.vocab.compared import write_tokenizer

N_ROWS = 12
TEXTS = st.sampled_from(["", "a", "b", "c", "é", "[PAD3]", "[PAD5]", "[[PAD5]]"])
ADDED = st.lists(st.tuples(st.integers(0, N_ROWS + 2), TEXTS, st.booleans()), max_size=20)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return Checkpoint(write_tokenizer(tmp_path_factory.mktemp("rows"), N_ROWS))


def base(*texts: str) -> dict[int, Piece]:
    return {i: Piece(text.encode(), 0.0, PieceType.NORMAL) for i, text in enumerate(texts)}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(TEXTS, max_size=N_ROWS), added=ADDED)
def test_every_row_has_a_text_of_its_own(
    checkpoint: Checkpoint, texts: list[str], added: list[tuple[int, str, bool]]
) -> None:
    """What llama.cpp asserts; a second one ends the process."""
    tokens = one_a_row(checkpoint, base(*texts), added, "tokenizer.json")
    assert len(tokens) == len({token.text for token in tokens}) == N_ROWS
    assert all(token.text for token in tokens)


def test_an_added_token_the_vocabulary_has_is_that_token(checkpoint: Checkpoint) -> None:
    tokens = one_a_row(checkpoint, base("a", "b", "c"), [(7, "b", True)], "tokenizer.json")
    assert (tokens[1].type, tokens[7].text) == (PieceType.CONTROL, b"[PAD7]")


def test_the_last_file_to_name_a_row_is_right(checkpoint: Checkpoint) -> None:
    added = [(5, "x", False), (5, "y", True), (1, "new", False)]
    tokens = one_a_row(checkpoint, base("a", "b"), added, "tokenizer.json")
    assert [(t.text, t.type.name) for t in (tokens[1], tokens[5])] == [
        (b"new", "USER_DEFINED"), (b"y", "CONTROL"),
    ]  # fmt: skip


def test_tokens_beyond_the_rows(checkpoint: Checkpoint) -> None:
    assert len(one_a_row(checkpoint, {}, [(N_ROWS, "beyond", True)], "tokenizer.json")) == N_ROWS
    with pytest.raises(CheckpointError, match=f"tokenizer.json has {N_ROWS + 1} pieces, more than the vocab"):
        one_a_row(checkpoint, {N_ROWS: base("a")[0]}, [], "tokenizer.json")


def test_special_pieces_stay_what_the_model_says(checkpoint: Checkpoint, tmp_path: Path) -> None:
    unknown = {0: Piece(b"<unk>", 0.0, PieceType.UNKNOWN)}
    assert (
        one_a_row(checkpoint, unknown, [(0, "<unk>", True)], "tokenizer.model")[0].type == PieceType.UNKNOWN
    )
