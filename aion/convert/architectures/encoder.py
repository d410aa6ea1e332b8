"""What BERT-like encoders share: learned positions, layer norms after each sum, biases everywhere.

llama.cpp calls them all "bert" and adds the first row of the token types to every token, so a second
segment has no form there. Its GELU is always the tanh approximation.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from aion.convert.architectures.architecture import ComputedTensor, Metadata, TensorPlan
from aion.convert.architectures.names import Names
from aion.convert.architectures.pooling import pooling
from aion.convert.architectures.prefixes import prefixes
from aion.convert.architectures.rope import refused
from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

NAMES = Names(
    gguf="bert",
    top={
        "embeddings.word_embeddings": "token_embd",
        "embeddings.position_embeddings": "position_embd",
        "embeddings.token_type_embeddings": "token_types",
        "embeddings.LayerNorm": "token_embd_norm",
        "classifier.dense": "cls",
        "classifier.out_proj": "cls.output",
    },
    layer={
        "attention.self.query": "attn_q",
        "attention.self.key": "attn_k",
        "attention.self.value": "attn_v",
        "attention.output.dense": "attn_output",
        "attention.output.LayerNorm": "attn_output_norm",
        "intermediate.dense": "ffn_up",
        "output.dense": "ffn_down",
        "output.LayerNorm": "layer_output_norm",
    },
    layers="encoder.layer",
    prefixes=("bert.", "roberta.", ""),
)
_GELUS = ("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh")
_OLD = {"weight": "gamma", "bias": "beta"}  # layer norms of checkpoints that came from TensorFlow


class Encoder:
    """A family of encoders bound to one checkpoint. Subclasses set `heads` and override the hooks."""

    names: ClassVar[Names] = NAMES
    heads: ClassVar[tuple[str, ...]] = ("pooler.", "cls.", "lm_head.")
    """Beginnings of tensors (without the prefix) that embeddings do not need."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        c = self.checkpoint = checkpoint
        self.n_embd = c.integer("hidden_size")
        self.n_ff = c.integer("intermediate_size")
        self.n_layer = c.integer("num_hidden_layers")
        self.n_head = c.integer("num_attention_heads")
        self.n_vocab = c.integer("vocab_size")
        self.n_positions = c.integer("max_position_embeddings")
        self.n_types = c.integer("type_vocab_size", 2)
        first = next(iter(self.names.top))
        self._prefix = next((p for p in self.names.prefixes if f"{p}{first}.weight" in c.names), "")
        if self.n_embd % self.n_head:
            raise refused(c, "num_attention_heads", self.n_head, "it must divide hidden_size")
        if self.n_positions <= self.position_offset():
            raise refused(c, "max_position_embeddings", self.n_positions, "no position is left for a token")
        self._refuse_others()

    # --- where families differ -----------------------------------------------------------------

    def position_offset(self) -> int:
        """Row of the position embeddings that belongs to the first token."""
        return 0

    def pooling(self) -> int | None:
        """llama.cpp's pooling type, None when the checkpoint says none."""
        return pooling(self.checkpoint)

    def head(self) -> list[TensorPlan]:
        """Tensors after the last layer."""
        return []

    # --- what all say alike ----------------------------------------------------------------------

    def metadata(self) -> Metadata:
        c, n_ctx = self.checkpoint, self.n_positions - self.position_offset()
        values: dict[str, str | int | float | bool] = {
            "vocab_size": self.n_vocab,
            "context_length": n_ctx,
            "embedding_length": self.n_embd,
            "block_count": self.n_layer,
            "feed_forward_length": self.n_ff,
            "attention.head_count": self.n_head,
            "attention.layer_norm_epsilon": c.real("layer_norm_eps", 1e-12),
            "attention.causal": False,
        }
        longest = c.json("sentence_bert_config.json", required=False).get("max_seq_length")
        if isinstance(longest, int) and 0 < longest < n_ctx:
            values["context_length_effective"] = longest
        if number := self.pooling():
            values["pooling_type"] = number
        return {f"{self.names.gguf}.{key}": value for key, value in values.items()} | dict(prefixes(c))

    def tensors(self) -> list[TensorPlan]:
        n_embd = self.n_embd
        plans = [
            self._plan("token_embd", "weight", (self.n_vocab, n_embd)),
            self._positions(),
            self._plan("token_types", "weight", (self.n_types, n_embd), f32=True),
            *self._both("token_embd_norm", (n_embd,)),
        ]
        shapes: dict[str, tuple[int, ...]] = {
            "attn_q": (n_embd, n_embd),
            "attn_k": (n_embd, n_embd),
            "attn_v": (n_embd, n_embd),
            "attn_output": (n_embd, n_embd),
            "attn_output_norm": (n_embd,),
            "ffn_up": (self.n_ff, n_embd),
            "ffn_down": (n_embd, self.n_ff),
            "layer_output_norm": (n_embd,),
        }
        for layer in range(self.n_layer):
            for kind, shape in shapes.items():
                plans += self._both(kind, shape, layer)
        return plans + self.head()

    def computed(self) -> list[ComputedTensor]:
        return []

    def is_ignored(self, name: str) -> bool:
        path = name.removeprefix(self._prefix)
        return path == "embeddings.position_ids" or path.startswith(self.heads)

    def _both(self, kind: str, shape: tuple[int, ...], layer: int | None = None) -> list[TensorPlan]:
        """Weight and bias of a module."""
        return [self._plan(kind, "weight", shape, layer), self._plan(kind, "bias", shape[:1], layer)]

    def _plan(
        self, kind: str, part: str, shape: tuple[int, ...], layer: int | None = None, *, f32: bool = False
    ) -> TensorPlan:
        table = self.names.top if layer is None else self.names.layer
        path = next(path for path, found in table.items() if found == kind)
        if layer is not None:
            path, kind = f"{self.names.layers}.{layer}.{path}", f"blk.{layer}.{kind}"
        prefix = "" if path.partition(".")[0] == "classifier" else self._prefix
        source, old = f"{prefix}{path}.{part}", f"{prefix}{path}.{_OLD[part]}"
        if source not in self.checkpoint.names and old in self.checkpoint.names:
            source = old
        return TensorPlan(f"{kind}.{part}", source, shape, f32=f32)

    def _positions(self) -> TensorPlan:
        whole = self._plan("position_embd", "weight", (self.n_positions, self.n_embd), f32=True)
        offset = self.position_offset()
        if not offset:
            return whole
        if whole.source in self.checkpoint.names and self.checkpoint.shape(whole.source) != whole.shape:
            raise CheckpointError(
                f"{self.checkpoint.folder} has {whole.source} of shape "
                f"{list(self.checkpoint.shape(whole.source))} where config.json asks for "
                f"{list(whole.shape)}; take both from one checkpoint."
            )
        rows = np.arange(offset, self.n_positions, dtype=np.intp)
        return TensorPlan(whole.name, whole.source, (len(rows), self.n_embd), rows, f32=True)

    def _refuse_others(self) -> None:
        config = self.checkpoint.config
        if config.get("hidden_act", "gelu") not in _GELUS:
            raise refused(self.checkpoint, "hidden_act", config["hidden_act"], "llama.cpp has gelu only here")
        kind = config.get("position_embedding_type") or "absolute"
        if kind != "absolute":
            raise refused(
                self.checkpoint, "position_embedding_type", kind, "llama.cpp has absolute only here"
            )
        if config.get("is_decoder"):
            raise refused(
                self.checkpoint, "is_decoder", True, "llama.cpp runs this family as an encoder only"
            )
