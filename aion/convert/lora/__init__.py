"""LoRA adapters of PEFT and mlx-lm to GGUF, by the names and shapes of their base alone."""

from aion.convert.lora.convert import ADAPTER_TYPES, AdapterType, ConvertedAdapter, convert_lora

__all__ = ["ADAPTER_TYPES", "AdapterType", "ConvertedAdapter", "convert_lora"]
