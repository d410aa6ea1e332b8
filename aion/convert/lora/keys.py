"""What the names of an adapter's tensors say: which module of the base, and which part of its change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Part = Literal["a", "b", "a_embedding", "b_embedding", "magnitude", "bias", "tokens", "copy", "replaced"]

_PARTS: dict[str, Part] = {
    "lora_A": "a",
    "lora_B": "b",
    "lora_embedding_A": "a_embedding",
    "lora_embedding_B": "b_embedding",
    "lora_magnitude_vector": "magnitude",
}
_LORA = re.compile(
    r"(?P<module>.+)\.(?P<part>lora_(?:embedding_)?[AB]|lora_magnitude_vector)"
    r"(?:\.(?!weight$|bias$)(?P<adapter>[^.]+))?(?:\.(?P<leaf>weight|bias))?"
)
_TOKENS = re.compile(r"(?P<module>.+?)\.(?:token_adapter\.)?trainable_tokens_delta(?:\.(?P<adapter>[^.]+))?")
_SAVED = re.compile(r"(?P<module>.+)\.modules_to_save\.(?P<adapter>[^.]+)\.(?P<leaf>weight|bias)")
_MLX = re.compile(r"(?P<module>.+)\.(?P<part>lora_a|lora_b|m)")
_MLX_PARTS: dict[str, Part] = {"lora_a": "a", "lora_b": "b", "m": "magnitude"}
_WRAPPERS = re.compile(r"^(?:base_model\.model\.|_orig_mod\.|module\.)+")
_INNER = re.compile(r"\b(?:_fsdp_wrapped_module|_checkpoint_wrapped_module|_orig_mod)\.")


@dataclass(frozen=True, slots=True)
class Key:
    """`module` as the base checkpoint names it; for "replaced" it is the whole tensor's name.

    `adapter` is PEFT's name of the adapter where the key carries one ("default").
    """

    module: str
    part: Part
    adapter: str | None = None


def parse_peft(name: str) -> Key:
    """The key of a PEFT tensor; every name that is no part of a LoRA is "replaced".

    >>> parse_peft("base_model.model.model.layers.0.mlp.up_proj.lora_A.default.weight")
    Key(module='model.layers.0.mlp.up_proj', part='a', adapter='default')
    """
    bare = without_wrappers(name)
    if match := _LORA.fullmatch(bare):
        part: Part = "bias" if match["leaf"] == "bias" else _PARTS[match["part"]]
        return Key(match["module"], part, match["adapter"])
    if match := _TOKENS.fullmatch(bare):
        return Key(match["module"], "tokens", match["adapter"])
    if match := _SAVED.fullmatch(bare):
        return Key(f"{match['module']}.{match['leaf']}", "replaced", match["adapter"])
    if bare.endswith(".base_layer.weight"):
        return Key(bare.removesuffix(".base_layer.weight"), "copy")
    return Key(bare.replace(".base_layer.bias", ".bias"), "replaced")


def parse_mlx(name: str) -> Key:
    """The key of an mlx-lm tensor."""
    if match := _MLX.fullmatch(without_wrappers(name)):
        return Key(match["module"], _MLX_PARTS[match["part"]])
    return Key(without_wrappers(name), "replaced")


def without_wrappers(name: str) -> str:
    """`name` without the prefixes of PEFT (doubled ones too), torch.compile, DDP and FSDP."""
    return _INNER.sub("", _WRAPPERS.sub("", name))
