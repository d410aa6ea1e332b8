"""Answers measured: asked of the router itself, judged against what is known, summed up."""
