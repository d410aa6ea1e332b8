"""How good retrieval and answers are, and what C is worth."""
