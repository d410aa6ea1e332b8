"""Byte-level BPE under the families' own splitting rules: llama.cpp's ids against transformers'."""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import llama_cpp
import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.read import read_vocabulary
from aion.convert.vocab.vocabulary import Vocabulary
from aion.engine.model import Model
from aion.errors import CheckpointError
from tests.convert.vocab.compared import Json, differing, vocabulary, write_tokenizer, write_vocabulary
from tests.convert.vocab.strings import strings
from tests.convert.vocab.trained import (
    DEEPSEEK3,
    GPT4O,
    LLAMA3,
    N_TRAINED,
    QWEN2,
    QWEN35,
    TEKKEN,
    as_json,
    changed,
    digits_then_gpt2,
    split,
    train,
    with_ends,
)

BOS, EOS, TURN = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"
SPECIAL = (BOS, EOS, TURN)
NAMES = {"bos_token": BOS, "eos_token": TURN}
N_VOCAB = N_TRAINED + 8
FAMILIES = {
    "llama-bpe": (split(LLAMA3), True),
    "smaug-bpe": (split(LLAMA3), False),
    "qwen2": (split(QWEN2), False),
    "qwen35": (split(QWEN35), False),
    "gpt-2": (split(use_regex=True), False),
    "deepseek-v3": (split(*DEEPSEEK3), False),
    "smollm": (digits_then_gpt2(), False),
}
TALKS = [
    f"{BOS}user: olá{TURN}\n\nassistant:",
    f"{TURN}{TURN} {EOS}",
    f"{BOS} {BOS}x",
    "<|eot_id",
    f"é{TURN}é",
]


def save(folder: Path, tokenizer: Tokenizer, **config: Any) -> Path:
    return write_tokenizer(folder, N_VOCAB, tokenizer=as_json(tokenizer), tokenizer_config=NAMES | config)


def read(folder: Path, tokenizer: Json, **files: Json) -> Vocabulary:
    files = {"tokenizer_config": NAMES} | files
    return read_vocabulary(Checkpoint(write_tokenizer(folder, N_VOCAB, tokenizer=tokenizer, **files)))


@pytest.fixture(scope="module")
def llama3() -> Tokenizer:
    return with_ends(changed(train(split(LLAMA3), SPECIAL), ignore_merges=True), BOS)


@pytest.mark.parametrize("name", FAMILIES)
def test_llama_cpp_gives_the_ids_of_transformers(tmp_path: Path, name: str) -> None:
    pre_tokenizer, ignore_merges = FAMILIES[name]
    tokenizer = changed(train(pre_tokenizer, SPECIAL), ignore_merges=ignore_merges)
    folder = save(tmp_path, tokenizer)
    assert read_vocabulary(Checkpoint(folder)).pre == name
    with vocabulary(folder) as model:
        assert differing(model, tokenizer, strings() + TALKS) == []


@pytest.mark.parametrize(("rule", "name"), [(TEKKEN, "tekken"), (GPT4O, "gpt-4o")])
def test_llama_cpp_splits_rules_of_case_otherwise_outside_ascii(tmp_path: Path, rule: str, name: str) -> None:
    r"""llama-vocab.cpp has \p{L} without a-z (without A-Z) for upper (lower) case and no \p{M} in words, so a
    mark is cut off and "ÇÃO" can be cut before the O; texts without such characters are the same."""
    tokenizer = changed(train(split(rule), SPECIAL), ignore_merges=name == "tekken")
    marks_or_case = re.compile(r"[^\W\d_a-zA-Z]")
    texts = strings(1000) + TALKS
    same = [t for t in texts if not any(unicodedata.category(c)[0] == "M" for c in t)]
    same = [t for t in same if not marks_or_case.search(t)]
    with vocabulary(save(tmp_path, tokenizer)) as model:
        assert differing(model, tokenizer, same) == []
        assert differing(model, tokenizer, ["e\u0301", "EXCEÇÃO, ÚLTIMA"]) == ["e\u0301", "EXCEÇÃO, ÚLTIMA"]
        assert len(differing(model, tokenizer, texts)) < len(texts) / 4
    assert len(same) > len(texts) / 4


def test_nfc_is_left_to_the_caller(tmp_path: Path) -> None:
    tokenizer = train(split(QWEN2), SPECIAL, nfc=True)
    folder = save(tmp_path, tokenizer)
    composed = [unicodedata.normalize("NFC", text) for text in strings()]
    with vocabulary(folder) as model:
        assert differing(model, tokenizer, composed) == []
        assert [model.tokenize(text) for text in composed] == [
            tokenizer.encode(text, add_special_tokens=False).ids for text in strings()
        ]
        changes = [text for text, nfc in zip(strings(), composed, strict=True) if text != nfc]
        assert set(differing(model, tokenizer, strings())) <= set(changes)
    assert read_vocabulary(Checkpoint(folder)).normalizer == "nfc"
    with closing(Model(write_vocabulary(folder), vocab_only=True)) as engine_model:
        ids = [engine_model.tokenize(text) for text in strings()]
    assert ids == [tokenizer.encode(text, add_special_tokens=False).ids for text in strings()]


