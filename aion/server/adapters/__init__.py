"""Adapters over HTTP: loaded, listed, merged and unloaded while serving."""
