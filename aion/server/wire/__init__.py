"""What comes over the wire: connections and JSON, before any route hears of it."""
