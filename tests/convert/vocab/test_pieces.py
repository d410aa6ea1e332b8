from __future__ import annotations

from pathlib import Path

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.convert.vocab.pieces import PieceType, read_pieces
from aion.errors import CheckpointError
from tests.convert.conftest import train_tokenizer


def test_pieces_are_what_sentencepiece_says(tokenizer: Path) -> None:
    sp = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
    pieces = read_pieces(tokenizer).pieces
    assert [p.text.decode() for p in pieces] == [sp.id_to_piece(i) for i in range(sp.vocab_size())]
    assert [p.score for p in pieces] == [sp.get_score(i) for i in range(sp.vocab_size())]
    assert [i for i, p in enumerate(pieces) if p.type == PieceType.CONTROL] == [1, 2, 3, 4]
    assert [p.text for p in pieces if p.type == PieceType.USER_DEFINED] == [
        f"[{n}]".encode() for n in range(1, 10)
    ]
    assert sum(p.type == PieceType.BYTE for p in pieces) == 256
    assert pieces[0].type == PieceType.UNKNOWN


@pytest.mark.parametrize("prefix", [True, False])
def test_the_dummy_prefix_is_read(tmp_path: Path, prefix: bool) -> None:
    path = train_tokenizer(tmp_path / "tokenizer.model", add_dummy_prefix=prefix)
    assert read_pieces(path).add_dummy_prefix is prefix


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model_type": "unigram", "vocab_size": 350}, "is a unigram model"),
        ({"normalization_rule_name": "nmt_nfkc"}, "normalises text by b'nmt_nfkc'"),
        ({"remove_extra_whitespaces": True}, "remove_extra_whitespaces = true"),
    ],
)
def test_what_llama_cpp_would_tokenize_otherwise_is_refused(
    tmp_path: Path, options: dict[str, object], says: str
) -> None:
    path = train_tokenizer(tmp_path / "tokenizer.model", **options)
    with pytest.raises(CheckpointError, match=says):
        read_pieces(path)


def test_a_missing_and_a_cut_model_are_refused(tmp_path: Path, tokenizer: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.model is missing"):
        read_pieces(tmp_path / "tokenizer.model")
    (tmp_path / "cut.model").write_bytes(tokenizer.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="not a sentencepiece model"):
        read_pieces(tmp_path / "cut.model")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_but_a_checkpoint_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "tokenizer.model"
    path.write_bytes(data)
    with pytest.raises(CheckpointError):
        read_pieces(path)
