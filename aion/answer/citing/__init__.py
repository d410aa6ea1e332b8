"""`[n]` in a model's text: read in every form models write, verified, tidied while it streams."""
