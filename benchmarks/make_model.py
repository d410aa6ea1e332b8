"""Models with random weights, for measuring speed and memory: of what shape matters, of what sense does not.

    python benchmarks/make_model.py 125m [1.1b] --out FOLDER

Each is written to FOLDER as a Hugging Face checkpoint (bf16, two shards, Mistral's own sentencepiece
vocabulary, a plain [INST] chat template), as a GGUF in Q4_0 through AION's own converter and quantiser, and
with two LoRA adapters of rank 16 on every linear layer, as a PEFT folder and as a GGUF. What is there is
kept. The weights are drawn so that a greedy answer neither ends nor goes round in circles: guessed tokens
must not be right by accident.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mistral_common
import numpy as np
from numpy.typing import NDArray

TOKENIZER = Path(mistral_common.__file__).parent / "data" / "tokenizer.model.v1"
TINY_LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
    "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
    "num_key_value_heads": 4, "vocab_size": 32000, "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False,
    "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "bfloat16",
}  # fmt: skip
LLAMA_125M = TINY_LLAMA | {
    "hidden_size": 768, "intermediate_size": 1792, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_key_value_heads": 12,
}  # fmt: skip
MISTRAL_7B = TINY_LLAMA | {
    "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_key_value_heads": 8, "sliding_window": None,
}  # fmt: skip
SHAPES: dict[str, dict[str, object]] = {
    "125m": LLAMA_125M, "1.1b": TINY_LLAMA, "copying": LLAMA_125M | {"rope_theta": 1e12},
}  # fmt: skip
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}"
    " {{ m['content'] }}{{ eos_token }}{% else %}[INST] {{ m['content'] }} [/INST]{% endif %}{% endfor %}"
)
RANK = 16
N_SILENT = 259  # control and byte pieces stand first in the vocabulary
_STEADY = 0.02

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, str, Shape], NDArray[np.uint16]]


@dataclass(frozen=True, slots=True)
class RandomModel:
    """Where a model's files are: the checkpoint, the Q4_0 GGUF, and its adapters in both forms."""

    name: str
    config: dict[str, object]
    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / self.name

    @property
    def gguf(self) -> Path:
        return self.folder / f"{self.name}-q4_0.gguf"

    def peft(self, number: int = 0) -> Path:
        return self.folder / f"{self.name}-lora-{number}"

    def adapter(self, number: int = 0) -> Path:
        return self.folder / f"{self.name}-lora-{number}.gguf"

    def kv_bytes(self, n_cells: int) -> int:
        """Bytes of a KV cache in f16."""
        d, n_layer, n_head, n_kv = (
            int(str(self.config[key]))
            for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
        )
        return 2 * 2 * n_cells * n_layer * (d // n_head * n_kv)


# --- shapes ----------------------------------------------------------------------------------------


def linear_shapes(config: dict[str, object]) -> Iterator[tuple[str, Shape]]:
    """Each linear layer's module path in the model and its (out, in)."""
    d, ff, n_layer, n_head, n_kv = (
        int(str(config[key]))
        for key in (
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads",
        )
    )  # fmt: skip
    kv = d // n_head * n_kv
    for i in range(n_layer):
        yield from (
            (f"model.layers.{i}.self_attn.q_proj", (d, d)),
            (f"model.layers.{i}.self_attn.k_proj", (kv, d)),
            (f"model.layers.{i}.self_attn.v_proj", (kv, d)),
            (f"model.layers.{i}.self_attn.o_proj", (d, d)),
            (f"model.layers.{i}.mlp.gate_proj", (ff, d)),
            (f"model.layers.{i}.mlp.up_proj", (ff, d)),
            (f"model.layers.{i}.mlp.down_proj", (d, ff)),
        )


def model_shapes(config: dict[str, object]) -> dict[str, Shape]:
    """Every tensor of a Llama-shaped checkpoint."""
    d, n_vocab = int(str(config["hidden_size"])), int(str(config["vocab_size"]))
    shapes: dict[str, Shape] = {"model.embed_tokens.weight": (n_vocab, d)}
    shapes |= {f"{path}.weight": shape for path, shape in linear_shapes(config)}
    for i in range(int(str(config["num_hidden_layers"]))):
        shapes[f"model.layers.{i}.input_layernorm.weight"] = (d,)
        shapes[f"model.layers.{i}.post_attention_layernorm.weight"] = (d,)
    return shapes | {"model.norm.weight": (d,), "lm_head.weight": (n_vocab, d)}


def adapter_shapes(config: dict[str, object]) -> dict[str, Shape]:
    """PEFT's names for a LoRA of every linear layer."""
    shapes: dict[str, Shape] = {}
    for path, (n_out, n_in) in linear_shapes(config):
        shapes[f"base_model.model.{path}.lora_A.weight"] = (RANK, n_in)
        shapes[f"base_model.model.{path}.lora_B.weight"] = (n_out, RANK)
    return shapes


# --- weights ---------------------------------------------------------------------------------------


def to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def steady(rng: np.random.Generator, _name: str, shape: Shape) -> NDArray[np.uint16]:
    """Normal weights of deviation 0.02, around 1 for a vector; such a model repeats itself soon."""
    return to_bf16(rng.standard_normal(shape, np.float32) * _STEADY + (len(shape) == 1))


def lively(rng: np.random.Generator, name: str, shape: Shape) -> NDArray[np.uint16]:
    """Signals keep their size through a layer, attention is sharp, the embedding is soon outweighed: the
    next token hangs on the whole text, and the largest of the logits (deviation 3) stands out."""
    if len(shape) == 1 or "embed_tokens" in name:
        return steady(rng, name, shape)
    gain = 3.0 if "lm_head" in name else 2.0 if "q_proj" in name or "k_proj" in name else 1.0
    weights = rng.standard_normal(shape, np.float32) * np.float32(gain / np.sqrt(shape[-1]))
    if "lm_head" in name:
        weights[:N_SILENT] = 0  # never the largest: no end, and every token has a text
    return to_bf16(weights)


def write_safetensors(
    path: Path, shapes: dict[str, Shape], rng: np.random.Generator, draw: Draw = steady
) -> None:
    header, at = {}, 0
    for name, shape in shapes.items():
        n_bytes = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + n_bytes]}
        at += n_bytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            file.write(draw(rng, name, shape).data)


