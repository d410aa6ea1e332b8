"""Who may ask this server for what: hosts, keys, sessions, roles and limits."""
