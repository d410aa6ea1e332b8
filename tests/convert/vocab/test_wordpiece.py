"""llama.cpp's WordPiece on AION's vocabulary against transformers; where they part, and why."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import AddedToken, AutoTokenizer

from aion.convert import Checkpoint, convert
from aion.convert.vocab.pieces import PieceType
from aion.convert.vocab.read import read_vocabulary
from aion.errors import CheckpointError
from tests.convert import encoders
from tests.convert.llama import Gguf, loaded
from tests.convert.tiny import write_json
from tests.convert.vocab.strings import classed

Pair = tuple[Any, Gguf]  # transformers' tokenizer, llama.cpp's

# unicode.cpp counts these as spaces; `tokenizers` drops them as control characters.
SPACES_OR_CONTROLS = "\x0b\x0c\x85"


def reasons(text: str, *, lowercase: bool) -> set[str]:
    """Why llama.cpp may cut `text` otherwise; empty: it must cut it the same."""
    found = {"control space"} if any(c in SPACES_OR_CONTROLS for c in text) else set()
    for character in text if lowercase else "":
        parts = [unicodedata.category(c) for c in unicodedata.normalize("NFD", character)]
        if "Mc" in parts or "Me" in parts:
            found.add("mark")  # unicode.h's accent mark is all of \p{M}; BERT strips Mn only
        if sum(part != "Mn" for part in parts) > 1:
            found.add("letters")  # unicode_cpts_normalize_nfd keeps the first code point only
    return found


@pytest.fixture(scope="module", params=[True, False], ids=["lowercase", "cased"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wordpiece") / f"{request.param}"
    n_vocab = encoders.train_wordpiece(folder, lowercase=request.param)
    return encoders.save(encoders.bert(n_vocab), folder)


@pytest.fixture(scope="module")
def pair(made: Path) -> Iterator[Pair]:
    with loaded(convert(made, made.parent / "m.gguf"), vocab_only=True) as model:
        yield AutoTokenizer.from_pretrained(str(made)), model


@pytest.fixture(scope="module")
def is_lowercase(made: Path) -> bool:
    return made.name == "True"


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    return shutil.copytree(made, tmp_path / "checkpoint")


def same(pair: Pair, text: str) -> bool:
    return bool(pair[0](text)["input_ids"] == pair[1].tokenize(text, add_special=True))


def test_the_ids_are_those_of_transformers(pair: Pair, is_lowercase: bool) -> None:
    texts = [text for name, text in classed() if name != "any"]
    parted = [text for text in texts if not same(pair, text)]
    assert [text for text in parted if not reasons(text, lowercase=is_lowercase)] == []
    assert len(parted) / len(texts) < (0.12 if is_lowercase else 0.005)


def test_no_kind_of_latin_text_has_a_reason_to_differ(is_lowercase: bool) -> None:
    kinds = ("portuguese", "english", "code", "urls", "composed", "decomposed", "stacked", "cyrillic")
    for name, text in classed():
        plain = text.replace("\u20d0", "")  # an arrow above, as in formulas
        assert name not in kinds or not reasons(plain, lowercase=is_lowercase), text


def test_any_character_of_the_european_scripts_is_cut_alike(pair: Pair, is_lowercase: bool) -> None:
    """Latin, Greek, Cyrillic, Armenian, and Hebrew: all below U+0600."""
    texts = [f"a{chr(code)}b" for code in range(1, 0x600)]
    assert [t for t in texts if not reasons(t, lowercase=is_lowercase) and not same(pair, t)] == []


def test_characters_younger_than_unicode_8_are_the_rest(pair: Pair, is_lowercase: bool) -> None:
    """Punctuation that the tables of `tokenizers` do not know yet, and llama.cpp's do."""
    parted = [text for name, text in classed() if name == "any" and not same(pair, text)]
    unexplained = [text for text in parted if not reasons(text, lowercase=is_lowercase)]
    assert [c for text in unexplained for c in text if not same(pair, f"a{c}b")] == ["\u2e53", "\u2e58"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a\u0085b", "control space"), ("x\x0cy", "control space"), ("\u0939\u0940", "mark"),
     ("1\ufe0f\u20e3", "mark"), ("\uc11c\uc6b8", "letters")],
)  # fmt: skip
def test_each_difference_is_real(pair: Pair, is_lowercase: bool, text: str, reason: str) -> None:
    expected = is_lowercase or reason == "control space"
    assert same(pair, text) is not expected
    assert (reason in reasons(text, lowercase=is_lowercase)) is expected


def test_a_word_of_more_than_100_characters_is_unknown_to_transformers_only(pair: Pair) -> None:
    assert same(pair, "a" * 100)
    assert pair[0]("a" * 101)["input_ids"][1:-1] == [pair[0].unk_token_id]
    assert len(pair[1].tokenize("a" * 101)) > 1


def test_vocab_txt_alone_gives_the_same_vocabulary(folder: Path) -> None:
    described = read_vocabulary(Checkpoint(folder))
    (folder / "tokenizer.json").unlink()
    assert read_vocabulary(Checkpoint(folder)) == described


