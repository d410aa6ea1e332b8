"""Which class converts which checkpoint, and which table belongs to a GGUF."""

from __future__ import annotations

import re
from collections.abc import Callable

from aion.convert.architectures import bert, encoder, llama, phi3, qwen2, qwen3, xlm_roberta
from aion.convert.architectures.architecture import Architecture
from aion.convert.architectures.names import Names
from aion.convert.checkpoint import Checkpoint
from aion.errors import CheckpointError

_FACTORIES: dict[str, Callable[[Checkpoint], Architecture]] = {
    "MistralForCausalLM": llama.llama,
    "MistralModel": llama.llama,
    "LlamaForCausalLM": llama.llama,
    "LlamaModel": llama.llama,
    "Qwen2ForCausalLM": qwen2.Qwen2,
    "Qwen2Model": qwen2.Qwen2,
    "Qwen3ForCausalLM": qwen3.Qwen3,
    "Qwen3Model": qwen3.Qwen3,
    "Phi3ForCausalLM": phi3.Phi3,
    "Phi3Model": phi3.Phi3,
    "BertModel": bert.Bert,
    "BertForMaskedLM": bert.Bert,
    "BertForSequenceClassification": bert.BertReranker,
    "XLMRobertaModel": xlm_roberta.XlmRoberta,
    "XLMRobertaForMaskedLM": xlm_roberta.XlmRoberta,
    "XLMRobertaForSequenceClassification": xlm_roberta.XlmRobertaReranker,
}
_TABLES = (llama.NAMES, qwen2.NAMES, qwen3.NAMES, phi3.NAMES, encoder.NAMES, llama.EMBEDDING_NAMES)
_NAMES = {names.gguf: names for names in _TABLES}

# What classes that AION knows no table for are, by their names; the first that fits is said.
_OTHERS = (
    (r"MoE|Moe|Mixtral", "a mixture of experts"),
    (r"ForConditionalGeneration|Vision|VL|Phi3V|Phi4MM|Audio|Llava", "a model of more than text"),
    (r"For(Sequence|Token)Classification|ForQuestionAnswering|ForReward", "a model with another head"),
)


def architecture_of(checkpoint: Checkpoint) -> Architecture:
    """The architecture of a checkpoint; CheckpointError with the known ones when it is none of them."""
    name = checkpoint.architecture
    factory = _FACTORIES.get(name)
    if factory is None:
        what = next((f", {what}" for pattern, what in _OTHERS if re.search(pattern, name)), "")
        raise CheckpointError(
            f"{checkpoint.folder / 'config.json'} names the architecture {name!r}{what}; known are "
            f"{', '.join(_FACTORIES)}."
        )
    return factory(checkpoint)


def refuse_quantized(checkpoint: Checkpoint) -> None:
    """CheckpointError for weights that another program has quantised already."""
    for key in ("quantization_config", "compression_config"):
        found = checkpoint.config.get(key)
        if found:
            method = found.get("quant_method") if isinstance(found, dict) else found
            raise CheckpointError(
                f"{checkpoint.folder / 'config.json'} has {key} of the method {method!r}, and weights can be "
                "quantised only once; convert the model it was made from and name a --type."
            )


def names_of(gguf_architecture: str) -> Names:
    """The table of a GGUF's `general.architecture`; CheckpointError when AION converts no such model."""
    found = _NAMES.get(gguf_architecture)
    if found is None:
        raise CheckpointError(
            f"The GGUF's architecture {gguf_architecture!r} is unknown here; known are {', '.join(_NAMES)}."
        )
    return found
