"""The sentencepiece model and the converted vocabularies that the tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sentencepiece

from tests.convert.tiny import CONFIG, write_folder

SENTENCES = [
    "O Palácio da Pena, em Sintra, abre às 9h30 e fecha às 18h30 todos os dias.",
    "O tour de meio dia visita o centro histórico e a Quinta da Regaleira, com almoço não incluído.",
    "O tour de dia inteiro vai também ao Cabo da Roca e a Cascais; custa 85 euros por pessoa.",
    "O cancelamento é gratuito até 24 horas antes; depois, a agência cobra metade do preço.",
    "Como chego à estação de comboios? O autocarro 434 sai da estação a cada 15 minutos.",
    "Instruções: responda em português, de forma objetiva, e cite as fontes entre colchetes.",
]
OPTIONS: dict[str, Any] = {
    "vocab_size": 420, "model_type": "bpe", "byte_fallback": True, "character_coverage": 0.999,
    "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "add_dummy_prefix": True,
    "split_digits": True, "unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1, "minloglevel": 2,
    "control_symbols": ["[INST]", "[/INST]"],
}  # fmt: skip


def train_tokenizer(path: Path, **options: Any) -> Path:
    """A tiny model in the way of Mistral's; `options` override."""
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES), model_writer=file, **(OPTIONS | options)
        )
    return path


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With user-defined "[1]" to "[9]", as the embedded models have."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    return train_tokenizer(path, user_defined_symbols=[f"[{n}]" for n in range(1, 10)])


@pytest.fixture(scope="session")
def plain_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without user-defined pieces, as Mistral 7B and Llama 2 have it."""
    return train_tokenizer(tmp_path_factory.mktemp("plain") / "tokenizer.model")


@pytest.fixture
def folder(tmp_path: Path, tokenizer: Path) -> Path:
    """A whole and right checkpoint."""
    return write_folder(tmp_path / "checkpoint", tokenizer, CONFIG)
