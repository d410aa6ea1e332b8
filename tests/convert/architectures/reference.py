"""Tiny random models of transformers, saved as checkpoints, and what transformers computes with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from tests.convert.tiny import N_VOCAB, write_json

SMALL: dict[str, Any] = {
    "vocab_size": N_VOCAB, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None,
}  # fmt: skip
IDS = [1, *np.random.default_rng(3).integers(3, N_VOCAB, 95).tolist()]
N_GREEDY = 8


@dataclass(frozen=True, slots=True)
class Reference:
    """A checkpoint folder, the same weights by name as float32, and what transformers answers.

    `logits` are (len(IDS), n_vocab), or the states (len(IDS), n_embd) of a model without a head; `greedy`
    continues IDS by N_GREEDY tokens.
    """

    folder: Path
    weights: dict[str, NDArray[np.float32]]
    logits: NDArray[np.float64]
    greedy: list[int]


def save_reference(
    folder: Path, tokenizer: Path, name: str, *, dtype: str = "float32", **changes: Any
) -> Reference:
    """A model of the class `name` ("Qwen2ForCausalLM"), all its weights drawn, saved by transformers."""
    config_class = getattr(transformers, name).config_class
    with _quiet():
        model = getattr(transformers, name)(config_class(**(SMALL | changes)))
        _draw(model)
        model = model.to(getattr(torch, dtype))
        model.save_pretrained(folder)
        # Loaded again: what is compared against is what another program would make of the folder.
        loaded = getattr(transformers, name).from_pretrained(folder, dtype=torch.float32).eval()
        logits = _logits(loaded, IDS)
        greedy = _greedy(loaded) if name.endswith("ForCausalLM") else []
    (folder / "tokenizer.model").write_bytes(tokenizer.read_bytes())
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    write_json(folder / "tokenizer_config.json", tokens)
    weights = {name: tensor.detach().float().numpy() for name, tensor in loaded.named_parameters()}
    return Reference(folder, weights, logits, greedy)


def _draw(model: Any) -> None:
    """Weights large enough that attention is not flat, norms and biases unlike one another."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            is_norm = name.endswith("norm.weight")
            tensor.copy_(1 + 0.2 * noise if is_norm else 0.2 * noise)


def _logits(model: Any, ids: list[int]) -> NDArray[np.float64]:
    with torch.no_grad():
        out = model(torch.tensor([ids]))
    rows: NDArray[np.float64] = getattr(out, "logits", out[0])[0].double().numpy()
    return rows


def _greedy(model: Any) -> list[int]:
    ids = list(IDS)
    for _ in range(N_GREEDY):
        ids.append(int(_logits(model, ids)[-1].argmax()))
    return ids[len(IDS) :]


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no advice on the console while transformers saves and loads."""
    logging = transformers.utils.logging
    verbosity = logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
