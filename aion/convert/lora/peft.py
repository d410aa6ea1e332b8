"""Reads the folder of an adapter, PEFT's or mlx-lm's, into an `Adapter`.

Owns which tensors belong together and whether they fit each other; knows no base and no GGUF.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType as Ggml

from aion.convert.encode import refuse_unusable
from aion.convert.lora.config import CONFIG, PeftConfig, read_peft_config
from aion.convert.lora.keys import Key, Part, parse_mlx, parse_peft
from aion.convert.lora.mlx import MlxConfig, is_mlx, read_mlx_config
from aion.convert.lora.pairs import F32, Adapter, LoraPair, TrainedTokens, WholeTensor
from aion.convert.safetensors import SafetensorsFile
from aion.convert.tensor_file import TensorFile
from aion.convert.torch_pickle import TorchPickle
from aion.errors import CheckpointError

__all__ = ["Adapter", "LoraPair", "TrainedTokens", "WholeTensor", "read_adapter"]

PEFT_FILE, MLX_FILE = "adapter_model.safetensors", "adapters.safetensors"
_EMBEDDINGS = ("embed_tokens", "word_embeddings", "wte")
Found = Mapping[str, Mapping[Part, WholeTensor]]


def read_adapter(folder: Path, *, allow_pickle: bool = False) -> Adapter:
    """The adapter in `folder`, its pairs as float32 with final scales and the base's module names.

    Raises CheckpointError for what is no LoRA, for NaN and Inf, and for halves that do not fit. What an
    adapter may hold beside pairs (DoRA, trained modules, tokens, biases) is returned, not refused. Of
    adapter_model.bin only the tensors are read, and only with `allow_pickle`.
    """
    values = _config(folder)
    if is_mlx(values):
        mlx = read_mlx_config(folder / CONFIG, values)
        found = _collect(SafetensorsFile(_present(folder / MLX_FILE)), is_peft=False)
        return Adapter(
            folder, _pairs(folder, found, mlx), mlx.rank, None, _only(found, "replaced"), tied=True,
            base_name=mlx.base_name,
        )  # fmt: skip
    config = read_peft_config(folder / CONFIG, values)
    found = _collect(_open(folder / PEFT_FILE, allow_pickle), is_peft=True)
    return Adapter(
        folder, _pairs(folder, found, config), config.rank, config.alpha, _only(found, "replaced"),
        _tokens(found, config), _only(found, "copy"), config.tied, config.task_type, config.base_name,
    )  # fmt: skip


def _config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder; give the folder that holds {CONFIG}.")
    path = folder / CONFIG
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; give the folder of an adapter.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not readable JSON ({error}); copy it again.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds {type(value).__name__}, not a JSON object; copy it again.")
    return value


def _collect(file: TensorFile, *, is_peft: bool) -> Found:
    """The file's tensors by module of the base and part; mlx-lm's halves are turned as PEFT has them."""
    path = file.path
    found: dict[str, dict[Part, WholeTensor]] = defaultdict(dict)
    adapters: set[str] = set()
    for name in file.entries:
        key = parse_peft(name) if is_peft else parse_mlx(name)
        adapters |= {key.adapter} if key.adapter else set()
        if key.part in found[key.module]:
            raise CheckpointError(
                f"{path} has {name} twice under different prefixes; save the adapter again."
            )
        found[key.module][key.part] = _whole_tensor(file, name, key, turned=not is_peft)
    if len(adapters) > 1:
        raise CheckpointError(
            f"{path} holds the adapters {' and '.join(sorted(adapters))}; save one of them alone."
        )
    if not found:
        raise CheckpointError(f"{path} holds no tensors; save the adapter again after training.")
    return found


def _open(path: Path, allow_pickle: bool) -> TensorFile:
    pickle = path.with_suffix(".bin")
    if path.exists() or not pickle.exists():
        return SafetensorsFile(_present(path))
    if allow_pickle:
        return TorchPickle(pickle)
    raise CheckpointError(
        f"{pickle} is a pickle, which can run code when read; save the adapter again with "
        "save_pretrained(..., safe_serialization=True) on a machine that trusts it, or ask to read it "
        "without running it (--allow-pickle, allow_pickle)."
    )


def _present(path: Path) -> Path:
    if not path.exists():
        raise CheckpointError(f"{path} is missing; copy it from where the adapter was trained.")
    return path


def _whole_tensor(file: TensorFile, name: str, key: Key, *, turned: bool) -> WholeTensor:
    turned = turned and key.part in ("a", "b")

    def read() -> F32:
        tensor = file.f32(name)
        refuse_unusable(tensor, name, Ggml.F32)
        return tensor.T if turned else tensor

    shape = file.entries[name].shape
    return WholeTensor(shape[::-1] if turned else shape, read)


def _pairs(folder: Path, found: Found, config: PeftConfig | MlxConfig) -> tuple[LoraPair, ...]:
    pairs = []
    for module, parts in found.items():
        if {"a", "b", "a_embedding", "b_embedding", "magnitude", "bias"} & parts.keys():
            pair = _pair(folder, module, parts, config.scale_of(module))
            if pair.rank != config.rank_of(module):
                raise CheckpointError(
                    f"{folder} has {module} with rank {pair.rank} where {CONFIG} says "
                    f"{config.rank_of(module)}; take both from one adapter."
                )
            pairs.append(pair)
    return tuple(pairs)


def _pair(folder: Path, module: str, parts: Mapping[Part, WholeTensor], scale: float) -> LoraPair:
    is_embedding = "a_embedding" in parts or "b_embedding" in parts
    a = parts.get("a_embedding" if is_embedding else "a")
    b = parts.get("b_embedding" if is_embedding else "b")
    if a is None or b is None:
        missing = "lora_A" if a is None else "lora_B"
        raise CheckpointError(f"{folder} has no {missing} for {module}; save the adapter again.")
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1] or 0 in (*a.shape, *b.shape):
        raise CheckpointError(
            f"{folder} has {module} with lora_A of shape {list(a.shape)} and lora_B of shape "
            f"{list(b.shape)}, which do not multiply; gather the shards before saving the adapter."
        )
    return LoraPair(
        module, a.f32(), b.f32(), scale,
        parts["magnitude"].f32().reshape(-1) if "magnitude" in parts else None,
        parts["bias"].f32() if "bias" in parts else None,
        is_embedding or module.rpartition(".")[2] in _EMBEDDINGS,
    )  # fmt: skip


def _only(found: Found, part: Part) -> dict[str, WholeTensor]:
    return {name: parts[part] for name, parts in found.items() if part in parts}


def _tokens(found: Found, config: PeftConfig) -> dict[str, TrainedTokens]:
    trained = {}
    for module, tensor in _only(found, "tokens").items():
        given = config.trained_tokens
        if isinstance(given, dict):
            given = next((v for k, v in given.items() if f".{module}".endswith(f".{k}")), None)
        n_rows = tensor.shape[0] if len(tensor.shape) == 2 else 0
        if not _are_tokens(given) or len(given) != n_rows:
            raise CheckpointError(
                f"{config.path} has trainable_token_indices that do not fit the {n_rows} rows "
                f"trained for {module}; take both files from one adapter."
            )
        trained[module] = TrainedTokens(tuple(given), tensor.f32())
    return trained


def _are_tokens(given: Any) -> bool:
    return isinstance(given, list) and all(type(token) is int and token >= 0 for token in given)