@pytest.mark.parametrize(
    "config",
    [
        {"tokenizer_class": "BertTokenizer"},
        {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False},
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": True},
        {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": False},
        {"tokenizer_class": "PreTrainedTokenizerFast"},
    ],
)
def test_case_and_accents_are_those_of_transformers(folder: Path, config: dict[str, Any]) -> None:
    write_json(folder / "tokenizer_config.json", config)
    normalize = AutoTokenizer.from_pretrained(str(folder)).backend_tokenizer.normalizer.normalize_str
    flags = read_vocabulary(Checkpoint(folder)).flags
    assert flags["normalizer.lowercase"] == (normalize("A") == "a")
    assert flags["normalizer.strip_accents"] == (normalize("é") == "e")


def test_only_the_beginnings_of_words_are_marked(folder: Path) -> None:
    ids = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    vocabulary = read_vocabulary(Checkpoint(folder))
    assert vocabulary.tokens[ids["o"]].text.decode() == "\u2581o"
    assert vocabulary.tokens[ids["##o"]].text == b"o"
    assert vocabulary.tokens[ids["[CLS]"]].type == PieceType.CONTROL
    assert vocabulary.special["bos"] == vocabulary.special["cls"] == ids["[CLS]"]
    assert vocabulary.special["seperator"] == ids["[SEP]"]
    assert vocabulary.token_type_count == 2


def test_tokens_are_padded_to_the_embedding(folder: Path) -> None:
    config = Checkpoint(folder).config
    n_vocab = config["vocab_size"]
    write_json(folder / "config.json", config | {"vocab_size": n_vocab + 2})
    tokens = read_vocabulary(Checkpoint(folder)).tokens
    assert [(t.text.decode(), t.type) for t in tokens[n_vocab:]] == [
        (f"[PAD{i}]", PieceType.UNUSED) for i in range(n_vocab, n_vocab + 2)
    ]
    write_json(folder / "config.json", config | {"vocab_size": n_vocab - 1})
    with pytest.raises(CheckpointError, match=f"id {n_vocab - 1}, beyond the vocab_size = {n_vocab - 1}"):
        read_vocabulary(Checkpoint(folder))


def test_a_piece_that_would_look_like_a_beginning_is_never_used(tmp_path: Path, folder: Path) -> None:
    def mark(described: dict[str, Any]) -> None:
        vocab = described["model"]["vocab"]
        vocab["##\u2581"] = vocab.pop("##o")

    edit(folder, mark)
    index = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]["##\u2581"]
    assert read_vocabulary(Checkpoint(folder)).tokens[index].type == PieceType.UNUSED
    unknown = AutoTokenizer.from_pretrained(str(folder))("\u05d0\u4e00\u05d0")["input_ids"]
    with loaded(convert(folder, tmp_path / "m.gguf"), vocab_only=True) as model:
        assert model.tokenize("\u05d0\u4e00\u05d0", add_special=True) == unknown


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change tokenizer.json, and leave nothing else that describes the vocabulary."""
    described = json.loads((folder / "tokenizer.json").read_text())
    change(described)
    write_json(folder / "tokenizer.json", described)
    write_json(folder / "tokenizer_config.json", {})


def without(described: dict[str, Any], piece: str) -> dict[str, Any]:
    vocab = {text: index for text, index in described["model"]["vocab"].items() if text != piece}
    return {"model": described["model"] | {"vocab": vocab}}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["model"].update(continuing_subword_prefix="@@"), "by '@@'; llama.cpp knows '##' only"),
        (lambda d: d["model"].update(vocab=["a"]), "no vocabulary of pieces and ids"),
        (
            lambda d: d.update(added_tokens=[], **without(d, "[SEP]")),
            "names no cls_token, sep_token and unk_token",
        ),
        (lambda d: d.update(normalizer={"type": "NFKC"}), "normalises text by 'NFKC'"),
        (lambda d: d["normalizer"].update(handle_chinese_chars=False), "keeps Chinese characters together"),
        (lambda d: d["normalizer"].update(clean_text=False), "keeps Chinese characters together or control"),
    ],
)
def test_what_llama_cpp_cannot_do_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    edit(folder, change)
    with pytest.raises(CheckpointError, match=says):
        read_vocabulary(Checkpoint(folder))


def test_a_vocabulary_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match=r"vocab\.txt cannot be read"):
        read_vocabulary(Checkpoint(folder))


def test_added_tokens_have_the_ids_of_transformers(folder: Path, tmp_path: Path, is_lowercase: bool) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    first = len(tokenizer)
    tokenizer.add_tokens(["[ENT]", AddedToken("covid19", normalized=False)])
    tokenizer.add_special_tokens({"additional_special_tokens": ["[E1]"]})
    tokenizer.save_pretrained(str(folder))
    config = json.loads((folder / "config.json").read_text())
    model = encoders.bert(first + 4, **{k: config[k] for k in ("max_position_embeddings",)})
    model.save_pretrained(str(folder))
    tokens = read_vocabulary(Checkpoint(folder)).tokens
    assert [(t.text, t.type) for t in tokens[first:]] == [
        (b"[ENT]", PieceType.USER_DEFINED), (b"covid19", PieceType.USER_DEFINED),
        (b"[E1]", PieceType.CONTROL), (f"[PAD{first + 3}]".encode(), PieceType.UNUSED),
    ]  # fmt: skip
    texts = ["o [ENT] palácio", "[ENT]covid19[E1] x", "xcovid19y", "[E1]", "covid 19"]
    with loaded(convert(folder, tmp_path / "m.gguf"), vocab_only=True) as gguf:
        for text in texts:
            expected = tokenizer(text)["input_ids"]
            assert gguf.tokenize(text, add_special=True, parse_special=True) == expected, text
        # Only transformers compares an added token without case, and only one that is `normalized`.
        assert (gguf.tokenize("[ent]", add_special=True) != tokenizer("[ent]")["input_ids"]) is is_lowercase
