"""What is asked of browsers: by which host, from which page, with which session."""
