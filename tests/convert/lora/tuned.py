"""Tiny transformers models, PEFT adapters with random weights on them, and the logits they give together."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
import transformers
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aion.convert import convert
from tests.convert.tiny import N_VOCAB, Tensors, write_json, write_safetensors

IDS = [1, *np.random.default_rng(7).integers(3, N_VOCAB, 24).tolist()]
SMALL: dict[str, Any] = {
    "vocab_size": N_VOCAB, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
    "initializer_range": 0.2, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": None,
}  # fmt: skip
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
LINEAR = [*ATTENTION, "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True, slots=True)
class Tiny:
    """A base: the checkpoint folder and its f32 GGUF."""

    folder: Path
    gguf: Path


def make_base(root: Path, tokenizer: Path, kind: str, **changes: Any) -> Tiny:
    """A random model of the transformers family `kind` ("Llama"), norms unlike one another."""
    torch.manual_seed(5)
    config = getattr(transformers, f"{kind}Config")(**(SMALL | changes))
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith(("norm.weight", ".bias")):
                weights.add_(torch.randn_like(weights) * 0.1)
    folder = root / "tiny"
    with quiet():
        model.save_pretrained(folder)
    (folder / "tokenizer.model").write_bytes(tokenizer.read_bytes())
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    write_json(folder / "tokenizer_config.json", tokens)
    return Tiny(folder, convert(folder, root / "tiny.gguf", "f32"))


@contextmanager
def quiet() -> Iterator[None]:
    """peft and transformers warn of what these tests do on purpose."""
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tune(base: Tiny, out: Path, **lora: Any) -> NDArray[np.float64]:
    """Save an adapter with random weights in `out`; the logits that PEFT gives with it for `IDS`."""
    return _tune(transformers.AutoModelForCausalLM, base, out, lora)


def tune_states(base: Tiny, out: Path, **lora: Any) -> NDArray[np.float64]:
    """The same for a model without logits: its last states, (len(IDS), n_embd)."""
    return _tune(transformers.AutoModel, base, out, lora)


def _tune(kind: Any, base: Tiny, out: Path, lora: dict[str, Any]) -> NDArray[np.float64]:
    with quiet():
        model = kind.from_pretrained(base.folder, dtype=torch.float32)
        tuned = peft.get_peft_model(model, peft.LoraConfig(**({"r": 8, "lora_alpha": 16} | lora)))
        torch.manual_seed(11)
        with torch.no_grad():
            for name, weights in tuned.named_parameters():
                if "lora_" in name and "magnitude" not in name:
                    weights.copy_(torch.randn_like(weights) * 0.08)
                elif weights.requires_grad:
                    weights.mul_(1.2)
            tuned.save_pretrained(str(out))
            rows: NDArray[np.float64] = tuned.eval()(torch.tensor([IDS]))[0][0].double().numpy()
    config = json.loads((out / "adapter_config.json").read_text())
    write_json(out / "adapter_config.json", config | {"base_model_name_or_path": "org/tiny"})
    return rows


def adapter_tensors(folder: Path) -> Tensors:
    return dict(load_file(folder / "adapter_model.safetensors"))


def rewrite(folder: Path, tensors: Tensors, config: dict[str, Any] | None = None) -> Path:
    """Replace the tensors of an adapter, and its configuration when one is given."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_safetensors(folder / "adapter_model.safetensors", contiguous)
    if config is not None:
        write_json(folder / "adapter_config.json", config)
    return folder


def as_mlx(folder: Path, *, rank: int, scale: float) -> Path:
    """Write the adapter of `folder` as mlx-lm does, and delete what PEFT wrote."""
    tensors: Tensors = {}
    for name, tensor in adapter_tensors(folder).items():
        bare = name.removeprefix("base_model.model.").removesuffix(".weight")
        if "lora_" in bare:
            tensors[re.sub(r"lora_(embedding_)?", "lora_", bare).lower()] = np.ascontiguousarray(tensor.T)
    (folder / "adapter_model.safetensors").unlink()
    write_safetensors(folder / "adapters.safetensors", tensors)
    parameters = {"rank": rank, "scale": scale, "dropout": 0.0}
    write_json(folder / "adapter_config.json", {"fine_tune_type": "lora", "lora_parameters": parameters})
    return folder


def fuse(split: Tiny, root: Path) -> Tiny:
    """The Llama model `split` as a Phi-3 checkpoint."""
    folder = root / "tiny"
    with quiet():
        shutil.copytree(split.folder, folder)
        transformers.Phi3Config(**SMALL, rms_norm_eps=1e-5).save_pretrained(folder)
        model = transformers.AutoModelForCausalLM.from_pretrained(split.folder, dtype=torch.float32)
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | {"architectures": ["Phi3ForCausalLM"]})
    tensors = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    for parts, whole in (
        (("q_proj", "k_proj", "v_proj"), "qkv_proj"),
        (("gate_proj", "up_proj"), "gate_up_proj"),
    ):
        for name in [name for name in tensors if f".{parts[0]}." in name]:
            rows = [tensors.pop(name.replace(parts[0], part)) for part in parts]
            tensors[name.replace(parts[0], whole)] = np.concatenate(rows)
    write_safetensors(folder / "model.safetensors", tensors)
    return Tiny(folder, convert(folder, root / "tiny.gguf", "f32"))
