"""llama.cpp's unigram on AION's vocabulary against sentencepiece, and where transformers parts from both."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from aion.convert import Checkpoint, convert
from aion.convert.vocab.pieces import PieceType, read_unigram_pieces
from aion.convert.vocab.read import read_vocabulary
from aion.errors import CheckpointError
from tests.convert import encoders
from tests.convert.llama import Gguf, loaded
from tests.convert.tiny import write_json
from tests.convert.vocab.strings import classed, strings

MODEL = "sentencepiece.bpe.model"
N_ROWS = encoders.N_UNIGRAM + 3


def reasons(text: str) -> set[str]:
    """Why `tokenizers` may cut `text` otherwise than sentencepiece; empty: it must cut it the same."""
    found = {"next line"} if "\x85" in text else set()  # WhitespaceSplit drops it, sentencepiece does not
    previous = False
    for character in text:
        mark = unicodedata.category(character) in ("Mn", "Me")
        if mark and previous:
            found.add("marks")  # of a letter with several marks `tokenizers` normalises only a part
        previous = mark
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With tokenizer.json and with sentencepiece's own file, and a few rows more than pieces."""
    folder = tmp_path_factory.mktemp("unigram") / "checkpoint"
    folder.mkdir()
    encoders.write_unigram(folder, encoders.train_unigram(folder / MODEL))
    return encoders.save(encoders.xlm_roberta(N_ROWS), folder)


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "checkpoint")


@pytest.fixture(scope="module")
def model(made: Path) -> Iterator[Gguf]:
    with loaded(convert(made, made.parent / "m.gguf"), vocab_only=True) as gguf:
        yield gguf


@pytest.fixture(scope="module")
def sp(made: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(made / MODEL))


def realigned(sp: sentencepiece.SentencePieceProcessor, text: str) -> list[int]:
    """XLM-RoBERTa's ids: <s>, sentencepiece's moved by one, </s>."""
    return [0, *(3 if i == sp.unk_id() else i + 1 for i in sp.encode(text)), 2]


def test_the_ids_are_those_of_sentencepiece(model: Gguf, sp: sentencepiece.SentencePieceProcessor) -> None:
    for text in strings():
        assert model.tokenize(text, add_special=True) == realigned(sp, text), ascii(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(alphabet=st.sampled_from("aoç Á\n\té🏰ﬁ①") | st.characters(codec="utf-8"), max_size=60))
