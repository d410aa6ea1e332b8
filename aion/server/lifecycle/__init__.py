"""From the start of the server to its end: a front that answers at once, loading, readiness, settings read
anew, and a stop that lets answers end."""
