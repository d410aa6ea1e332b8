from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aion.convert import Checkpoint, convert
from aion.convert.vocab.pieces import PieceType
from aion.convert.vocab.read import read_vocabulary
from aion.errors import CheckpointError
from tests.convert.llama import Gguf, loaded
from tests.convert.tiny import CONFIG, write_folder, write_json

TEXTS = [
    "O Palácio da Pena abre às 9h30.", "ação, coração, à, Ünï", "🏰 castelo 👩‍👩‍👧 日本", "a\nb\n\nc\r\n",
    "dois  espaços   três",
    "\ttab\t\tfim", "  antes", "depois  ", "veja [1] e [2].", "[1]", "[1][2] [3]\n[4] x", "[10] [1 1] [",
    "<0x0A> <unk>",
    "[INST] não é controle aqui", "\u2581 já", "e\u0301",
]  # fmt: skip
PROMPTS = [
    "Qual a diferença entre o tour de meio dia e o de dia inteiro?\n\nInstruções:\n1. Responda em PT-BR.\n3. "
    "No fim, liste as fontes entre colchetes [1], [2] … e depois Fontes: [1] fonte; [2] fonte\n\n[CONTEXT]\n"
    "[1] Sintra › Horários\nO palácio abre às 9h30.\n\n[2] Preços\n- O tour custa 85 €.\n- Meio dia: 45 €.",
    "[1] no começo", "  espaços antes", "Olá",
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Iterator[Gguf]:
    base = tmp_path_factory.mktemp("cited")
    with loaded(
        convert(write_folder(base / "c", tokenizer, CONFIG), base / "m.gguf"), vocab_only=True
    ) as gguf:
        yield gguf


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, plain_tokenizer: Path) -> Iterator[Gguf]:
    base = tmp_path_factory.mktemp("plain")
    with loaded(
        convert(write_folder(base / "c", plain_tokenizer, CONFIG), base / "m.gguf"), vocab_only=True
    ) as gguf:
        yield gguf


@pytest.fixture(scope="module")
def sp(tokenizer: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))


@pytest.fixture(scope="module")
def plain_sp(plain_tokenizer: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(plain_tokenizer))


@pytest.mark.parametrize("text", TEXTS)
def test_llama_cpp_gives_the_ids_of_sentencepiece(
    model: Gguf, sp: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    assert model.tokenize(" " + text) == sp.encode(text)


@pytest.mark.parametrize("text", TEXTS)
def test_without_user_defined_pieces_llama_cpp_adds_the_space(
    plain: Gguf, plain_sp: sentencepiece.SentencePieceProcessor, text: str
) -> None:
    assert plain.tokenize(text) == plain_sp.encode(text)
    assert plain.tokenize(text, add_special=True) == [1, *plain_sp.encode(text)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.text(
        alphabet=st.sampled_from("aoç Á1[]\n\té🏰Se") | st.characters(codec="utf-8"), min_size=1, max_size=60
    )
)
def test_any_text_has_the_ids_of_sentencepiece(
    model: Gguf, plain: Gguf, sp: sentencepiece.SentencePieceProcessor,
    plain_sp: sentencepiece.SentencePieceProcessor, text: str,
) -> None:  # fmt: skip
    assert model.tokenize(" " + text) == sp.encode(text)
    assert plain.tokenize(text) == plain_sp.encode(text)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_rendered_conversation_has_the_ids_of_training(
    model: Gguf, sp: sentencepiece.SentencePieceProcessor, prompt: str
) -> None:
    answer = "O palácio abre às 9h30. [1]"
    text = f"<s>[INST] {prompt}[/INST] {answer}</s>"
    assert model.tokenize(text, parse_special=True) == [1, 3, *sp.encode(prompt), 4, *sp.encode(answer), 2]


@pytest.mark.parametrize("prompt", ["Olá", "  espaços antes", "linha\nlinha"])
def test_a_plain_vocabulary_needs_no_space_in_the_template(
    plain: Gguf, plain_sp: sentencepiece.SentencePieceProcessor, prompt: str
) -> None:
    ids = plain.tokenize(f"<s>[INST]{prompt}[/INST]", parse_special=True)
    assert ids == [1, 3, *plain_sp.encode(prompt), 4]


def test_the_leading_space_is_llama_cpps_or_the_callers(
    tmp_path: Path, folder: Path, plain_tokenizer: Path
) -> None:
    cited = read_vocabulary(Checkpoint(folder))
    plain = read_vocabulary(Checkpoint(write_folder(tmp_path / "plain", plain_tokenizer, CONFIG)))
    assert (cited.flags["add_space_prefix"], cited.leading_space) == (False, True)
    assert (plain.flags["add_space_prefix"], plain.leading_space) == (True, False)
    write_json(folder / "tokenizer_config.json", {"add_prefix_space": False})
    bare = read_vocabulary(Checkpoint(folder))
    assert (bare.flags["add_space_prefix"], bare.leading_space) == (False, False)


def test_tokens_are_padded_to_the_embedding(folder: Path) -> None:
    tokens = read_vocabulary(Checkpoint(folder)).tokens
    assert len(tokens) == 448
    assert (tokens[420].text, tokens[447].text) == (b"[PAD420]", b"[PAD447]")
    assert tokens[420].type == PieceType.UNUSED


def test_added_tokens_take_their_ids_and_kinds(folder: Path) -> None:
    write_json(folder / "added_tokens.json", {"<|im_start|>": 420, "<a>": 421, "beyond": 448})
    decoder = {
        "0": {"content": "<unk>", "special": True},
        "420": {"content": "<|im_start|>", "special": True},
    }
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder})
    write_json(folder / "tokenizer.json", {"added_tokens": [{"id": 422, "content": "<b>", "special": False}]})
    tokens = read_vocabulary(Checkpoint(folder)).tokens
    assert [(t.text, t.type.name) for t in tokens[420:423]] == [
        (b"<|im_start|>", "CONTROL"), (b"<a>", "USER_DEFINED"), (b"<b>", "USER_DEFINED"),
    ]  # fmt: skip
    assert tokens[0].type == PieceType.UNKNOWN
    write_json(folder / "tokenizer.json", {"added_tokens": ["<b>"]})
    with pytest.raises(CheckpointError, match="added tokens in an unknown form"):
        read_vocabulary(Checkpoint(folder))


def test_special_ids_come_by_name_then_by_number(folder: Path) -> None:
    write_json(folder / "config.json", CONFIG | {"eos_token_id": [2, 5], "pad_token_id": 7})
    write_json(folder / "tokenizer_config.json", {"bos_token": {"content": "<s>"}, "eos_token": "</s>"})
    write_json(folder / "generation_config.json", {"eos_token_id": [2, 4]})
    assert read_vocabulary(Checkpoint(folder)).special == {
        "bos": 1, "eos": 2, "unknown": 0, "padding": 7, "eot": 4,
    }  # fmt: skip


def test_more_pieces_than_rows_are_refused(folder: Path) -> None:
    write_json(folder / "config.json", CONFIG | {"vocab_size": 400})
    with pytest.raises(CheckpointError, match="420 pieces, more than the vocab_size = 400"):
        read_vocabulary(Checkpoint(folder))
