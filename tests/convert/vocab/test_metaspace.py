"""Vocabularies of the sentencepiece kind in tokenizer.json, from Mistral's real one with 32,768 pieces."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import mistral_common
import pytest
import sentencepiece
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import generate_merges

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.pieces import PieceType, read_pieces
from aion.convert.vocab.read import read_vocabulary
from aion.errors import CheckpointError
from tests.convert.tiny import write_json
from tests.convert.vocab.compared import Json, differing, vocabulary, write_tokenizer
from tests.convert.vocab.strings import strings
from tests.convert.vocab.trained import as_json

DATA = Path(mistral_common.__file__).parent / "data"
V3 = DATA / "mistral_instruct_tokenizer_240323.model.v3"
N_VOCAB = 32768
NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
SPACE = "\u2581"
TALKS = ["<s>[INST] Olá[/INST] Sim.</s>", "a</s> b</s>c", "[INST]", *(f"a{' ' * n}b" for n in range(2, 40))]


@cache
def tokenizer_json(model: Path, prefix: str, *, by_score: bool = True) -> Tokenizer:
    """As transformers makes it of a tokenizer.model: all ways to a token are merges, ordered by its score (as
    version 4 does) or id (5)."""
    pieces = read_pieces(model).pieces
    ids = {piece.text.decode(): index for index, piece in enumerate(pieces)}
    scores = {piece.text.decode(): piece.score for piece in pieces} if by_score else None
    merges = generate_merges(ids, scores)
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if prefix == "always":
        steps = [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]
        tokenizer.normalizer = normalizers.Sequence(steps)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prefix, split=False)
    special = [p.text.decode() for p in pieces if p.type in (PieceType.CONTROL, PieceType.UNKNOWN)]
    tokenizer.add_special_tokens([AddedToken(text, normalized=False) for text in special])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 1)])
    return tokenizer


def save(folder: Path, tokenizer: Tokenizer) -> Path:
    n_vocab = tokenizer.get_vocab_size()
    return write_tokenizer(folder, n_vocab, tokenizer=as_json(tokenizer), tokenizer_config=NAMES)


@pytest.mark.parametrize(
    "name", ["tokenizer.model.v1", V3.name, "mistral_instruct_tokenizer_241114.model.v7"]
)
def test_mistrals_own_models_give_the_ids_of_sentencepiece(tmp_path: Path, name: str) -> None:
    folder = write_tokenizer(tmp_path, N_VOCAB)
    shutil.copy(DATA / name, folder / f"tokenizer.model.{name[-2:]}")
    oracle = sentencepiece.SentencePieceProcessor(model_file=str(DATA / name))
    before = " " if read_vocabulary(Checkpoint(folder)).leading_space else ""
    with vocabulary(folder) as model:
        assert [t for t in strings() if t and model.tokenize(before + t) != oracle.encode(t)] == []


def test_the_highest_version_is_taken_and_tokenizer_model_before_it(tmp_path: Path) -> None:
    folder = write_tokenizer(tmp_path, N_VOCAB)
    shutil.copy(DATA / "tokenizer.model.v1", folder / "tokenizer.model.v1")
    shutil.copy(V3, folder / "tokenizer.model.v3")
    assert read_vocabulary(Checkpoint(folder)).tokens[3].text == b"[INST]"
    shutil.copy(DATA / "tokenizer.model.v1", folder / "tokenizer.model")
    assert read_vocabulary(Checkpoint(folder)).tokens[3].text == b"<0x00>"


def test_the_real_vocabulary_with_a_space_before_every_stretch(tmp_path: Path) -> None:
    tokenizer = tokenizer_json(V3, "always")
    folder = save(tmp_path, tokenizer)
    shutil.copy(V3, folder / "tokenizer.model")
    found = read_vocabulary(Checkpoint(folder))
    assert [(t.text, t.score) for t in found.tokens] == [(p.text, p.score) for p in read_pieces(V3).pieces]
    with vocabulary(folder) as model:
        assert differing(model, tokenizer, strings() + TALKS) == []


@pytest.mark.parametrize("by_score", [True, False])
@pytest.mark.parametrize("with_model", [True, False])
def test_a_space_before_every_stretch(
    tmp_path: Path, plain_tokenizer: Path, by_score: bool, with_model: bool
) -> None:
    tokenizer = tokenizer_json(plain_tokenizer, "always", by_score=by_score)
    folder = save(tmp_path, tokenizer)
    if with_model:
        shutil.copy(plain_tokenizer, folder / "tokenizer.model")
    assert read_vocabulary(Checkpoint(folder)).flags["add_space_prefix"] is True
    oracle = PreTrainedTokenizerFast.from_pretrained(str(folder))
    with vocabulary(folder) as model:
        assert differing(model, tokenizer, strings() + TALKS) == []
        assert model.tokenize("Olá", add_special=True) == oracle("Olá").input_ids


def test_the_file_is_followed_where_transformers_5_rebuilds_it_otherwise(
    tmp_path: Path, plain_tokenizer: Path
) -> None:
    """For the Llama family it puts a space before the first stretch only, whatever tokenizer.json says;
    Llama 2 and its descendants were trained with what the file says, and version 4 gave that."""
    folder = save(tmp_path, tokenizer_json(plain_tokenizer, "always"))
    write_json(folder / "config.json", {"model_type": "llama", "vocab_size": N_VOCAB})
    write_json(folder / "tokenizer_config.json", NAMES | {"tokenizer_class": "LlamaTokenizer"})
    as_is = PreTrainedTokenizerFast.from_pretrained(str(folder))
    rebuilt = AutoTokenizer.from_pretrained(str(folder))
    with vocabulary(folder) as model:
        for text in ("Olá", "</s>Olá", "<s>[INST] Olá"):
            assert model.tokenize(text, parse_special=True) == as_is.encode(text, add_special_tokens=False)
        assert model.tokenize("Olá") == rebuilt.encode("Olá", add_special_tokens=False)
        assert model.tokenize("</s>Olá", parse_special=True) != rebuilt.encode(
            "</s>Olá", add_special_tokens=False
        )


def test_a_space_before_the_first_stretch_is_left_to_the_caller(tmp_path: Path) -> None:
    """Mistral-7B-Instruct-v0.3's way. transformers adds none to a text that begins with one, nor before a
    special token."""
    tokenizer = tokenizer_json(V3, "first")
    folder = save(tmp_path, tokenizer)
    found = read_vocabulary(Checkpoint(folder))
    assert (found.flags["add_space_prefix"], found.leading_space) == (False, True)
    spaced = [text for text in strings() if text.startswith((" ", SPACE, "[INST]"))]
    plain = [text for text in strings() if text not in spaced]
    with vocabulary(folder) as model:
        assert differing(model, tokenizer, plain, before=" ") == []
        assert differing(model, tokenizer, [*spaced, *(f"<s>{text}" for text in strings()), TALKS[0]]) == []


def test_no_space_before_a_text(tmp_path: Path, plain_tokenizer: Path) -> None:
    tokenizer = tokenizer_json(plain_tokenizer, "never")
    folder = save(tmp_path, tokenizer)
    found = read_vocabulary(Checkpoint(folder))
    assert (found.flags["add_space_prefix"], found.leading_space) == (False, False)
    with vocabulary(folder) as model:
        assert differing(model, tokenizer, strings() + TALKS) == []


def test_where_the_files_disagree_the_tokenizer_json_is_right(
    tmp_path: Path, plain_tokenizer: Path, tokenizer: Path
) -> None:
    described = tokenizer_json(plain_tokenizer, "always")
    folder = save(tmp_path, described)
    shutil.copy(tokenizer, folder / "tokenizer.model")
    assert read_pieces(tokenizer).pieces[300] != read_pieces(plain_tokenizer).pieces[300]
    with vocabulary(folder) as model:
        assert differing(model, described, strings() + TALKS) == []


@pytest.fixture
def trained() -> Json:
    """A BPE by tokenizers' own trainer: one way to each token, where sentencepiece allows all."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, "never", split=False)
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = BpeTrainer(vocab_size=1200, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(strings(400), trainer)
    return as_json(tokenizer)


def test_merges_that_mean_more_than_an_order_are_refused(tmp_path: Path, trained: Json) -> None:
    folder = write_tokenizer(tmp_path, N_VOCAB, tokenizer=trained, tokenizer_config=NAMES)
    with pytest.raises(
        CheckpointError, match=r"does not join '.+' and '.+', llama\.cpp would, as '.+' is a token"
    ):
        read_vocabulary(Checkpoint(folder))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"normalizer": {"type": "NFKC"}}, "treats text by {'type': 'NFKC'}"),
        ({"normalizer": None, "pre_tokenizer": None}, f"does not write spaces as {SPACE}"),
    ],
)
def test_what_llama_cpp_would_do_otherwise_is_refused(
    tmp_path: Path, plain_tokenizer: Path, change: Json, says: str
) -> None:
    data = as_json(tokenizer_json(plain_tokenizer, "always")) | change
    folder = write_tokenizer(tmp_path, N_VOCAB, tokenizer=data, tokenizer_config=NAMES)
    with pytest.raises(CheckpointError, match=re.escape(says)):
        read_vocabulary(Checkpoint(folder))


