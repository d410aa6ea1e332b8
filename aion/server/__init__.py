"""Starlette: AION over HTTP."""
