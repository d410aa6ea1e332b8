"""Mistral, and Llama where it is the same: the table of names, its exceptions, the hyperparameters.

llama.cpp calls both "llama". Not here: biases, experts, rope scaling other than linear.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aion.convert.architecture import F32, Metadata, TensorPlan
from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

ARCHITECTURES = ("MistralForCausalLM", "MistralModel", "LlamaForCausalLM", "LlamaModel")
_POOLING = {"mean": 1, "cls": 2, "lasttoken": 3}
_POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "lasttoken",
}


class Mistral:
    """A decoder with RMS norms, grouped-query attention, rotary positions and a SwiGLU."""

    gguf_name = "llama"

    def __init__(self, checkpoint: Checkpoint) -> None:
        c = self._checkpoint = checkpoint
        self._prefix = "model." if "model.embed_tokens.weight" in c.names else ""
        self._n_embd = c.integer("hidden_size")
        self._n_ff = c.integer("intermediate_size")
        self._n_layer = c.integer("num_hidden_layers")
        self._n_head = c.integer("num_attention_heads")
        self._n_head_kv = c.integer("num_key_value_heads", self._n_head)
        self._head_dim = c.integer("head_dim", max(1, self._n_embd // self._n_head))
        self._n_vocab = c.integer("vocab_size")
        if self._n_head % self._n_head_kv:
            raise self._refused("num_key_value_heads", self._n_head_kv, "it must divide num_attention_heads")
        if self._head_dim % 2:
            raise self._refused("head_dim", self._head_dim, "rotary positions need an even one")
        if c.config.get("hidden_act", "silu") != "silu":
            raise self._refused("hidden_act", c.config["hidden_act"], "only silu is the same in llama.cpp")

    def metadata(self) -> Metadata:
        c = self._checkpoint
        values: dict[str, str | int | float | bool] = {
            "vocab_size": self._n_vocab,
            "context_length": c.integer("max_position_embeddings"),
            "embedding_length": self._n_embd,
            "block_count": self._n_layer,
            "feed_forward_length": self._n_ff,
            "attention.head_count": self._n_head,
            "attention.head_count_kv": self._n_head_kv,
            "attention.key_length": self._head_dim,
            "attention.value_length": self._head_dim,
            "attention.layer_norm_rms_epsilon": c.real("rms_norm_eps", 1e-6),
            "rope.dimension_count": self._head_dim,
            **self._rope(),
        }
        if c.config.get("sliding_window") is not None:
            values["attention.sliding_window"] = c.integer("sliding_window")
        if c.config.get("context_length_effective") is not None:
            values["context_length_effective"] = c.integer("context_length_effective")
        if c.config.get("is_causal") is False:
            values["attention.causal"] = False
        if pooling := self._pooling():
            values["pooling_type"] = pooling
        return {f"{self.gguf_name}.{key}": value for key, value in values.items()}

    def tensors(self) -> list[TensorPlan]:
        embedding = (self._n_vocab, self._n_embd)
        plans = [self._plan("token_embd", "embed_tokens", embedding)]
        for layer in range(self._n_layer):
            plans += self._layer(layer)
        plans.append(self._plan("output_norm", "norm", (self._n_embd,)))
        if self._has_head():
            plans.append(TensorPlan("output.weight", "lm_head.weight", embedding))
        return plans

    def is_ignored(self, name: str) -> bool:
        return name.endswith("rotary_emb.inv_freq") or (name == "lm_head.weight" and not self._has_head())

    def _layer(self, layer: int) -> list[TensorPlan]:
        n_q, n_kv = self._n_head * self._head_dim, self._n_head_kv * self._head_dim
        shapes = {
            "attn_norm": ("input_layernorm", (self._n_embd,)),
            "attn_q": ("self_attn.q_proj", (n_q, self._n_embd)),
            "attn_k": ("self_attn.k_proj", (n_kv, self._n_embd)),
            "attn_v": ("self_attn.v_proj", (n_kv, self._n_embd)),
            "attn_output": ("self_attn.o_proj", (self._n_embd, n_q)),
            "ffn_norm": ("post_attention_layernorm", (self._n_embd,)),
            "ffn_gate": ("mlp.gate_proj", (self._n_ff, self._n_embd)),
            "ffn_up": ("mlp.up_proj", (self._n_ff, self._n_embd)),
            "ffn_down": ("mlp.down_proj", (self._n_embd, self._n_ff)),
        }
        plans = []
        for name, (source, shape) in shapes.items():
            plan = self._plan(f"blk.{layer}.{name}", f"layers.{layer}.{source}", shape)
            plans.append(self._interleaved(plan) if name in ("attn_q", "attn_k") else plan)
        return plans

    def _plan(self, name: str, source: str, shape: tuple[int, ...]) -> TensorPlan:
        return TensorPlan(f"{name}.weight", f"{self._prefix}{source}.weight", shape)

    def _interleaved(self, plan: TensorPlan) -> TensorPlan:
        n_heads = plan.shape[0] // self._head_dim
        return TensorPlan(plan.name, plan.source, plan.shape, partial(interleave_rope, n_heads=n_heads))

    def _has_head(self) -> bool:
        causal = self._checkpoint.architecture.endswith("ForCausalLM")
        return causal and not self._checkpoint.config.get("tie_word_embeddings", False)

    def _rope(self) -> dict[str, str | int | float | bool]:
        config = self._checkpoint.config
        rope: dict[str, Any] = config.get("rope_parameters") or config.get("rope_scaling") or {}
        theta = float(rope.get("rope_theta") or self._checkpoint.real("rope_theta", 10000.0))
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind == "default":
            return {"rope.freq_base": theta}
        if kind == "linear":
            factor = rope.get("factor")
            if not isinstance(factor, int | float) or factor < 1:
                raise self._refused("rope_scaling.factor", factor, "it must be a number of 1 or more")
            return {
                "rope.freq_base": theta,
                "rope.scaling.type": "linear",
                "rope.scaling.factor": float(factor),
            }
        raise self._refused("rope_scaling", kind, "only linear scaling can be converted so far")

    def _pooling(self) -> int | None:
        """llama.cpp's number for sentence-transformers' pooling, None when there is no such file."""
        name = "1_Pooling/config.json"
        found = self._checkpoint.json(name, required=False)
        if not found:
            return None
        on = [key for key, value in found.items() if key.startswith("pooling_mode_") and value is True]
        modes = [_POOLING_FLAGS.get(key, key) for key in on] or [str(found.get("pooling_mode", "mean"))]
        if len(modes) != 1 or modes[0] not in _POOLING:
            path = self._checkpoint.folder / name
            raise CheckpointError(
                f"{path} asks for {' and '.join(modes)}; llama.cpp pools by mean, cls or last only."
            )
        return _POOLING[modes[0]]

    def _refused(self, key: str, value: object, why: str) -> CheckpointError:
        return CheckpointError(f"{self._checkpoint.folder / 'config.json'} has {key} = {value!r}; {why}.")


def interleave_rope(weight: F32, n_heads: int) -> F32:
    """Rows of each head from halves (Hugging Face: i turns with i + d/2) to pairs (llama.cpp: 2i, 2i + 1).

    Shape (n_heads * head_dim, n_embd), kept.
    """
    halves = weight.reshape(n_heads, 2, weight.shape[0] // n_heads // 2, weight.shape[1])
    return halves.swapaxes(1, 2).reshape(weight.shape)
