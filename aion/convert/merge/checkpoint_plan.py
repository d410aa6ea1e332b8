"""What becomes of each tensor of a checkpoint when a PEFT adapter is merged into it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aion.convert.checkpoint import Checkpoint
from aion.convert.lora.pairs import F32, Adapter, LoraPair, TrainedTokens, WholeTensor
from aion.convert.merge.parts import HEAD, Parts, parts_of, untie
from aion.errors import CheckpointError

_TABLES = ("embed_tokens.weight", "word_embeddings.weight", "wte.weight")


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """A tensor of the result: `source` (a tensor's name in the base, or one of the adapter's) changed by
    `pair`, then the rows of `tokens` replaced; `bias` is added. `dtype` is how the base stores it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    source: str | WholeTensor
    pair: LoraPair | None = None
    tokens: TrainedTokens | None = None
    bias: F32 | None = None

    @property
    def is_changed(self) -> bool:
        extra = (self.pair, self.tokens, self.bias)
        return not isinstance(self.source, str) or any(part is not None for part in extra)


@dataclass(frozen=True, slots=True)
class Plan:
    """`n_vocab` is the new number of tokens, None when it is the base's; `is_untied` says that the output,
    which was the table of embeddings, is a tensor of its own now."""

    tensors: tuple[PlannedTensor, ...]
    n_vocab: int | None
    is_untied: bool


def plan(checkpoint: Checkpoint, adapter: Adapter) -> Plan:
    """Every tensor of the merged checkpoint in the base's order. CheckpointError when the adapter changes
    what the base does not have, or has in another shape."""
    tensors = {
        name: PlannedTensor(name, checkpoint.shape(name), checkpoint.dtype(name), name)
        for name in checkpoint.names
    }
    table = next((name for name in tensors if name.endswith(_TABLES)), "")
    is_tied = bool(table) and _is_tied(checkpoint, table)
    parts = parts_of(adapter, checkpoint, {*tensors, HEAD} if is_tied else set(tensors))
    is_untied = is_tied and untie(parts, adapter, table)
    if is_tied:
        tensors.pop(HEAD, None)
    if is_untied:
        tensors[HEAD] = replace(tensors[table], name=HEAD)
    planned = {name: _applied(tensor, parts, adapter, checkpoint) for name, tensor in tensors.items()}
    return Plan(tuple(planned.values()), _new_vocabulary(planned, table, checkpoint, adapter), is_untied)


def _is_tied(checkpoint: Checkpoint, table: str) -> bool:
    """A head that is declared tied and yet is another tensor counts as its own, as in transformers 5."""
    if HEAD in checkpoint.names:
        is_declared = bool(checkpoint.config.get("tie_word_embeddings", False))
        return is_declared and checkpoint.is_same(HEAD, table)
    return checkpoint.architecture.endswith("ForCausalLM")


def _applied(tensor: PlannedTensor, parts: Parts, adapter: Adapter, checkpoint: Checkpoint) -> PlannedTensor:
    name = tensor.name

    def check(what: str, found: tuple[int, ...], due: tuple[int, ...]) -> None:
        if found != due:
            raise CheckpointError(
                f"{adapter.folder} changes {what} as {list(found)}, and in {checkpoint.folder} it is "
                f"{list(due)}; name the base it was trained on."
            )

    if whole := parts.whole.get(name):
        n_free = int(name == HEAD or name.endswith(_TABLES))  # a vocabulary may grow
        check(name, whole.shape[n_free:], tensor.shape[n_free:])
        tensor = replace(tensor, source=whole, shape=whole.shape)
    if pair := parts.pairs.get(name):
        n_out, n_in = pair.b.shape[0], pair.a.shape[1]
        check(name, (n_in, n_out) if pair.is_embedding else (n_out, n_in), tensor.shape)
        if pair.magnitude is not None:
            check(f"{name}'s magnitudes", pair.magnitude.shape, (n_out,))
    if tokens := parts.tokens.get(name):
        check(f"single tokens of {name}", tokens.rows.shape[1:], tensor.shape[1:])
        if not all(0 <= token < tensor.shape[0] for token in tokens.tokens):
            raise CheckpointError(
                f"{adapter.folder} has trained token {max(tokens.tokens)} of {name}, which has "
                f"{tensor.shape[0]}; name the base it was trained on."
            )
    bias = parts.biases.get(name)
    if bias is not None:
        check(name, bias.shape, tensor.shape)
    return replace(tensor, pair=pair, tokens=tokens, bias=bias)


def _new_vocabulary(
    planned: dict[str, PlannedTensor], table: str, checkpoint: Checkpoint, adapter: Adapter
) -> int | None:
    if table not in planned:
        return None
    n_vocab = planned[table].shape[0]
    if HEAD in planned and planned[HEAD].shape[0] != n_vocab:
        raise CheckpointError(
            f"{adapter.folder} leaves {n_vocab} tokens to {table} and {planned[HEAD].shape[0]} to {HEAD}; "
            "train it with lm_head among its target_modules or modules_to_save."
        )
    return None if n_vocab == checkpoint.shape(table)[0] else n_vocab
