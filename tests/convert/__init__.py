"""Tests of aion.convert, on real files: tiny checkpoints and a small sentencepiece model."""