def test_any_text_has_the_ids_of_sentencepiece(
    model: Gguf, sp: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    assert model.tokenize(text, add_special=True) == realigned(sp, text)


def test_the_ids_are_those_of_transformers(model: Gguf, made: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(made))
    texts = strings()
    parted = [t for t in texts if tokenizer(t)["input_ids"] != model.tokenize(t, add_special=True)]
    assert [text for text in parted if not reasons(text)] == []
    assert len(parted) / len(texts) < 0.06
    assert not any(
        reasons(t) for name, t in classed() if name in ("portuguese", "english", "code", "composed")
    )


@pytest.mark.parametrize("text", ["a\x85b", "a\u0308\u0304", "s\u0323\u0307"])
def test_each_difference_is_of_tokenizers_with_sentencepiece(
    made: Path, sp: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(made))
    assert reasons(text)
    assert tokenizer(text)["input_ids"] != realigned(sp, text)


def test_both_files_give_the_same_vocabulary(folder: Path) -> None:
    described = read_vocabulary(Checkpoint(folder))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert read_vocabulary(Checkpoint(folder)) == described


def test_pieces_are_realigned_and_padded(made: Path, sp: sentencepiece.SentencePieceProcessor) -> None:
    vocabulary = read_vocabulary(Checkpoint(made))
    texts = [piece.text.decode() for piece in vocabulary.tokens]
    assert texts[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    mask = vocabulary.special["mask"]
    assert texts[4:mask] == [sp.id_to_piece(i) for i in range(3, sp.vocab_size())]
    assert (texts[mask], vocabulary.tokens[mask].type) == ("<mask>", PieceType.CONTROL)
    assert (vocabulary.special["bos"], vocabulary.special["eos"], vocabulary.special["unknown"]) == (0, 2, 3)
    assert len(texts) == N_ROWS
    assert vocabulary.tokens[-1].type == PieceType.UNUSED
    assert vocabulary.token_type_count == 1


@pytest.mark.parametrize("merges", [True, False])
def test_spaces_are_kept_where_the_model_keeps_them(tmp_path: Path, folder: Path, merges: bool) -> None:
    (folder / "tokenizer.json").unlink()
    encoders.train_unigram(folder / MODEL, remove_extra_whitespaces=merges)
    sp = sentencepiece.SentencePieceProcessor(model_file=str(folder / MODEL))
    with loaded(convert(folder, tmp_path / "m.gguf"), vocab_only=True) as model:
        for text in ("a", "  a  b ", "dois  espaços   três"):
            assert model.tokenize(text, add_special=True) == realigned(sp, text)


@pytest.mark.parametrize("scheme", ["always", "never"])
@pytest.mark.parametrize("splits", [True, False])
def test_splitting_is_that_of_the_file(tmp_path: Path, folder: Path, scheme: str, splits: bool) -> None:
    space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": True}
    steps = [{"type": "WhitespaceSplit"}, space] if splits else [space]
    edit(folder, lambda d: d.update(pre_tokenizer={"type": "Sequence", "pretokenizers": steps}))
    flags = read_vocabulary(Checkpoint(folder)).flags
    assert flags["add_space_prefix"] is (scheme == "always")
    assert flags["remove_extra_whitespaces"] is splits


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    described = json.loads((folder / "tokenizer.json").read_text())
    change(described)
    write_json(folder / "tokenizer.json", described)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["model"].update(byte_fallback=True), "falls back to bytes"),
        (lambda d: d.update(normalizer={"type": "NFKC"}), "normalises text by 'NFKC'"),
        (lambda d: d.update(pre_tokenizer={"type": "Whitespace"}), "splits text by 'Whitespace'"),
        (lambda d: d["model"].pop("unk_id"), "no Unigram tokenizer"),
        (lambda d: d["model"].update(vocab=[["a"]]), "no Unigram tokenizer"),
        (lambda d: d["normalizer"].update(precompiled_charsmap="="), "no Unigram tokenizer"),
        (lambda d: d["model"]["vocab"].__setitem__(7, d["model"]["vocab"][8]), "two ids, 7 and 8"),
        (lambda d: d["model"]["vocab"].extend([["x", 0.0]] * 9), "more than the vocab_size"),
        (lambda d: d["model"].update(unk_id=N_ROWS), "has no bos_token, eos_token or unknown token"),
    ],
)  # fmt: skip
def test_what_llama_cpp_cannot_do_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    edit(folder, change)
    with pytest.raises(CheckpointError, match=says):
        read_vocabulary(Checkpoint(folder))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model_type": "bpe"}, "is a BPE model, and this architecture takes unigram only"),
        ({"byte_fallback": True}, "byte_fallback = true"),
        ({"treat_whitespace_as_suffix": True}, "marks spaces otherwise"),
        ({"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}, "begins with <pad>, <unk>, <s>"),
    ],
)
def test_a_sentencepiece_model_of_another_kind_is_refused(
    folder: Path, options: dict[str, Any], says: str
) -> None:
    (folder / "tokenizer.json").unlink()
    encoders.train_unigram(folder / MODEL, **options)
    with pytest.raises(CheckpointError, match=says):
        read_vocabulary(Checkpoint(folder))


def test_normalisation_is_that_of_the_model(made: Path) -> None:
    described = json.loads((made / "tokenizer.json").read_text())
    assert read_unigram_pieces(made / MODEL).charsmap == read_vocabulary(Checkpoint(made)).charsmap != b""
    assert described["normalizer"]["type"] == "Precompiled"
