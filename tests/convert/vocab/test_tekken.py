"""The real tekken vocabulary of Mistral's own files, against mistral-common's tokenizer and transformers'."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mistral_common
import pytest
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizers import Tokenizer
from transformers.integrations.mistral.tokenizer import MistralConverter

from aion.convert.checkpoint import Checkpoint
from aion.convert.vocab.read import read_vocabulary
from aion.convert.vocab.tekken import merges
from aion.errors import CheckpointError
from tests.convert.llama import Gguf
from tests.convert.vocab.compared import differing, vocabulary, write_tokenizer
from tests.convert.vocab.strings import strings
from tests.convert.vocab.trained import as_json

REAL = Path(mistral_common.__file__).parent / "data" / "tekken_240718.json"
N_VOCAB, N_CUT = 131072, 9000
TALK = "<s>[INST]Olá, tudo bem?[/INST]Tudo.</s>"


def folder_with(folder: Path, tekken: Path, n_vocab: int = N_VOCAB, **files: Any) -> Path:
    write_tokenizer(folder, n_vocab, **files)
    (folder / "tekken.json").symlink_to(tekken)
    return folder


def has_mark(text: str) -> bool:
    return any(unicodedata.category(c)[0] == "M" for c in text)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gguf]:
    with vocabulary(folder_with(tmp_path_factory.mktemp("tekken"), REAL)) as gguf:
        yield gguf


@pytest.fixture(scope="module")
def oracle() -> Tekkenizer:
    return Tekkenizer.from_file(REAL)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real file's first N_CUT tokens, quicker to load."""
    data = json.loads(REAL.read_bytes())
    data["config"]["default_vocab_size"] = N_CUT
    data["vocab"] = data["vocab"][:N_CUT]
    path = tmp_path_factory.mktemp("cut") / "tekken.json"
    path.write_text(json.dumps(data))
    return path


@pytest.fixture(scope="module")
def converted(cut: Path) -> Tokenizer:
    """As transformers converts it."""
    return MistralConverter(str(cut)).converted()


def test_llama_cpp_gives_the_ids_of_mistral(model: Gguf, oracle: Tekkenizer) -> None:
    texts = [text for text in strings() if not has_mark(text)]
    assert [t for t in texts if model.tokenize(t) != oracle.encode(t, bos=False, eos=False)] == []
    assert [
        t for t in texts if model.tokenize(t, add_special=True) != oracle.encode(t, bos=True, eos=False)
    ] == []
    assert len(texts) > 0.7 * len(strings())


def test_llama_cpp_cuts_words_before_a_combining_mark(model: Gguf, oracle: Tekkenizer) -> None:
    r"""Its form of the rule (llama-vocab.cpp, tekken) has \p{L} where Mistral's has \p{M} too: Indic scripts
    and Thai, whose vowels are marks, get other ids. Decomposed Portuguese stays the same here."""
    texts = [text for text in strings() if has_mark(text)]
    other = [t for t in texts if model.tokenize(t) != oracle.encode(t, bos=False, eos=False)]
    assert "नमस्ते" in " ".join(other)
    assert len(other) < 0.07 * len(strings())
    assert model.tokenize("ac\u0327a\u0303o") == oracle.encode("ac\u0327a\u0303o", bos=False, eos=False)


def test_llama_cpp_gives_the_ids_of_transformers(tmp_path: Path, cut: Path, converted: Tokenizer) -> None:
    texts = [text for text in strings() if not has_mark(text)]
    with vocabulary(folder_with(tmp_path, cut, N_CUT)) as model:
        assert differing(model, converted, [*texts, TALK, f"{TALK} {TALK}"]) == []


def test_special_tokens_come_first(tmp_path: Path, cut: Path) -> None:
    found, oracle = read_vocabulary(Checkpoint(folder_with(tmp_path, cut, N_CUT))), Tekkenizer.from_file(cut)
    n_special = oracle.num_special_tokens
    assert [t.text.decode() for t in found.tokens[:n_special]] == [
        oracle.id_to_piece(i) for i in range(n_special)
    ]
    assert {t.type.name for t in found.tokens[:n_special]} == {"CONTROL"}
    assert found.special == {
        "bos": oracle.bos_id, "eos": oracle.eos_id, "unknown": oracle.unk_id, "padding": oracle.pad_id,
    }  # fmt: skip
    assert (found.pre, len(found.tokens)) == ("tekken", oracle.n_words)


def test_every_merge_joins_two_tokens_in_the_order_of_ranks() -> None:
    ranked = [b"a", b"b", b" ", b"ab", b"ab ", b"b ", b"aab"]
    assert list(merges(ranked)) == ["a b", "a b\u0120", "ab \u0120", "b \u0120", "a ab"]


def test_mistrals_rule_goes_before_that_of_the_tokenizer_json(
    tmp_path: Path, cut: Path, converted: Tokenizer
) -> None:
    data = as_json(converted)
    data["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = r"\p{N}{1,3}|\s+"
    names = {"bos_token": "<s>", "eos_token": "</s>"}
    both = folder_with(tmp_path, cut, N_CUT, tokenizer=data, tokenizer_config=names)
    found = read_vocabulary(Checkpoint(both))
    assert (found.pre, len(found.merges)) == ("tekken", len(data["model"]["merges"]))
    (both / "tekken.json").unlink()
    with pytest.raises(CheckpointError, match=r"a rule llama\.cpp does not have"):
        read_vocabulary(Checkpoint(both))


def small(**change: Any) -> dict[str, Any]:
    vocab = [{"rank": i, "token_bytes": base64.b64encode(bytes([i])).decode()} for i in range(256)]
    special = [{"rank": i, "token_str": t} for i, t in enumerate(["<unk>", "<s>", "</s>"])]
    pattern = json.loads(REAL.read_bytes())["config"]["pattern"]
    config = {"pattern": pattern, "default_vocab_size": 260, "default_num_special_tokens": 4}
    return {"config": config | change.pop("config", {}), "vocab": vocab, "special_tokens": special} | change


def test_listed_special_tokens_are_taken_and_filled_up(tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text(json.dumps(small()))
    found = read_vocabulary(Checkpoint(folder_with(tmp_path / "c", tmp_path / "small.json")))
    assert [t.text for t in found.tokens[:5]] == [
        b"<unk>",
        b"<s>",
        b"</s>",
        b"<SPECIAL_3>",
        "\u0100".encode(),
    ]
    assert found.tokens[260].text == b"[PAD260]"


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"vocab": [{"rank": 1, "token_bytes": "AA=="}]}, {"vocab": [{"rank": 0}]},
        {"vocab": [{"rank": 0, "token_bytes": "*"}]}, {"config": {"default_num_special_tokens": 2}},
        {"config": {"default_vocab_size": 999}}, {"config": {"pattern": 1}},
    ],
)  # fmt: skip
def test_a_broken_file_is_named(tmp_path: Path, broken: dict[str, Any]) -> None:
    (tmp_path / "broken.json").write_text(json.dumps(small(**broken) if broken else {}))
    with pytest.raises(
        CheckpointError, match=r"tekken\.json is not a tekken vocabulary|llama\.cpp does not have"
    ):
        read_vocabulary(Checkpoint(folder_with(tmp_path / "c", tmp_path / "broken.json")))
