"""What Llama-like decoders share: RMS norms, grouped-query attention, rotary positions, a gated MLP.

A family says its table of names and where it differs; see `llama`.
"""

from __future__ import annotations

from typing import ClassVar

from aion.convert.architectures.architecture import ComputedTensor, Metadata, TensorPlan
from aion.convert.architectures.names import Names
from aion.convert.architectures.pooling import pooling
from aion.convert.architectures.rope import paired_rows, refused, rope_metadata
from aion.convert.checkpoint import Checkpoint


class Decoder:
    """A family of decoders bound to one checkpoint. Subclasses set `names` and override the hooks."""

    names: ClassVar[Names]

    def __init__(self, checkpoint: Checkpoint) -> None:
        c = self.checkpoint = checkpoint
        self.n_embd = c.integer("hidden_size")
        self.n_ff = c.integer("intermediate_size")
        self.n_layer = c.integer("num_hidden_layers")
        self.n_head = c.integer("num_attention_heads")
        self.n_head_kv = c.integer("num_key_value_heads", self.n_head)
        self.head_dim = c.integer("head_dim", max(1, self.n_embd // self.n_head))
        self.n_vocab = c.integer("vocab_size")
        self._prefix = next((p for p in self.names.prefixes if f"{p}embed_tokens.weight" in c.names), "")
        if self.n_head % self.n_head_kv:
            raise refused(c, "num_key_value_heads", self.n_head_kv, "it must divide num_attention_heads")
        if self.head_dim % 2:
            raise refused(c, "head_dim", self.head_dim, "rotary positions need an even one")
        if c.config.get("hidden_act", "silu") != "silu":
            raise refused(c, "hidden_act", c.config["hidden_act"], "only silu is the same in llama.cpp")

    # --- where families differ -----------------------------------------------------------------

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each kind of a layer's weights; its keys are the values of `names.layer`."""
        n_q, n_kv = self.n_head * self.head_dim, self.n_head_kv * self.head_dim
        return {
            "attn_norm": (self.n_embd,),
            "attn_q": (n_q, self.n_embd),
            "attn_k": (n_kv, self.n_embd),
            "attn_v": (n_kv, self.n_embd),
            "attn_output": (self.n_embd, n_q),
            "ffn_norm": (self.n_embd,),
            "ffn_gate": (self.n_ff, self.n_embd),
            "ffn_up": (self.n_ff, self.n_embd),
            "ffn_down": (self.n_embd, self.n_ff),
        }

    def biased(self) -> frozenset[str]:
        """Kinds that have a bias beside their weight."""
        return frozenset()

    def rope(self) -> Metadata:
        """rope.* keys without the architecture's prefix."""
        return rope_metadata(self.checkpoint)

    def computed(self) -> list[ComputedTensor]:
        return []

    # --- what all say alike ----------------------------------------------------------------------

    def metadata(self) -> Metadata:
        c = self.checkpoint
        values: dict[str, str | int | float | bool] = {
            "vocab_size": self.n_vocab,
            "context_length": c.integer("max_position_embeddings"),
            "embedding_length": self.n_embd,
            "block_count": self.n_layer,
            "feed_forward_length": self.n_ff,
            "attention.head_count": self.n_head,
            "attention.head_count_kv": self.n_head_kv,
            "attention.key_length": self.head_dim,
            "attention.value_length": self.head_dim,
            "attention.layer_norm_rms_epsilon": c.real("rms_norm_eps", 1e-6),
            "rope.dimension_count": self.head_dim,
            **self.rope(),
        }
        if c.config.get("sliding_window") is not None:
            values["attention.sliding_window"] = c.integer("sliding_window")
        if c.config.get("context_length_effective") is not None:
            values["context_length_effective"] = c.integer("context_length_effective")
        if c.config.get("is_causal") is False:
            values["attention.causal"] = False
        if number := pooling(c):
            values["pooling_type"] = number
        return {f"{self.names.gguf}.{key}": value for key, value in values.items()}

    def tensors(self) -> list[TensorPlan]:
        embedding = (self.n_vocab, self.n_embd)
        tops = {kind: path for path, kind in self.names.top.items()}
        plans = [self._plan("token_embd", tops["token_embd"], embedding)]
        for layer in range(self.n_layer):
            plans += self._layer(layer)
        plans.append(self._plan("output_norm", tops["output_norm"], (self.n_embd,)))
        if self._has_head():
            plans.append(TensorPlan("output.weight", f"{self.names.head}.weight", embedding))
        return plans

    def is_ignored(self, name: str) -> bool:
        head = f"{self.names.head}.weight"
        return name.endswith("rotary_emb.inv_freq") or (name == head and not self._has_head())

    def _layer(self, layer: int) -> list[TensorPlan]:
        paths = {kind: path for path, kind in self.names.layer.items()}
        biased, plans = self.biased(), []
        for kind, shape in self.shapes().items():
            source = f"{self.names.layers}.{layer}.{paths[kind]}"
            plans.append(self._plan(f"blk.{layer}.{kind}", source, shape))
            if kind in biased:
                plans.append(self._plan(f"blk.{layer}.{kind}", source, shape[:1], "bias"))
        return plans

    def _plan(self, name: str, source: str, shape: tuple[int, ...], part: str = "weight") -> TensorPlan:
        rotated = name.rpartition(".")[2] in self.names.rotated
        rows = paired_rows(shape[0], self.head_dim) if rotated else None
        return TensorPlan(f"{name}.{part}", f"{self._prefix}{source}.{part}", shape, rows)

    def _has_head(self) -> bool:
        causal = self.checkpoint.architecture.endswith("ForCausalLM")
        return causal and not self.checkpoint.config.get("tie_word_embeddings", False)
