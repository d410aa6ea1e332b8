"""What is in a file: a reader a format, the list of formats, the child process for parsers."""