@pytest.mark.parametrize("ends", [("", ""), (BOS, ""), ("", TURN), (BOS, TURN)])
def test_bos_and_eos_are_added_as_transformers_does(
    tmp_path: Path, llama3: Tokenizer, ends: tuple[str, str]
) -> None:
    folder = save(tmp_path, with_ends(llama3, *ends), add_bos_token=not ends[0], add_eos_token=not ends[1])
    flags = read_vocabulary(Checkpoint(folder)).flags
    assert (flags["add_bos_token"], flags["add_eos_token"]) == (bool(ends[0]), bool(ends[1]))
    oracle = PreTrainedTokenizerFast.from_pretrained(str(folder))
    with vocabulary(folder) as model:
        for text in strings(50):
            assert model.tokenize(text, add_special=True) == oracle(text).input_ids


@pytest.mark.parametrize(
    ("family", "tokenizer_class", "name"),
    [
        ("qwen2", "Qwen2Tokenizer", "qwen2"), ("qwen3", "Qwen2Tokenizer", "qwen2"),
        ("llama", "PreTrainedTokenizerFast", "llama-bpe"), ("gpt2", "GPT2Tokenizer", "gpt-2"),
    ],
)  # fmt: skip
def test_whole_folders_give_what_auto_tokenizer_gives(
    tmp_path: Path, family: str, tokenizer_class: str, name: str
) -> None:
    pre_tokenizer, ignore_merges = FAMILIES[name]
    trained = changed(train(pre_tokenizer, SPECIAL, nfc=name == "qwen2"), ignore_merges=ignore_merges)
    config = NAMES | {"unk_token": EOS, "pad_token": EOS, "tokenizer_class": tokenizer_class}
    sizes = {"model_type": family, "bos_token_id": N_TRAINED, "eos_token_id": N_TRAINED + 2}
    folder = write_tokenizer(tmp_path, N_VOCAB, sizes, tokenizer=as_json(trained), tokenizer_config=config)
    oracle = AutoTokenizer.from_pretrained(str(folder))
    with vocabulary(folder) as model:
        for text in (unicodedata.normalize("NFC", text) for text in strings(300) + TALKS):
            assert model.tokenize(text, add_special=True, parse_special=True) == oracle(text).input_ids


def test_merges_come_as_texts_and_as_pairs(tmp_path: Path, llama3: Tokenizer) -> None:
    pairs = as_json(llama3)
    texts = as_json(llama3)
    texts["model"]["merges"] = [" ".join(pair) for pair in pairs["model"]["merges"]]
    assert isinstance(pairs["model"]["merges"][0], list)
    assert read(tmp_path / "a", pairs) == read(tmp_path / "b", texts)


def test_a_rule_without_a_name_for_its_merges_is_taken_where_it_changes_nothing(tmp_path: Path) -> None:
    data = as_json(changed(train(split(QWEN2), SPECIAL), ignore_merges=True))
    assert read(tmp_path, data).pre == "qwen2"
    data["model"]["vocab"]["zzzz"] = len(data["model"]["vocab"]) + 4
    with pytest.raises(CheckpointError, match=r"ignore_merges = true, and llama\.cpp's 'qwen2' works"):
        read(tmp_path, data)


def test_tokens_are_written_with_their_kinds(tmp_path: Path, llama3: Tokenizer) -> None:
    data = as_json(llama3)
    data["added_tokens"].append({"id": N_TRAINED + 3, "content": "[1]", "special": False})
    read_ = read(tmp_path, data)
    names = [(t.text.decode(), t.type.name) for t in read_.tokens[N_TRAINED:]]
    assert names == [
        (BOS, "CONTROL"), (EOS, "CONTROL"), (TURN, "CONTROL"), ("[1]", "USER_DEFINED"),
        *[(f"[PAD{n}]", "UNUSED") for n in range(N_TRAINED + 4, N_VOCAB)],
    ]  # fmt: skip
    assert (read_.model, read_.special["bos"], read_.special["eos"]) == ("gpt2", N_TRAINED, N_TRAINED + 2)


