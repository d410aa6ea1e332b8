"""Files that are no usable model: one sentence that names the path, and the process lives on."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aion.engine.model import Model
from aion.errors import ModelError


@pytest.fixture(scope="module")
def nano(models_dir: Path) -> bytes:
    return (models_dir / "aion-nano.gguf").read_bytes()


def refusal(path: Path, data: bytes) -> str:
    """The message for a file of these bytes: one line that names the file."""
    path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        Model(path)
    message = caught.value.message
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.gguf does not exist"):
        Model(tmp_path / "absent.gguf")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder.*aion convert"):
        Model(tmp_path)


@pytest.mark.parametrize("data", [b"", b"GGU", b"GGUF\3\0\0\0", b"PK\3\4" + bytes(100), b'{"a": 1}' * 9])
def test_what_is_no_gguf(tmp_path: Path, data: bytes) -> None:
    assert "is not a GGUF file" in refusal(tmp_path / "m.gguf", data)


@pytest.mark.parametrize("share", [0.0001, 0.001, 0.01, 0.2, 0.5, 0.99])
def test_a_truncated_copy(tmp_path: Path, nano: bytes, share: float) -> None:
    assert "is not a model llama.cpp can load" in refusal(tmp_path / "m.gguf", nano[: int(share * len(nano))])


def test_a_copy_without_its_last_byte(tmp_path: Path, nano: bytes) -> None:
    assert "corrupted or incomplete" in refusal(tmp_path / "m.gguf", nano[:-1])


@pytest.mark.parametrize("n_tensors", [0, 1, 999_999, 2**40])
def test_a_header_with_a_wrong_tensor_count(tmp_path: Path, nano: bytes, n_tensors: int) -> None:
    refusal(tmp_path / "m.gguf", nano[:8] + struct.pack("<Q", n_tensors) + nano[16:])


@pytest.mark.parametrize("step", [-1, 1])
def test_a_header_that_is_off_by_one_tensor(tmp_path: Path, nano: bytes, step: int) -> None:
    (n_tensors,) = struct.unpack_from("<Q", nano, 8)
    refusal(tmp_path / "m.gguf", nano[:8] + struct.pack("<Q", n_tensors + step) + nano[16:])


@pytest.mark.parametrize("n_keys", [0, 1, 10**6, 2**62, 2**64 - 1])
def test_a_header_with_a_wrong_key_count(tmp_path: Path, nano: bytes, n_keys: int) -> None:
    refusal(tmp_path / "m.gguf", nano[:16] + struct.pack("<Q", n_keys) + nano[24:])


@pytest.mark.parametrize("version", [0, 1, 4, 2**31])
def test_another_version_of_the_format(tmp_path: Path, nano: bytes, version: int) -> None:
    message = refusal(tmp_path / "m.gguf", nano[:4] + struct.pack("<I", version) + nano[8:])
    assert f"version {version}" in message


def test_an_unknown_architecture_is_named(tmp_path: Path, nano: bytes) -> None:
    llama, other = (struct.pack("<Q", 5) + name for name in (b"llama", b"lzama"))
    assert llama in nano
    message = refusal(tmp_path / "m.gguf", nano.replace(llama, other, 1))
    assert "unknown model architecture: 'lzama'" in message


def test_the_embedded_model_says_what_it_is(chat_model: Model) -> None:
    assert chat_model.n_ctx_train == 2048
    assert chat_model.n_params > 1_000_000
    assert chat_model.chat_template
    assert {"[INST]", "[/INST]", "<s>", "</s>", "<unk>"} <= set(chat_model.control_texts)
    assert chat_model.metadata("no.such.key") is None


@pytest.mark.parametrize("text", ["", " ", "São 12 € e 🙂", "[INST] </s> <unk>", "a\udcffb", "漢字\x00\n"])
def test_text_comes_back_from_its_tokens(chat_model: Model, text: str) -> None:
    tokens = chat_model.tokenize(text)
    assert chat_model.detokenize(tokens) == text.encode("utf-8", "replace").decode()
    assert not {chat_model.bos, chat_model.eos, 0} & set(tokens)


def test_control_tokens_have_no_text_unless_asked(chat_model: Model) -> None:
    assert chat_model.piece(chat_model.eos) == b""
    assert chat_model.piece(chat_model.eos, special=True) == b"</s>"


def test_closing_twice_is_harmless(models_dir: Path) -> None:
    model = Model(models_dir / "aion-nano.gguf", vocab_only=True)
    model.close()
    model.close()
