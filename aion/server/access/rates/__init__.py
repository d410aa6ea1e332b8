"""How often, and how much at once."""
