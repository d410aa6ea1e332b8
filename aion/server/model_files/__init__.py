"""Model files: found, fetched, converted and merged, one maker at a time."""
