"""How good the retrieval is: questions whose right passages are known, asked, and the figures of it."""
