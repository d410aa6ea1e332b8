"""Which sentences of an answer the passages do not bear out."""
