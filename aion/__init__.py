"""AION: a private assistant for an operator's own documents."""

__version__ = "0.1.0"
