"""C: how far a retrieval is to be trusted."""
