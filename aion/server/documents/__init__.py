"""Documents on their way in, and searches of them."""
