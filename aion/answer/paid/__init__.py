"""The paid fallback: prices, the money of each try, what is hidden of it, the one class that asks."""
