"""Vocabularies of checkpoints in GGUF's terms."""
