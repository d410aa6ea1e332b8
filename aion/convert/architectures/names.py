"""The table of one architecture: what Hugging Face calls a module and what GGUF calls it.

A checkpoint, an adapter and a merge all read the same table. Knows no shapes and no files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the checkpoint in GGUF's terms: `name` is "blk.3.attn_q", `kind` is "attn_q"."""

    name: str
    kind: str
    layer: int | None


@dataclass(frozen=True, slots=True)
class Names:
    """`top` and `layer` map module paths to GGUF kinds; a kind of `layer` becomes "blk.N.kind".

    `top` paths are relative to one of `prefixes`; `layers` is the path of the stack of layers. Kinds in
    `rotated` have their rows turned from halves (Hugging Face) to pairs (llama.cpp), head by head.
    `head` is the one module that stands outside the prefix.
    """

    gguf: str
    top: Mapping[str, str]
    layer: Mapping[str, str]
    layers: str = "layers"
    prefixes: tuple[str, ...] = ("model.", "")
    head: str = "lm_head"
    rotated: frozenset[str] = field(default_factory=frozenset)

    def find(self, module: str) -> Module | None:
        """The GGUF module of a checkpoint's module path (no ".weight"), None when there is none.

        >>> names.find("model.layers.3.self_attn.q_proj")
        Module(name='blk.3.attn_q', kind='attn_q', layer=3)
        """
        if module == self.head:
            return Module("output", "output", None)
        for prefix in self.prefixes:
            if module.startswith(prefix) and (found := self._within(module.removeprefix(prefix))):
                return found
        return None

    def _within(self, path: str) -> Module | None:
        if path in self.top:
            return Module(self.top[path], self.top[path], None)
        match = re.fullmatch(rf"{re.escape(self.layers)}\.(\d+)\.(.+)", path)
        if match is None or match[2] not in self.layer:
            return None
        kind = self.layer[match[2]]
        return Module(f"blk.{int(match[1])}.{kind}", kind, int(match[1]))
