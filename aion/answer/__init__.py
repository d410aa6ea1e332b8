"""Prefer local: confidence, prompt, citations and the router that joins them."""