# --- folders ---------------------------------------------------------------------------------------


def write_model_folder(folder: Path, config: dict[str, object], chat_template: str | None = None) -> Path:
    """config.json and the tokenizer, no weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    template = {} if chat_template is None else {"chat_template": chat_template}
    about = tokens | {"tokenizer_class": "LlamaTokenizer"} | template
    (folder / "tokenizer_config.json").write_text(json.dumps(about))
    shutil.copy(TOKENIZER, folder / "tokenizer.model")
    return folder


def write_checkpoint(
    folder: Path,
    config: dict[str, object],
    draw: Draw = steady,
    chat_template: str | None = None,
) -> Path:
    write_model_folder(folder, config, chat_template)
    rng, shapes = np.random.default_rng(0), list(model_shapes(config).items())
    halves = {1: dict(shapes[: len(shapes) // 2]), 2: dict(shapes[len(shapes) // 2 :])}
    weight_map: dict[str, str] = {}
    for number, half in halves.items():
        name = f"model-{number:05}-of-00002.safetensors"
        write_safetensors(folder / name, half, rng, draw)
        weight_map |= dict.fromkeys(half, name)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_adapter(folder: Path, config: dict[str, object], seed: int = 1) -> Path:
    folder.mkdir()
    targets = sorted({path.rpartition(".")[2] for path, _ in linear_shapes(config)})
    adapter = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 32, "bias": "none",
        "target_modules": targets, "base_model_name_or_path": "base",
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    weights = folder / "adapter_model.safetensors"
    write_safetensors(weights, adapter_shapes(config), np.random.default_rng(seed))
    return folder


def make_model(folder: Path, name: str) -> RandomModel:
    """The model of that name (see SHAPES) in `folder`, made unless it is there."""
    made = RandomModel(name, SHAPES[name], folder)
    if made.gguf.exists():
        return made
    from aion.convert import convert  # noqa: PLC0415 - convert.py must not load llama.cpp through this file
    from aion.convert.lora import convert_lora  # noqa: PLC0415
    from aion.engine.quantize import quantize  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for left in (made.checkpoint, made.peft(0), made.peft(1)):
        shutil.rmtree(left, ignore_errors=True)
    if name == "copying":
        from copying_model import CHAT_TEMPLATE as CUE_TEMPLATE  # noqa: PLC0415 - it needs this module
        from copying_model import copying  # noqa: PLC0415

        write_checkpoint(made.checkpoint, made.config, copying, CUE_TEMPLATE)
    else:
        write_checkpoint(made.checkpoint, made.config, lively, CHAT_TEMPLATE)
    whole = folder / f"{name}-bf16.gguf"
    convert(made.checkpoint, whole, "bf16", overwrite=True)
    for number in (0, 1):
        write_adapter(made.peft(number), made.config, seed=1 + number)
        convert_lora(made.peft(number), whole, made.adapter(number), "f16", overwrite=True)
    quantize(whole, made.gguf, "q4_0", overwrite=True)
    whole.unlink()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shapes", nargs="+", choices=sorted(SHAPES))
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    for name in args.shapes:
        made = make_model(args.out, name)
        n_weights = sum(int(np.prod(shape)) for shape in model_shapes(made.config).values())
        print(f"{made.gguf}: {n_weights / 1e6:.0f}M weights, {made.gguf.stat().st_size >> 20} MiB")


if __name__ == "__main__":
    main()
