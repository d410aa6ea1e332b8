"""What the routes answer, a file a family of routes."""