def set_(path: str, value: object) -> Any:
    """A change of one field, by its path."""

    def change(data: Json) -> None:
        *parents, last = path.split(".")
        for key in parents:
            data = data[key]
        data[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_("normalizer", {"type": "NFKC"}), "normalises text by {'type': 'NFKC'}"),
        (set_("model.end_of_word_suffix", "</w>"), "end_of_word_suffix = '</w>'"),
        (set_("model.merges", ["a b c"]), "the merge 'a b c', which is no pair"),
        (set_("model.merges", []), "model.merges = [], no list of pairs"),
        (set_("model.vocab", {"a": "b"}), "maps no texts to ids"),
        (set_("model.vocab", {"a": 0, "b": 0}), "two texts for one id"),
        (set_("model.vocab", {"a": N_VOCAB}), f"{N_VOCAB + 1} pieces, more than the vocab_size = {N_VOCAB}"),
        (set_("post_processor", {"type": "Odd"}), "post_processor 'Odd'"),
        (set_("post_processor", {"type": "TemplateProcessing", "single": []}), "in an unknown form"),
        (set_("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": True}), "add_prefix_space = true"),
    ],
)
def test_what_llama_cpp_would_do_otherwise_is_refused(
    tmp_path: Path, llama3: Tokenizer, change: Any, says: str
) -> None:
    data = as_json(llama3)
    change(data)
    with pytest.raises(CheckpointError, match=re.escape(says)):
        read(tmp_path, data)


def test_a_vocabulary_without_an_end_is_refused(tmp_path: Path, llama3: Tokenizer) -> None:
    with pytest.raises(CheckpointError, match="name no eos_token"):
        read(tmp_path, as_json(llama3), tokenizer_config={"bos_token": BOS})


def test_another_token_before_a_text_is_refused(tmp_path: Path, llama3: Tokenizer) -> None:
    config = {"bos_token": EOS, "eos_token": TURN}
    with pytest.raises(CheckpointError, match=re.escape(f"puts {BOS} before a text")):
        read(tmp_path, as_json(llama3), tokenizer_config=config)


def test_every_token_that_ends_an_answer_is_kept(tmp_path: Path, llama3: Tokenizer) -> None:
    ends = [N_TRAINED, N_TRAINED + 1, N_TRAINED + 2]
    special = read(tmp_path, as_json(llama3), generation_config={"eos_token_id": ends}).special
    assert [special[kind] for kind in ("eos", "eot", "eom")] == [ends[2], ends[0], ends[1]]
    with vocabulary(tmp_path) as model:
        assert all(llama_cpp.llama_vocab_is_eog(model.vocab, token) for token in ends)


QWEN3_EMBEDDING = {"eos_token": "<|im_end|>", "bos_token": None, "pad_token": "<|endoftext|>"}


@pytest.mark.parametrize("ends", [[], [2], [2, 0], [2, 1]])
def test_another_token_after_a_text_becomes_the_eos_and_the_named_one_still_ends(
    tmp_path: Path, ends: list[int]
) -> None:
    """As Qwen3-Embedding has it: <|endoftext|> after a text, and an eos_token <|im_end|>."""
    tokenizer = with_ends(
        train(split(QWEN2), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]), "", "<|endoftext|>"
    )
    declared = {"eos_token_id": [N_TRAINED + i for i in ends]}
    folder = write_tokenizer(
        tmp_path,
        N_VOCAB,
        tokenizer=as_json(tokenizer),
        tokenizer_config=QWEN3_EMBEDDING,
        generation_config=declared,
    )
    special = read_vocabulary(Checkpoint(folder)).special
    kinds = {"eos": N_TRAINED, "eot": N_TRAINED + 2} | (
        {"eot": N_TRAINED + 1, "eom": N_TRAINED + 2} if 1 in ends else {}
    )
    assert {kind: special[kind] for kind in kinds} == kinds
    oracle = AutoTokenizer.from_pretrained(str(folder))
    with vocabulary(folder) as model:
        assert [t for t in strings(200) if model.tokenize(t, add_special=True) != oracle(t).input_ids] == []
        assert all(llama_cpp.llama_vocab_is_eog(model.vocab, token) for token in kinds.values())


def test_more_tokens_after_a_text_or_more_ends_than_a_gguf_holds_are_refused(
    tmp_path: Path, llama3: Tokenizer
) -> None:
    two = as_json(with_ends(llama3, "", EOS))
    template = two["post_processor"]["processors"][1]
    template["single"] *= 2
    template["single"][2:3] = []
    with pytest.raises(CheckpointError, match="can put only one token of the vocabulary there"):
        read(tmp_path, two)
    others = {"eos_token_id": [1, 2, 3, N_TRAINED + 2]}
    with pytest.raises(CheckpointError, match="three other tokens end an answer"):
        read(tmp_path, as_json(with_ends(llama3, "", EOS)), generation_config=others)
