"""What Llama-like decoders share: RMS norms, grouped-query attention, rotary positions, a gated MLP.

A family says its table of names and where it differs; see `llama`, `qwen2`, `qwen3`, `phi3`.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from aion.convert.architectures.architecture import ComputedTensor, Metadata, TensorPlan
from aion.convert.architectures.names import Names
from aion.convert.architectures.pooling import pooling
from aion.convert.architectures.prefixes import prefixes
from aion.convert.architectures.rope import PLAIN_SCALINGS, paired_rows, read_rope, refused
from aion.convert.checkpoint import Checkpoint

_MAX_LAYERS = 512  # LLAMA_MAX_LAYERS of llama.cpp's llama-hparams.h


class Decoder:
    """A family of decoders bound to one checkpoint. Subclasses set `names`, the constants below and
    override the hooks.

    `default_head_dim` and `default_eps` are what transformers takes where config.json is silent;
    `heads_span_embedding` says that llama.cpp knows no other size of head than hidden_size / heads;
    `scalings` and `partial_rotary` are those of `read_rope`.
    """

    names: ClassVar[Names]
    default_head_dim: ClassVar[int | None] = None
    default_eps: ClassVar[float] = 1e-6
    heads_span_embedding: ClassVar[bool] = False
    scalings: ClassVar[frozenset[str]] = PLAIN_SCALINGS
    partial_rotary: ClassVar[bool] = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        c = self.checkpoint = checkpoint
        self.n_embd = c.integer("hidden_size")
        self.n_ff = c.integer("intermediate_size")
        self.n_layer = c.integer("num_hidden_layers")
        self.n_head = c.integer("num_attention_heads")
        self.n_head_kv = c.integer("num_key_value_heads", self.n_head)
        self.head_dim = c.integer("head_dim", self.default_head_dim or max(1, self.n_embd // self.n_head))
        self.n_vocab = c.integer("vocab_size")
        self._refuse_sizes()
        if c.config.get("hidden_act", "silu") not in ("silu", "swish"):
            raise refused(c, "hidden_act", c.config["hidden_act"], "only silu is the same in llama.cpp")
        self.rope = read_rope(c, self.head_dim, self.scalings, partial=self.partial_rotary)

    def _refuse_sizes(self) -> None:
        c = self.checkpoint
        if self.n_layer > _MAX_LAYERS:
            raise refused(c, "num_hidden_layers", self.n_layer, f"llama.cpp takes at most {_MAX_LAYERS}")
        if self.n_head % self.n_head_kv:
            raise refused(c, "num_key_value_heads", self.n_head_kv, "it must divide num_attention_heads")
        spans = self.n_head * self.head_dim == self.n_embd
        if c.config.get("head_dim") is None and self.default_head_dim is None and not spans:
            raise refused(c, "num_attention_heads", self.n_head, f"it must divide {self.n_embd}, hidden_size")
        if self.heads_span_embedding and not spans:
            raise refused(c, "head_dim", self.head_dim, f"llama.cpp takes {self.n_embd} / {self.n_head} here")
        if self.head_dim % 2:
            raise refused(c, "head_dim", self.head_dim, "rotary positions need an even one")

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

    def sliding_window(self) -> int | None:
        """Positions that a token attends to; None for all. llama.cpp reads it for none of these families
        and attends to all: beyond the window its answers are not those of transformers."""
        c = self.checkpoint
        return None if c.config.get("sliding_window") is None else c.integer("sliding_window")

    # --- what all say alike ----------------------------------------------------------------------

    def computed(self) -> list[ComputedTensor]:
        return list(self.rope.tensors)

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
            "attention.layer_norm_rms_epsilon": c.real("rms_norm_eps", self.default_eps),
            **self.rope.metadata,
        }
        if (window := self.sliding_window()) is not None:
            values["attention.sliding_window"] = window
        if c.config.get("context_length_effective") is not None:
            values["context_length_effective"] = c.integer("context_length_effective")
        if c.config.get("is_causal") is False:
            values["attention.causal"] = False
        if number := pooling(c):
            values["pooling_type"] = number
        return {f"{self.names.gguf}.{key}": value for key, value in values.items()} | prefixes(c)

    def tensors(self) -> list[TensorPlan]:
        embedding = (self.n_vocab, self.n_embd)
        plans = [TensorPlan("token_embd.weight", self._embedding, embedding)]
        for layer in range(self.n_layer):
            plans += self._layer(layer)
        plans.append(self._plan("output_norm", self._top("output_norm"), (self.n_embd,)))
        if self._has_head:
            plans.append(TensorPlan("output.weight", self._head, embedding))
        return plans

    def is_ignored(self, name: str) -> bool:
        return name.endswith("rotary_emb.inv_freq") or (name == self._head and not self._has_head)

    def flag(self, key: str) -> bool:
        """A setting of config.json that is off where it is not there."""
        value = self.checkpoint.config.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise refused(self.checkpoint, key, value, "it must be true or false")

    def _layer(self, layer: int) -> list[TensorPlan]:
        paths = {kind: path for path, kind in self.names.layer.items()}
        biased, plans = self.biased(), []
        for kind, shape in self.shapes().items():
            source = f"{self.names.layers}.{layer}.{paths[kind]}"
            plans.append(self._plan(f"blk.{layer}.{kind}", source, shape))
            if kind in biased:
                plans.append(self._plan(f"blk.{layer}.{kind}", source, shape[:1], "bias"))
        return plans

    def _plan(self, name: str, path: str, shape: tuple[int, ...], part: str = "weight") -> TensorPlan:
        source = f"{self._prefix}{path}.{part}"
        if name.rpartition(".")[2] not in self.names.rotated or source not in self._present:
            return TensorPlan(f"{name}.{part}", source, shape)
        found = self.checkpoint.shape(source)
        # A plan without rows of another shape is refused by the writer, which knows how to say it.
        rows = paired_rows(shape[0], self.head_dim) if found == shape else None
        return TensorPlan(f"{name}.{part}", source, shape, rows)

    @cached_property
    def _present(self) -> frozenset[str]:
        return frozenset(self.checkpoint.names)

    @cached_property
    def _prefix(self) -> str:
        """The path of the trunk: "model." in whole models, "" where only the trunk was saved."""
        norm, prefixes = f"{self._top('output_norm')}.weight", self.names.prefixes
        return next((p for p in prefixes if f"{p}{norm}" in self._present), prefixes[0])

    @property
    def _head(self) -> str:
        return f"{self.names.head}.weight"

    @cached_property
    def _embedding(self) -> str:
        """The embedding's name; of two tied tensors some programs save only the head."""
        name = f"{self._prefix}{self._top('token_embd')}.weight"
        only_head = self._is_tied and name not in self._present and self._head in self._present
        return self._head if only_head else name

    @property
    def _is_tied(self) -> bool:
        return self.flag("tie_word_embeddings")

    def _top(self, kind: str) -> str:
        return next(path for path, found in self.names.top.items() if found == kind)

    @cached_property
    def _has_head(self) -> bool:
        """Whether the output matrix is written. A head that is declared tied and yet is another tensor
        counts, as in transformers 5; a model for embeddings may have lost its head."""
        if not self.checkpoint.architecture.endswith("ForCausalLM"):
            return False
        is_present = self._head in self._present
        if self._is_tied:
            return is_present and not self.checkpoint.is_same(self._head, self._embedding)
        return is_present or pooling(self.checkpoint) is None
