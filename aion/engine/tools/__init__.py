"""Tools a model may call: how its family writes calls, what holds it to them, and how they are read."""