def test_a_vocabulary_without_all_bytes_is_refused(tmp_path: Path, plain_tokenizer: Path) -> None:
    data: Any = as_json(tokenizer_json(plain_tokenizer, "always"))
    data["model"]["vocab"]["new"] = data["model"]["vocab"].pop("<0x0A>")
    folder = write_tokenizer(tmp_path, N_VOCAB, tokenizer=data, tokenizer_config=NAMES)
    with pytest.raises(CheckpointError, match=r"no token <0x0A>, and llama\.cpp needs one for every"):
        read_vocabulary(Checkpoint(folder))


def test_words_that_never_join_over_a_space(tmp_path: Path, plain_tokenizer: Path) -> None:
    data: Any = as_json(tokenizer_json(plain_tokenizer, "never"))
    data["pre_tokenizer"]["split"] = True
    folder = write_tokenizer(tmp_path, N_VOCAB, tokenizer=data, tokenizer_config=NAMES)
    assert read_vocabulary(Checkpoint(folder)).model == "llama"
    data["model"]["vocab"][SPACE * 2] = len(data["model"]["vocab"])
    data["model"]["merges"].append([SPACE, SPACE])
    write_tokenizer(tmp_path, N_VOCAB, tokenizer=data)
    with pytest.raises(CheckpointError, match=f"splits words at spaces, yet has the token '{SPACE * 2}'"):
        read_vocabulary(Checkpoint(folder))
