"""Mistral's forward pass in numpy, from the Hugging Face names: the oracle of the logits tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.convert.tiny import Tensors

F64 = NDArray[np.float64]


def hidden_states(tensors: Tensors, config: dict[str, Any], ids: list[int], prefix: str = "model.") -> F64:
    """Final normalised states, (len(ids), hidden_size)."""
    w = {name.removeprefix(prefix): t.astype(np.float64) for name, t in tensors.items()}
    x: F64 = w["embed_tokens.weight"][ids]
    for i in range(config["num_hidden_layers"]):
        layer = {
            k.split(".", 2)[2].removesuffix(".weight"): t
            for k, t in w.items()
            if k.startswith(f"layers.{i}.")
        }
        x = x + attention(layer, norm(x, layer["input_layernorm"], config), config)
        h = norm(x, layer["post_attention_layernorm"], config)
        gate = h @ layer["mlp.gate_proj"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ layer["mlp.up_proj"].T)) @ layer["mlp.down_proj"].T
    return norm(x, w["norm.weight"], config)


def attention(layer: Tensors, h: F64, config: dict[str, Any]) -> F64:
    n, d = len(h), config["head_dim"]
    q, k, v = ((h @ layer[f"self_attn.{c}_proj"].T).reshape(n, -1, d).swapaxes(0, 1) for c in "qkv")
    groups = config["num_attention_heads"] // config["num_key_value_heads"]
    q, k = rotate(q, config["rope_theta"]), rotate(k, config["rope_theta"]).repeat(groups, 0)
    scores = q @ k.swapaxes(1, 2) / np.sqrt(d)
    if config.get("is_causal", True):
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
    mixed = softmax(scores) @ v.repeat(groups, 0)
    return np.asarray(mixed.swapaxes(0, 1).reshape(n, -1) @ layer["self_attn.o_proj"].T)


def rotate(x: F64, theta: float) -> F64:
    half = x.shape[-1] // 2
    angles = np.outer(np.arange(x.shape[1]), theta ** (-np.arange(half) / half))
    cos, sin = np.cos(angles), np.sin(angles)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def norm(x: F64, weight: F64, config: dict[str, Any]) -> F64:
    return np.asarray(x / np.sqrt((x**2).mean(-1, keepdims=True) + config["rms_norm_eps"]) * weight)


def softmax(x: F64) -> F64:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def kl(p: F64, q: F64) -> float:
    """The largest Kullback-Leibler divergence over the rows of two logits."""
    a, b = softmax(p), softmax(q)
    return float((a * (np.log(a) - np.log(b))).sum(-1).max())
