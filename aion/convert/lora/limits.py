"""What an adapter may hold that no runtime adapter can say: named, with the command that merges instead."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from aion.convert.lora.base import Base
from aion.convert.lora.pairs import Adapter
from aion.errors import CheckpointError

_SHOWN = 3
_WITHOUT_ADAPTERS = ("position_embd", "token_types", "cls", "cls.output")


def refuse_what_must_be_merged(adapter: Adapter, base: Base) -> None:
    """CheckpointError when only a merge can carry the adapter: DoRA, whole tensors, biases, tokens, a grown
    vocabulary, or a change of the one table that is both embedding and output.

    llama.cpp computes a tied output from token_embd.weight and would multiply the embedding's pair, which
    is stored turned, in the wrong order (a failed assertion ends the process); for an output there is no
    tensor to attach to.
    """
    whole = [name for name in adapter.replaced if not name.endswith(".bias")]
    biases = [name for name in adapter.replaced if name.endswith(".bias")]
    biases += [f"{pair.module}.lora_B.bias" for pair in adapter.pairs if pair.bias is not None]
    reasons = [
        ("DoRA magnitudes", [pair.module for pair in adapter.pairs if pair.magnitude is not None]),
        ("a grown vocabulary", _grown(adapter, base)),
        ("changes of modules that llama.cpp computes without adapters", _without(adapter, base)),
        ("trained tokens", list(adapter.trained_tokens)),
        ("trained biases", biases),
        ("whole trained tensors (modules_to_save)", whole),
        ("changes of a table that is embedding and output at once", _tied(adapter, base)),
    ]
    found = [f"{what} ({listed(names)})" for what, names in reasons if names]
    if found:
        raise CheckpointError(
            f"{adapter.folder} holds {', and '.join(found)}, which an adapter cannot carry at run time; "
            f"merge it instead: {merge_command(adapter, base)}"
        )


def listed(names: Sequence[str]) -> str:
    """The first few of `names`, and how many follow."""
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


def merge_command(adapter: Adapter, base: Base) -> str:
    """A merge needs the base's checkpoint; where only a GGUF is at hand, its place is left open."""
    folder = shlex.quote(str(base.path)) if base.path.is_dir() else "FOLDER_OF_THE_BASE"
    return f"aion merge --base {folder} --adapter {shlex.quote(str(adapter.folder))} --out OUT.gguf"


def _grown(adapter: Adapter, base: Base) -> list[str]:
    """Tables of the base's width with more tokens than it has."""
    shapes = {name.removesuffix(".weight"): tensor.shape for name, tensor in adapter.replaced.items()}
    for pair in adapter.pairs:
        n_out, n_in = pair.b.shape[0], pair.a.shape[1]
        shapes[pair.module] = (n_in, n_out) if pair.is_embedding else (n_out, n_in)
    shapes |= {module: table.shape for module, table in adapter.tables.items()}
    n_vocab, n_embd = base.shapes["token_embd"]
    return [
        f"{module} with {shape[0]} tokens where the base has {n_vocab}"
        for module, shape in shapes.items()
        if _is_table(module, base) and shape[0] > n_vocab and shape[1:] == (n_embd,)
    ]


def _without(adapter: Adapter, base: Base) -> list[str]:
    """Position and token type tables are looked up as they are, a reranker's head is multiplied so."""
    found = ((pair.module, base.names.find(pair.module)) for pair in adapter.pairs)
    return [module for module, known in found if known is not None and known.name in _WITHOUT_ADAPTERS]


def _is_table(module: str, base: Base) -> bool:
    found = base.names.find(module)
    return found is not None and found.name in ("token_embd", "output")


def _tied(adapter: Adapter, base: Base) -> list[str]:
    if not base.is_tied:
        return []
    return [pair.module for pair in adapter.pairs if _is_table(pair.module, base)]
