"""Copies of the whole file: backups, their return, what is kept before the schema changes."""
