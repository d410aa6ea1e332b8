"""What an operator sees of the running server: one line a request, and figures for Prometheus."""
